"""Whole deployments, predicted offline by the real compiler: what each makes, where, and who gets which right."""

from typing import Any

import pytest

from shared.settings import Settings
from tests.infra.compiler import Compiler
from tests.infra.installations import (
    INSTALLATIONS,
    OTHER,
    OWN,
    THIRD,
    TOPIC,
    group,
    own_group,
    predict,
    rights,
    scope_of,
    signalr,
    vault,
)
from tests.infra.test_settings import LOCAL, PLATFORM

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
