"""What each kind of installation is made for: private, with what others made, spread over zones, a trial."""

from typing import Any

from tests.infra.installations import INSTALLATIONS, OTHER, READER, TOPIC, WORKSPACE, group, vault


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
