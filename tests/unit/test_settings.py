"""The settings: what is needed, what is wrong, and that every document that lists them lists them all."""

import json
import re
import runpy
from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.domain.errors import Misconfigured
from shared.domain.resources import Resource
from shared.settings import SCHEDULE, Settings, load, names
from tests.world import ROOT

CHAT = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/live"
    "/providers/Microsoft.SignalRService/SignalR/chat"
)
SUBSCRIPTION = "0e0e0e0e-0000-4000-8000-000000000001"
ENOUGH = {
    "AzureWebJobsStorage__accountName": "store",
    "SIGNALR_RESOURCE_IDS": CHAT,
    "KEY_VAULT_URL": "https://my-vault.vault.azure.net/",
    "EVENT_GRID_TOPIC_ENDPOINT": "https://topic.westeurope-1.eventgrid.azure.net/api/events",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def loaded(environment: pytest.MonkeyPatch, values: Mapping[str, str]) -> Settings:
    for name, value in values.items():
        environment.setenv(name, value)
    return load()


def test_four_settings_are_enough(environment: pytest.MonkeyPatch) -> None:
    settings = loaded(environment, ENOUGH)

    assert ["chat"] == [resource.name for resource in settings.resources]
    assert {"https://my-vault.vault.azure.net"} == settings.vaults


def test_vaults_are_the_same_in_any_case(environment: pytest.MonkeyPatch) -> None:
    """Host names are: a tag in another case is no other vault, and an event names vaults in lower case."""
    spelt = {
        "KEY_VAULT_URL": "https://My-Vault.vault.azure.net/",
        "ALLOWED_KEY_VAULT_URLS": "https://OTHER.vault.azure.net",
    }
    settings = loaded(environment, ENOUGH | spelt)
    tags = {"key-rotation-vault": "https://Other.Vault.azure.net/"}
    resource = Resource(settings.resources[0], "Succeeded", local_auth_disabled=False, tags=tags)

    assert {"https://my-vault.vault.azure.net", "https://other.vault.azure.net"} == settings.vaults
    assert "https://other.vault.azure.net" == settings.policy_defaults.policy_of(resource).vault_url


@pytest.mark.parametrize(("value", "binding"), [("", SCHEDULE), ("0 0 * * * *", "%ROTATION_SCHEDULE%")])
def test_schedule_has_its_default_where_it_is_not_set(
    environment: pytest.MonkeyPatch, value: str, binding: str
) -> None:
    """The platform resolves the name, and knows no default."""
    environment.setenv("ROTATION_SCHEDULE", value)

    assert binding == runpy.run_path(str(ROOT / "function_app.py"))["SCHEDULE"]


@pytest.mark.parametrize(
    ("schedule", "hours"), [(SCHEDULE, 3), ("0 0 */6 * * *", 18), ("hourly", 3), ("* * * * * *", 0.25)]
)
def test_silence_is_three_periods_of_the_schedule(environment: pytest.MonkeyPatch, schedule: str, hours: float) -> None:
    assert timedelta(hours=hours) == loaded(environment, ENOUGH | {"ROTATION_SCHEDULE": schedule}).silent_after


def test_every_fault_is_reported_at_once_by_name(environment: pytest.MonkeyPatch) -> None:
    faulty = ENOUGH | {
        "KEY_VAULT_URL": "",
        "ROTATION_PERIOD_DAYS": "soon",
        "SECRET_FORMAT": "xml",
        "OVERLAP_HOURS": "-1",
    }

    with pytest.raises(Misconfigured) as caught:
        loaded(environment, faulty)

    for name in ("KEY_VAULT_URL", "ROTATION_PERIOD_DAYS", "SECRET_FORMAT", "OVERLAP_HOURS"):
        assert name in caught.value.message


@pytest.mark.parametrize(
    ("setting", "value", "hint"),
    [
        ("SIGNALR_RESOURCE_IDS", "chat", "expected /subscriptions/"),
        ("SIGNALR_SUBSCRIPTION_IDS", "my-subscription", "expected a GUID"),
        ("SIGNALR_SUBSCRIPTION_IDS", f"{SUBSCRIPTION}, /subscriptions/{SUBSCRIPTION}", "'/subscriptions/"),
        ("KEY_VAULT_URL", "http://my-vault.vault.azure.net", "https://"),
        ("SECRET_NAME_TEMPLATE", "{nmae}", "{name} and {group}"),
        ("SECRET_NAME_TEMPLATE", "a_{name}", "letters, digits and dashes"),
        ("EVENT_TYPE_PREFIX", "1 a", "pattern"),
        ("AZURE_CLOUD", "AzureMoonCloud", "AzureCloud"),
        ("RETIRE_PREVIOUS_AFTER_HOURS", "47", "no less than OVERLAP_HOURS (48)"),
        ("RETIRE_PREVIOUS_AFTER_HOURS", "inf", "87600"),
        ("ROTATION_WINDOW", "weekends", "Mon-Thu 09:00-16:00 Europe/Berlin"),
        ("NOTICE_DAYS", "-1", "greater than or equal to 0"),
        ("ROTATION_SPREAD_HOURS", "soon", "number"),
    ],
)
def test_fault_says_what_is_allowed(environment: pytest.MonkeyPatch, setting: str, value: str, hint: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(environment, ENOUGH | {setting: value})

    assert setting in caught.value.message
    assert hint in caught.value.message


def test_overlap_must_be_shorter_than_the_period(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match="OVERLAP_HOURS must be shorter"):
        loaded(environment, ENOUGH | {"ROTATION_PERIOD_DAYS": "1", "OVERLAP_HOURS": "24"})


def test_the_waits_of_a_run_must_fit_into_the_function_timeout(environment: pytest.MonkeyPatch) -> None:
    assert 620 == loaded(environment, ENOUGH | {"OPERATION_TIMEOUT_SECONDS": "620"}).OPERATION_TIMEOUT_SECONDS
    with pytest.raises(Misconfigured, match="functionTimeout"):
        loaded(environment, ENOUGH | {"OPERATION_TIMEOUT_SECONDS": "621"})


def test_nothing_to_rotate_is_a_fault(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match="nothing to rotate"):
        loaded(environment, ENOUGH | {"SIGNALR_RESOURCE_IDS": ""})


def test_two_service_uris_stand_for_the_storage_account(environment: pytest.MonkeyPatch) -> None:
    """Outside the public cloud the platform builds the wrong addresses from an account name."""
    uris = {
        "AzureWebJobsStorage__accountName": "",
        "AzureWebJobsStorage__blobServiceUri": "https://store.blob.core.usgovcloudapi.net",
        "AzureWebJobsStorage__queueServiceUri": "https://store.queue.core.usgovcloudapi.net",
    }

    assert loaded(environment, ENOUGH | uris).AzureWebJobsStorage__accountName is None


def test_no_storage_is_a_fault(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match="AzureWebJobsStorage__accountName"):
        loaded(environment, ENOUGH | {"AzureWebJobsStorage__accountName": ""})


def test_faults_never_quote_a_storage_key(environment: pytest.MonkeyPatch) -> None:
    """A connection string put into the wrong setting is named, not shown."""
    pasted = "DefaultEndpointsProtocol=https;AccountKey=c2VjcmV0"

    with pytest.raises(Misconfigured) as caught:
        loaded(environment, ENOUGH | {"KEY_VAULT_URL": pasted})

    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_waves_that_make_no_sense_are_a_fault_with_their_name(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match="ROTATION_WAVES: numbers or percentages that grow"):
        loaded(environment, ENOUGH | {"ROTATION_WAVES": "10%,1%"})


def test_sample_names_every_setting_and_nothing_else() -> None:
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]

    assert {"FUNCTIONS_WORKER_RUNTIME", *names()} == set(values)


def test_sample_is_a_valid_configuration(environment: pytest.MonkeyPatch) -> None:
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]

    loaded(environment, values)


def test_sample_shows_the_defaults(environment: pytest.MonkeyPatch) -> None:
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    defaults = loaded(environment, ENOUGH)

    sample = loaded(environment, values)

    optional = [
        name
        for name, field in Settings.model_fields.items()
        if field.default not in (None, ()) and not field.is_required()
    ]
    assert [getattr(defaults, name) for name in optional] == [getattr(sample, name) for name in optional]


def test_configuration_page_lists_every_setting_with_its_default() -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text().split("\n## ", 1)[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]*?)`? \|", page, re.MULTILINE))
    defaults = {
        name: "**required**" if field.is_required() else "" if field.default in (None, (), "") else str(field.default)
        for name, field in Settings.model_fields.items()
    }

    assert defaults == listed
