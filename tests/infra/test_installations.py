"""Whole deployments, predicted offline by the real compiler: what each makes, where, and who gets which right."""

import re
from functools import cache
from typing import Any

import pytest

from shared.settings import Settings
from tests.infra.compiler import Compiler, Predicted, Refused
from tests.infra.installations import (
    INSTALLATIONS,
    OTHER,
    OWN,
    READER,
    ROLES,
    THIRD,
    TOPIC,
    WORKSPACE,
    group,
    predict,
    signalr,
    vault,
)
from tests.infra.test_settings import LOCAL, PLATFORM

ROLE_NAMES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Queue Data Contributor",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Secrets Officer",
    "4633458b-17de-408a-b874-0445c86b69e6": "Secrets User",
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Metrics Publisher",
    ROLES[0]: "rotator of others",
    ROLES[1]: "operation reader of others",
}
# Outside the own group: (role, scope), the scope in lower case. One pair of custom roles belongs to each subscription.
RIGHTS = {
    "one resource": {("rotator", signalr("Chat")), ("operation reader", f"/subscriptions/{OWN}")},
    "a group": {("rotator", group("Live")), ("operation reader", f"/subscriptions/{OWN}")},
    "three subscriptions": {
        ("rotator", signalr("Chat")),
        ("rotator", signalr("Game", OTHER)),
        ("rotator", f"/subscriptions/{THIRD}"),
        *(("operation reader", f"/subscriptions/{id_}") for id_ in (OWN, OTHER, THIRD)),
    },
    "a subscription in three spellings": {
        ("rotator", f"/subscriptions/{OTHER}"),
        ("operation reader", f"/subscriptions/{OTHER}"),
    },
    "nothing to rotate": set(),
    "vault of others": {
        ("rotator", signalr("Chat")),
        ("operation reader", f"/subscriptions/{OWN}"),
        ("Secrets Officer", vault("Mine")),
        ("Secrets User", vault("Mine")),
        ("Secrets Officer", vault("Theirs", OTHER)),
    },
    "workspace, topic and roles of others": {
        ("rotator of others", signalr("Chat")),
        ("operation reader of others", f"/subscriptions/{OWN}"),
        ("EventGrid Data Sender", TOPIC),
    },
}

each_installation = pytest.mark.parametrize("name", INSTALLATIONS)


@pytest.fixture(scope="module")
def predicted(compiler: Compiler) -> Any:
    """An installation by its name, predicted once."""
    return cache(lambda name: predict(compiler, INSTALLATIONS[name]))


def scope_of(resource: dict[str, Any]) -> str:
    """Where a right is given, or a resource is made, in lower case."""
    text = resource["id"]
    if found := re.match(r"\[extensionResourceId\('([^']+)'", text):
        return found[1].lower()
    if found := re.match(r"\[subscriptionResourceId\('([^']+)'", text):
        return f"/subscriptions/{found[1]}".lower()
    if found := re.match(r"\[resourceId\('([^']+)', '([^']+)'", text):
        return f"/subscriptions/{found[1]}/resourceGroups/{found[2]}".lower()
    return str(text).split("/providers/Microsoft.Authorization")[0].lower()


def rights(deployment: Predicted) -> list[tuple[str, str]]:
    """Every (role, scope) given; a custom role counts only in its own subscription."""
    custom = {
        made["id"]: made["properties"]["roleName"].removeprefix("SignalR ").removeprefix("key ").split(" (")[0]
        for made in deployment.of("Microsoft.Authorization/roleDefinitions")
    }
    return [
        (
            custom.get(role := given["properties"]["roleDefinitionId"]) or ROLE_NAMES[role.split("/")[-1]],
            scope_of(given),
        )
        for given in deployment.of("Microsoft.Authorization/roleAssignments")
    ]


def own_group(deployment: Predicted) -> str:
    return str(deployment.one("Microsoft.Resources/resourceGroups")["id"]).lower()


@each_installation
def test_is_predicted_without_complaint(predicted: Any, name: str) -> None:
    assert [] == predicted(name).diagnostics


@each_installation
def test_nothing_is_made_twice_in_any_spelling(predicted: Any, name: str) -> None:
    ids = [resource["id"].lower() for resource in predicted(name).resources]

    assert [] == [id_ for id_ in ids if ids.count(id_) > 1]


@each_installation
def test_no_right_is_given_twice(predicted: Any, name: str) -> None:
    given = rights(predicted(name))

    assert len(given) == len(set(given))


@each_installation
def test_outside_its_own_group_it_makes_roles_and_assignments_only(predicted: Any, name: str) -> None:
    deployment = predicted(name)
    outside = {r["type"] for r in deployment.resources if not scope_of(r).startswith(own_group(deployment))}

    assert outside <= {"Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleDefinitions"}


@pytest.mark.parametrize("name", RIGHTS)
def test_rights_outside_the_own_group_are_these(predicted: Any, name: str) -> None:
    deployment = predicted(name)
    outside = {(role, scope) for role, scope in rights(deployment) if not scope.startswith(own_group(deployment))}

    assert {(role, scope.lower()) for role, scope in RIGHTS[name]} == outside


@pytest.mark.parametrize("name", ["one resource twice", "one resource in two spellings"])
def test_one_resource_however_it_is_written_is_one_installation(predicted: Any, name: str) -> None:
    assert predicted("one resource").resources == predicted(name).resources


@each_installation
def test_custom_roles_stay_in_their_own_subscription(predicted: Any, name: str) -> None:
    """So a subscription can leave the lists: Azure refuses to narrow a role that is assigned where it is to leave."""
    for role in predicted(name).of("Microsoft.Authorization/roleDefinitions"):
        assert ["/".join(role["id"].split("/")[:3])] == role["properties"]["assignableScopes"]


def test_taking_a_subscription_away_changes_nothing_in_the_others(compiler: Compiler, predicted: Any) -> None:
    less = predict(compiler, {"signalRResourceIds": signalr("Chat"), "signalRSubscriptionIds": THIRD})
    before = {
        resource["id"]: resource["properties"]
        for resource in predicted("three subscriptions").of("Microsoft.Authorization/roleDefinitions")
    }
    after = {r["id"]: r["properties"] for r in less.of("Microsoft.Authorization/roleDefinitions")}

    assert 4 == len(after)
    assert after.items() <= before.items()


@each_installation
def test_app_settings_are_those_the_app_reads(predicted: Any, name: str) -> None:
    settings = predicted(name).one("Microsoft.Web/sites/config")["properties"]
    by_hand = {"AzureWebJobs.sweep.Disabled"}

    assert {key.lower() for key in {*Settings.model_fields} - LOCAL | PLATFORM} == {
        key.lower() for key in {*settings} - by_hand
    }


def test_a_setting_by_hand_wins_whatever_its_case(predicted: Any) -> None:
    settings = predicted("settings by hand").one("Microsoft.Web/sites/config")["properties"]
    by_name = {name.lower(): value for name, value in settings.items()}

    assert "72" == by_name["overlap_hours"]
    assert "true" == by_name["azurewebjobs.sweep.disabled"]
    assert "Rotate" == by_name["required_app_role"]
    assert len(by_name) == len(settings)


def test_lists_reach_the_app_as_they_were_understood(predicted: Any) -> None:
    settings = predicted("three subscriptions").one("Microsoft.Web/sites/config")["properties"]

    assert f"{signalr('Chat')},{signalr('Game', OTHER)}".lower() == settings["SIGNALR_RESOURCE_IDS"]
    assert THIRD == settings["SIGNALR_SUBSCRIPTION_IDS"]


def test_private_means_that_storage_and_vault_have_no_other_door(predicted: Any) -> None:
    deployment = predicted("private")
    doors = [
        deployment.one(type_)["properties"]
        for type_ in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults")
    ]

    assert [("Disabled", "Deny", "None")] * 2 == [
        (door["publicNetworkAccess"], door["networkAcls"]["defaultAction"], door["networkAcls"]["bypass"])
        for door in doors
    ]
    assert 3 == len(deployment.of("Microsoft.Network/privateEndpoints"))
    assert 3 == len(deployment.of("Microsoft.Network/privateDnsZones"))
    assert deployment.one("Microsoft.Web/sites/extensions")


def test_network_and_zones_of_others_are_used_and_none_is_made(predicted: Any) -> None:
    deployment = predicted("private in a network of others")
    site = deployment.one("Microsoft.Web/sites")["properties"]
    groups = deployment.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    zones = [g["properties"]["privateDnsZoneConfigs"][0]["properties"]["privateDnsZoneId"] for g in groups]

    assert INSTALLATIONS["private in a network of others"]["appSubnetId"].lower() == site["virtualNetworkSubnetId"]
    assert [] == [
        kind
        for kind in ("virtualNetworks", "privateDnsZones", "privateDnsZones/virtualNetworkLinks")
        if deployment.of(f"Microsoft.Network/{kind}")
    ]
    assert 3 == len(zones)
    assert all(group("dns", OTHER).lower() in zone for zone in zones)


def test_vault_of_others_is_used_and_none_is_made(predicted: Any) -> None:
    deployment = predicted("vault of others")

    assert [] == deployment.of("Microsoft.KeyVault/vaults")
    assert vault("Mine").lower() == deployment.outputs["KEY_VAULT_ID"]
    assert "'mine'" in deployment.outputs["KEY_VAULT_URL"]


def test_workspace_topic_and_roles_of_others_are_used_and_none_is_made(predicted: Any) -> None:
    deployment = predicted("workspace, topic and roles of others")
    made = {resource["type"] for resource in deployment.resources}

    assert not made & {
        "Microsoft.OperationalInsights/workspaces",
        "Microsoft.EventGrid/topics",
        "Microsoft.Authorization/roleDefinitions",
    }
    rules = deployment.of("Microsoft.Insights/scheduledQueryRules")
    assert {WORKSPACE.lower()} == {scope for rule in rules for scope in rule["properties"]["scopes"]}
    assert TOPIC.lower() in deployment.outputs["EVENT_GRID_TOPIC_ENDPOINT"].lower()


def test_zones_and_ready_instances_are_asked_for(predicted: Any) -> None:
    deployment = predicted("zone redundant, always ready")
    scale = deployment.one("Microsoft.Web/sites")["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    assert deployment.one("Microsoft.Web/serverfarms")["properties"]["zoneRedundant"] is True
    assert "Standard_ZRS" == deployment.one("Microsoft.Storage/storageAccounts")["sku"]["name"]
    assert [{"name": "http", "instanceCount": 2}] == scale["alwaysReady"]
    assert {"http": {"perInstanceConcurrency": 32}} == scale["triggers"]


def test_an_instance_serves_many_calls_by_default(predicted: Any) -> None:
    scale = predicted("one resource").one("Microsoft.Web/sites")["properties"]["functionAppConfig"][
        "scaleAndConcurrency"
    ]

    assert {"http": {"perInstanceConcurrency": 16}} == scale["triggers"]
    assert [] == scale["alwaysReady"]


def test_vault_is_recovered_only_when_asked(predicted: Any) -> None:
    modes = {
        name: predicted(name).one("Microsoft.KeyVault/vaults")["properties"]["createMode"]
        for name in ("one resource", "recovered vault with readers")
    }

    assert {"one resource": "default", "recovered vault with readers": "recover"} == modes


def test_a_trial_can_be_purged_and_nothing_else_can(predicted: Any) -> None:
    purge = {
        name: predicted(name).one("Microsoft.KeyVault/vaults")["properties"].get("enablePurgeProtection")
        for name in ("one resource", "trial")
    }

    assert {"one resource": True, "trial": None} == purge
    assert "kv-trial" == predicted("trial").one("Microsoft.KeyVault/vaults")["name"]


def test_readers_may_read_the_main_vault_and_may_be_anybody(predicted: Any) -> None:
    deployment = predicted("recovered vault with readers")
    [reader] = [
        given["properties"]
        for given in deployment.of("Microsoft.Authorization/roleAssignments")
        if given["properties"]["principalId"] == READER
    ]

    assert reader["roleDefinitionId"].endswith("4633458b-17de-408a-b874-0445c86b69e6")
    assert "principalType" not in reader


def test_tags_are_on_everything_that_has_tags(predicted: Any) -> None:
    tagged = [resource["tags"] for resource in predicted("trial").resources if resource.get("tags")]

    assert len(tagged) > 10
    assert all({"cost": "42", "azd-env-name": "rotation"}.items() <= tags.items() for tags in tagged)


def test_no_name_is_too_long(predicted: Any) -> None:
    limits = {"Microsoft.Storage/storageAccounts": 24, "Microsoft.KeyVault/vaults": 24, "Microsoft.Web/sites": 60}

    assert [] == [
        resource["name"]
        for type_, limit in limits.items()
        for resource in predicted("longest name").of(type_)
        if len(resource["name"]) > limit
    ]


@pytest.mark.parametrize(
    "other", [{"environmentName": "second"}, {"resourceGroupName": "rg-second"}, {"location": "northeurope"}]
)
def test_another_installation_shares_no_name(compiler: Compiler, predicted: Any, other: dict[str, str]) -> None:
    first, second = predicted("one resource"), predict(compiler, INSTALLATIONS["one resource"] | other)
    names = [
        {
            r["name"]
            for r in deployment.resources
            if r["type"].startswith(("Microsoft.Web", "Microsoft.KeyVault/vaults"))
        }
        for deployment in (first, second)
    ]

    assert set() == names[0] & names[1]


def test_another_installation_in_the_tenant_has_roles_of_other_names(compiler: Compiler, predicted: Any) -> None:
    """Role names are unique in a tenant: dev and prod both call their environment `rotation`."""
    given = {"environmentName": "rotation", "location": "westeurope", "signalRResourceIds": signalr("Chat", OTHER)}
    other = compiler.predict(
        "main.bicep", given, subscriptionId=OTHER, tenantId=OWN, location="westeurope", deploymentName="rotation"
    )
    mine = predicted("three subscriptions")
    names = [
        [r["properties"]["roleName"] for r in d.of("Microsoft.Authorization/roleDefinitions")] for d in (mine, other)
    ]

    assert 6 == len(set(names[0]))
    assert set() == {*names[0]} & {*names[1]}


@pytest.mark.parametrize("spelling", ["West Europe", "WestEurope"])
def test_a_region_in_another_spelling_is_the_same_installation(
    compiler: Compiler, predicted: Any, spelling: str
) -> None:
    other = predict(compiler, INSTALLATIONS["one resource"] | {"location": spelling})

    assert [r["id"] for r in predicted("one resource").resources] == [r["id"] for r in other.resources]


def test_silence_is_asked_about_in_a_window_that_azure_allows(predicted: Any) -> None:
    [silence] = [
        rule["properties"]
        for rule in predicted("one resource").of("Microsoft.Insights/scheduledQueryRules")
        if rule["name"].startswith("no-heartbeat")
    ]
    [criterion] = silence["criteria"]["allOf"]

    assert "P2D" == silence["windowSize"]
    assert "ago(3h)" in criterion["query"]
    assert 'datetime("2026-01-01T00:00:00Z") + 3h' in criterion["query"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"overlapHours": -1},
        {"secretFormat": "xml"},
        {"environmentName": "n" * 41},
        {"silentHours": 48},
        {"keyVaultName": "k"},
    ],
)
def test_a_value_out_of_range_is_refused_before_anything_is_made(compiler: Compiler, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        predict(compiler, INSTALLATIONS["one resource"] | wrong)
