"""scripts/upgrade: what it keeps, what azd's environment changes, and what it shows of either."""

from pathlib import Path

import pytest

from tests.infra.installations import signalr
from tests.infra.installed import azure_with_an_installation, run
from tests.infra.recorder import Recorder


@pytest.fixture
def azure(tmp_path: Path) -> Recorder:
    return azure_with_an_installation(tmp_path)


def test_upgrade_keeps_what_was_set_by_hand(azure: Recorder) -> None:
    azure.answer(
        "config/appsettings/list",
        {
            "properties": {
                "OVERLAP_HOURS": "24",
                "REQUIRED_APP_ROLE": "Rotate",
                "AzureWebJobs.sweep.Disabled": "true",
                "KEY_VAULT_URL": "https://kv.vault.azure.net",
                "SIGNALR_RESOURCE_IDS": signalr("chat").lower(),
                "SECRET_NAME_TEMPLATE": "{name}-connection-string",
            }
        },
    )
    done = run(azure, "upgrade", "--yes", EXTRA_APP_SETTINGS='{"MY": "own"}')

    assert [
        "azd env set OVERLAP_HOURS 24",  # the default of the version before
        "azd env set REQUIRED_APP_ROLE Rotate",
        'azd env set EXTRA_APP_SETTINGS {"MY": "own", "AzureWebJobs.sweep.Disabled": "true"}',
        "azd provision --no-state --no-prompt",
        "azd deploy --no-prompt",
    ] == done.lines("azd")


def test_upgrade_keeps_the_names_of_a_version_that_hashed_them_otherwise(azure: Recorder) -> None:
    """It put out no INSTALLATION_ID. Everything would be made a second time, the vault of the secrets as well."""
    done = run(azure, "upgrade", "--yes", INSTALLATION_ID="", FUNCTION_APP_NAME="func-abc")

    assert "azd env set NAME_TOKEN abc" == done.lines("azd")[0]


def test_upgrade_shows_what_azd_says(azure: Recorder) -> None:
    """The hook at the end looks at the app: its dry run is what tells whether all is as before."""
    azure.answer("azd deploy", "1 SignalR resources are managed")
    azure.answer("azd provision", "Creating a plan")
    done = run(azure, "upgrade", "--yes")

    assert done.out.index("Creating a plan") < done.out.index("1 SignalR resources are managed")


def test_upgrade_whose_deployment_fails_has_failed(azure: Recorder) -> None:
    azure.answer("azd provision", {"failure": "quota exceeded"})
    done = run(azure, "upgrade", "--yes")

    assert 1 == done.code
    assert "quota exceeded" in done.err
    assert [] == done.lines("azd deploy")


def test_upgrade_provisions_nothing_where_a_setting_could_not_be_kept(azure: Recorder) -> None:
    azure.answer("config/appsettings/list", {"properties": {"REQUIRED_APP_ROLE": "Rotate"}})
    azure.answer("azd env set", {"failure": "no environment"})
    done = run(azure, "upgrade", "--yes")

    assert 1 == done.code
    assert [] == done.lines("azd provision", "azd deploy")


@pytest.mark.parametrize("reference", [False, True])
def test_upgrade_writes_no_secret_into_azds_environment(azure: Recorder, *, reference: bool) -> None:
    value = "@Microsoft.KeyVault(SecretUri=https://kv/x)" if reference else "hunter2"
    azure.answer("config/appsettings/list", {"properties": {"MICROSOFT_PROVIDER_AUTHENTICATION_SECRET": value}})
    done = run(azure, "upgrade", "--yes")

    assert (0 if reference else 1) == done.code
    assert "hunter2" not in done.out + done.err + str(done.lines())
    assert reference == bool(done.lines("azd provision"))


@pytest.mark.parametrize(
    ("name", "deployed", "given"),
    [
        ("REQUIRED_APP_ROLE", "Rotate", "Operate"),
        ("REQUIRED_APP_ROLE", "Rotate", ""),
        ("SIGNALR_RESOURCE_IDS", signalr("chat"), signalr("Game")),
        ("ROTATION_PERIOD_DAYS", "90", "30"),
    ],
)
def test_what_azds_environment_says_wins_and_is_shown(azure: Recorder, name: str, deployed: str, given: str) -> None:
    azure.answer("config/appsettings/list", {"properties": {name: deployed}})
    said = run(azure, "upgrade", "--what-if", **{name: given}).out
    done = run(azure, "upgrade", "--yes", **{name: given})

    assert f"will change {name}: {deployed!r} → {given!r}" in said
    assert [] == done.lines("azd env set")
    assert 2 == len(done.lines("azd provision", "azd deploy"))


@pytest.mark.parametrize("name", ["REQUIRED_APP_ROLE", "ROTATION_PERIOD_DAYS"])
def test_what_azds_environment_has_not_is_kept(azure: Recorder, name: str) -> None:
    azure.answer("config/appsettings/list", {"properties": {name: "90"}})
    done = run(azure, "upgrade", "--yes")

    assert [f"azd env set {name} 90"] == done.lines("azd env set")
    assert "will change" not in done.out


def test_same_resources_in_another_spelling_are_no_change(azure: Recorder) -> None:
    azure.answer("config/appsettings/list", {"properties": {"SIGNALR_RESOURCE_IDS": signalr("CHAT").upper()}})

    assert "SIGNALR_RESOURCE_IDS" not in run(azure, "upgrade", "--what-if", SIGNALR_RESOURCE_IDS=signalr("Chat")).out


def test_an_extra_setting_wins_too_and_the_parameter_beside_it_is_not_set(azure: Recorder) -> None:
    """The JSON comes after the parameters: the parameter alone would be in vain."""
    azure.answer("config/appsettings/list", {"properties": {"OVERLAP_HOURS": "48"}})
    done = run(azure, "upgrade", "--yes", EXTRA_APP_SETTINGS='{"OVERLAP_HOURS": "24"}')

    assert "will change OVERLAP_HOURS: '48' → '24'" in done.out
    assert [] == done.lines("azd env set")


@pytest.mark.parametrize(
    ("name", "secret"), [("MY_PASSWORD", "hunter2"), ("MY_STORE", "Endpoint=https://a;AccessKey=hunter2")]
)
def test_no_secret_is_shown_of_what_changes(azure: Recorder, name: str, secret: str) -> None:
    azure.answer("config/appsettings/list", {"properties": {name: secret}})
    done = run(azure, "upgrade", "--what-if", EXTRA_APP_SETTINGS=f'{{"{name}": "@Microsoft.KeyVault(SecretUri=x)"}}')

    assert f"will change {name}: (not shown) → '@Microsoft.KeyVault(SecretUri=x)'" in done.out
    assert "hunter2" not in done.out + done.err
