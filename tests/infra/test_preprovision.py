"""The hook before a provision, run as azd runs it, with recorders in place of `az` and `azd`."""

from pathlib import Path
from typing import Any

import pytest

from tests.infra.hooks import azure_with_the_code, preprovision
from tests.infra.installations import OTHER, OWN, SUBNETS, group, signalr, vault
from tests.infra.recorder import Recorder


@pytest.fixture
def azure(tmp_path: Path) -> Recorder:
    return azure_with_the_code(tmp_path)


def test_nothing_is_provisioned_before_something_is_named(azure: Recorder) -> None:
    refused = preprovision(azure, SIGNALR_RESOURCE_IDS="")

    assert 1 == refused.code
    assert "azd env set SIGNALR_RESOURCE_IDS" in refused.err


@pytest.mark.parametrize(
    "named",
    [
        {"SIGNALR_RESOURCE_IDS": signalr("Chat")},
        {"SIGNALR_RESOURCE_GROUP_IDS": f"{group('a')}; {group('b')}/"},
        {"SIGNALR_SUBSCRIPTION_IDS": f"{OTHER.upper()} /subscriptions/{OWN}"},
    ],
)
def test_any_of_the_three_will_do_in_any_spelling(azure: Recorder, named: dict[str, str]) -> None:
    assert (0, "") == ((done := preprovision(azure, **{"SIGNALR_RESOURCE_IDS": ""} | named)).code, done.err)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SIGNALR_RESOURCE_IDS": group("a")}, "SIGNALR_RESOURCE_IDS"),
        ({"SIGNALR_SUBSCRIPTION_IDS": "production"}, "production is not a GUID"),
        ({"EXISTING_KEY_VAULT_ID": "https://kv.vault.azure.net"}, "EXISTING_KEY_VAULT_ID"),
        ({"VAULT_READER_PRINCIPAL_IDS": "me@example.com"}, "VAULT_READER_PRINCIPAL_IDS"),
        ({"APP_SUBNET_ID": SUBNETS["appSubnetId"], "VNET_ENABLED": "true"}, "set both or none"),
        ({"ROTATOR_ROLE_ID": OTHER}, "set both or none"),
        ({"APP_SUBNET_ID": SUBNETS["appSubnetId"], "ENDPOINT_SUBNET_ID": SUBNETS["endpointSubnetId"]}, "VNET_ENABLED"),
        ({"AZURE_LOCATION": "antarctica"}, "does not offer Flex Consumption"),
        ({"NAME_TOKEN": "My-App"}, "NAME_TOKEN: 1 to 13"),
        ({"FUNCTION_APP_NAME": "func-abc"}, "scripts/upgrade keeps the names (NAME_TOKEN=abc)"),
    ],
)
def test_what_would_fail_late_is_refused_first(azure: Recorder, variables: dict[str, str], said: str) -> None:
    refused = preprovision(azure, **variables)

    assert 1 == refused.code
    assert said in refused.err


@pytest.mark.parametrize("known", ["INSTALLATION_ID", "NAME_TOKEN"])
def test_installation_whose_names_are_known_is_provisioned_again(azure: Recorder, known: str) -> None:
    assert 0 == preprovision(azure, FUNCTION_APP_NAME="func-abc", **{known: "abc"}).code


@pytest.mark.parametrize(
    ("tags", "holds", "known", "stops"),
    [
        (None, ["orders"], {}, True),
        ({"azd-env-name": "second"}, ["orders"], {}, True),
        ({"azd-env-name": "rotation"}, ["orders"], {}, False),
        (None, [], {}, False),
        (None, ["orders"], {"NAME_TOKEN": "abc"}, False),
        (None, ["orders"], {"INSTALLATION_ID": "abc"}, False),
        (None, ["orders"], {"INSTALLATION_ID": "abc", "AZURE_RESOURCE_GROUP": "RG-rotation"}, False),
        (None, ["orders"], {"INSTALLATION_ID": "abc", "AZURE_RESOURCE_GROUP": "rg-before"}, True),
    ],
)
def test_first_installation_moves_into_no_group_of_others(
    azure: Recorder, tags: Any, holds: list[str], known: dict[str, str], *, stops: bool
) -> None:
    azure.answer("group exists", True)  # noqa: FBT003 - as az answers
    azure.answer("group show", {"name": "rg-rotation", "tags": tags})
    azure.answer("resource list --resource-group rg-rotation", [{"id": each} for each in holds])
    done = preprovision(azure, **known)

    assert stops == bool(done.code)
    assert stops == ("azd env set AZURE_RESOURCE_GROUP_NAME" in done.err)


def test_group_that_is_named_is_the_one_looked_at(azure: Recorder) -> None:
    azure.answer("group exists --name shared ", True)  # noqa: FBT003 - as az answers
    azure.answer("group show --name shared ", {"tags": {}})
    azure.answer("resource list --resource-group shared ", [{"id": "orders"}])

    assert 1 == preprovision(azure, AZURE_RESOURCE_GROUP_NAME="shared").code


EARLIER_SETTINGS = ["ROTATION_SCHEDULE", "OVERLAP_HOURS"]


def site(**other: Any) -> dict[str, Any]:
    found = f"{group('RG-rotation')}/providers/Microsoft.Web/sites/func-abc"
    return {"id": found, "name": "func-abc", "tags": {"azd-env-name": "rotation"}} | other


def test_earlier_installation_that_a_new_machine_does_not_know_is_found_in_azure(azure: Recorder) -> None:
    """A workflow's runner has an environment of azd that is empty."""
    azure.answer("resource list --resource-type Microsoft.Web/sites", [site()])
    azure.answer("appsettings list", EARLIER_SETTINGS)
    refused = preprovision(azure)

    assert 1 == refused.code
    assert "NAME_TOKEN=abc" in refused.err


@pytest.mark.parametrize(
    ("found", "has", "given"),
    [
        (site(), [*EARLIER_SETTINGS, "ROTATION_WAVES"], {}),
        (site(), ["FUNCTIONS_EXTENSION_VERSION"], {}),
        (site(), {"failure": "AuthorizationFailed"}, {}),
        (site(), EARLIER_SETTINGS, {"NAME_TOKEN": "abc"}),
        (site(tags=None), EARLIER_SETTINGS, {}),
        (site(tags={"azd-env-name": "second"}), EARLIER_SETTINGS, {}),
        (site(id=f"{group('rg-other')}/providers/Microsoft.Web/sites/func-abc"), EARLIER_SETTINGS, {}),
    ],
    ids=["this version", "no rotator", "unreadable", "named", "untagged", "of another name", "in another group"],
)
def test_function_app_of_another_kind_or_owner_stops_no_provision(
    azure: Recorder, found: dict[str, Any], has: Any, given: dict[str, str]
) -> None:
    azure.answer("resource list --resource-type Microsoft.Web/sites", [found])
    azure.answer("appsettings list", has)

    assert 0 == preprovision(azure, **given).code


def test_region_may_be_written_as_the_portal_does(azure: Recorder) -> None:
    assert 0 == preprovision(azure, AZURE_LOCATION="North Europe").code


def test_vault_with_access_policies_is_refused(azure: Recorder) -> None:
    azure.answer("resource show", {"properties": {"enableRbacAuthorization": False}})

    assert "must use Azure RBAC" in preprovision(azure, EXISTING_KEY_VAULT_ID=vault("Mine")).err


def test_unregistered_network_provider_is_refused(azure: Recorder) -> None:
    azure.answer("provider show", {"registrationState": "NotRegistered"})

    assert "az provider register" in preprovision(azure, VNET_ENABLED="true").err


def test_az_that_is_not_signed_in_is_told_before_the_ten_minutes(azure: Recorder) -> None:
    azure.answer("account show", {"failure": "Please run 'az login'"})
    refused = preprovision(azure)

    assert 1 == refused.code
    assert "az login" in refused.err


@pytest.mark.parametrize("missing", ["AZURE_SUBSCRIPTION_ID", "AZURE_LOCATION"])
def test_first_run_before_azd_has_asked_is_not_refused(azure: Recorder, missing: str) -> None:
    done = preprovision(azure, **{missing: ""})

    assert 0 == done.code
    assert f"{missing} not set yet" in done.err
    assert [] == done.calls


def test_what_may_not_be_looked_at_holds_nobody_up(azure: Recorder) -> None:
    for each in ("list-flex", "list-deleted"):
        azure.answer(each, {"failure": "AuthorizationFailed"})
    done = preprovision(azure)

    assert 0 == done.code
    assert "Not checked" in done.err


def deleted(name: str = "kv-4f6h2k7m9q3ab", **other: Any) -> dict[str, Any]:
    was = {
        "vaultId": f"{group('rg-rotation')}/providers/Microsoft.KeyVault/vaults/{name}",
        "location": "westeurope",
        "tags": {"azd-env-name": "rotation"},
    }
    return {"name": name, "properties": was | other}


def test_deleted_vault_of_this_installation_is_recovered(azure: Recorder) -> None:
    azure.answer("list-deleted", [deleted()])

    done = preprovision(azure)

    assert ["azd env set RECOVER_KEY_VAULT true", "azd env set KEY_VAULT_NAME kv-4f6h2k7m9q3ab"] == done.lines("azd")
    assert "Run `azd provision` once more" in done.out


@pytest.mark.parametrize("known", [{"KEY_VAULT_NAME": "kv-old"}, {"NAME_TOKEN": "old"}])
def test_name_that_is_given_already_is_not_kept_again(azure: Recorder, known: dict[str, str]) -> None:
    azure.answer("list-deleted", [deleted("kv-old")])

    assert ["azd env set RECOVER_KEY_VAULT true"] == preprovision(azure, **known).lines("azd")


@pytest.mark.parametrize("runs", [True, False])
def test_installation_that_runs_with_another_vault_of_its_own_keeps_that(azure: Recorder, *, runs: bool) -> None:
    azure.answer("list-deleted", [deleted()])
    if not runs:
        azure.answer("resource show", {"failure": "ResourceNotFound"})
    now = deleted("kv-4f6h2k7m9q3zz")["properties"]["vaultId"]

    assert runs == (preprovision(azure, KEY_VAULT_ID=now, INSTALLATION_ID="abc").lines("azd") == [])


def test_kept_name_that_is_taken_in_another_region_is_reported(azure: Recorder) -> None:
    azure.answer("list-deleted", [deleted(location="northeurope")])
    refused = preprovision(azure, KEY_VAULT_NAME="kv-4f6h2k7m9q3ab")

    assert 1 == refused.code
    assert 'azd env set KEY_VAULT_NAME ""' in refused.err


@pytest.mark.parametrize(
    "other",
    [
        deleted(location="northeurope"),
        deleted(tags={"azd-env-name": "second"}),
        deleted(tags=None),
        deleted(vaultId=f"{group('rg-other')}/providers/Microsoft.KeyVault/vaults/kv-4f6h2k7m9q3ab"),
        deleted(vaultId=f"{group('rg-rotation', OTHER)}/providers/Microsoft.KeyVault/vaults/kv-4f6h2k7m9q3ab"),
    ],
)
def test_deleted_vault_of_others_is_not(azure: Recorder, other: dict[str, Any]) -> None:
    azure.answer("list-deleted", [other])

    assert [] == preprovision(azure).lines("azd")


@pytest.mark.parametrize(
    ("name", "given", "recovers"),
    [
        ("chat-keys", {"KEY_VAULT_NAME": "chat-keys"}, True),
        ("chat-keys", {}, False),
        ("kv-4f6h2k7m9q3ab", {"KEY_VAULT_NAME": "chat-keys"}, False),
        ("kv-old", {"NAME_TOKEN": "old"}, True),
        ("kv-old", {}, False),
    ],
)
def test_a_vault_that_no_provision_makes_any_more_is_left_deleted(
    azure: Recorder, name: str, given: dict[str, str], *, recovers: bool
) -> None:
    """Told to recover, Azure refuses to make a vault of any other name."""
    azure.answer("list-deleted", [deleted(name)])

    assert recovers == bool(preprovision(azure, **given).lines("azd env set RECOVER_KEY_VAULT true"))


def test_the_run_after_a_recovery_does_not_recover_again(azure: Recorder) -> None:
    """Recovering a vault that was not deleted fails: the switch must not stay on."""
    assert ["azd env set RECOVER_KEY_VAULT false"] == preprovision(azure, RECOVER_KEY_VAULT="true").lines("azd")


def test_installing_in_another_region_leaves_the_old_vault_deleted(azure: Recorder) -> None:
    azure.answer("list-deleted", [deleted()])

    assert [] == preprovision(azure, AZURE_LOCATION="northeurope").lines("azd")
