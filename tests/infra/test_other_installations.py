"""An installation beside another one, in another spelling, or out of range."""

from typing import Any

import pytest

from shared.settings import FUNCTION_TIMEOUT_SECONDS, OTHER_STEPS_SECONDS
from tests.infra.compiler import Compiler, Refused
from tests.infra.installations import INSTALLATIONS, OTHER, OWN, predict, signalr


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


def test_another_group_of_one_environment_name_has_roles_of_its_own(compiler: Compiler, predicted: Any) -> None:
    """Shared ones would be narrowed by whichever is provisioned last."""
    other = predict(compiler, INSTALLATIONS["one resource"] | {"resourceGroupName": "rg-second"})
    roles = [
        {role["id"] for role in deployment.of("Microsoft.Authorization/roleDefinitions")}
        for deployment in (predicted("one resource"), other)
    ]

    assert [2, 2] == [len(each) for each in roles]
    assert set() == roles[0] & roles[1]


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


def test_names_that_are_kept_are_those_wherever_it_is(compiler: Compiler, predicted: Any) -> None:
    """Names that an earlier version made go on in a version that hashes them otherwise."""
    [app] = predicted("one resource").of("Microsoft.Web/sites")
    kept = {"nameToken": app["name"].removeprefix("func-"), "location": "northeurope"}
    again = predict(compiler, INSTALLATIONS["one resource"] | kept)

    assert [r["id"] for r in predicted("one resource").resources] == [r["id"] for r in again.resources]


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
        {"operationTimeoutSeconds": 621},
        {"keyEffectTimeoutSeconds": 134},
    ],
)
def test_a_value_out_of_range_is_refused_before_anything_is_made(compiler: Compiler, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        predict(compiler, INSTALLATIONS["one resource"] | wrong)


@pytest.mark.parametrize(("operation", "effect"), [(620, 120), (600, 133), (785, 10), (60, 493)])
def test_the_longest_waits_that_the_template_takes_are_the_longest_that_the_app_takes(
    compiler: Compiler, operation: int, effect: int
) -> None:
    """Two of the one and three of the other must fit into functionTimeout, with 200 s for the rest."""
    given = {"operationTimeoutSeconds": operation, "keyEffectTimeoutSeconds": effect}
    deployed = predict(compiler, INSTALLATIONS["one resource"] | given).one("Microsoft.Web/sites/config")["properties"]
    waits = 2 * operation + 3 * effect + OTHER_STEPS_SECONDS

    assert (str(operation), str(effect)) == tuple(
        deployed[name] for name in ("OPERATION_TIMEOUT_SECONDS", "KEY_EFFECT_TIMEOUT_SECONDS")
    )
    assert waits <= FUNCTION_TIMEOUT_SECONDS < waits + 3
