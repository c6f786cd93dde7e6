"""What the templates set is what the app reads: names, defaults, limits, platform, queue and container."""

import json
import re
from pathlib import Path

import annotated_types
import pytest

from shared.settings import Settings
from tests.infra.bicep import INFRA, Expression, Template

ROOT = INFRA.parent
# For local work; and a name from which the host would make addresses where the app has no right.
LOCAL = {"AzureWebJobsStorage", "AzureWebJobsStorage__accountName"}
# Read by the platform and by the telemetry library, not by the app.
PLATFORM = {
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "PYTHON_ENABLE_OPENTELEMETRY",
}
# Parameter of main.bicep, and the setting it becomes unchanged.
PASSED_ON = {
    "secretNameTemplate": "SECRET_NAME_TEMPLATE",
    "secretFormat": "SECRET_FORMAT",
    "eventTypePrefix": "EVENT_TYPE_PREFIX",
    "rotationSchedule": "ROTATION_SCHEDULE",
    "rotationPeriodDays": "ROTATION_PERIOD_DAYS",
    "overlapHours": "OVERLAP_HOURS",
    "retirePreviousAfterHours": "RETIRE_PREVIOUS_AFTER_HOURS",
    "rotationWindow": "ROTATION_WINDOW",
    "noticeDays": "NOTICE_DAYS",
    "rotationSpreadHours": "ROTATION_SPREAD_HOURS",
    "keyEffectTimeoutSeconds": "KEY_EFFECT_TIMEOUT_SECONDS",
    "operationTimeoutSeconds": "OPERATION_TIMEOUT_SECONDS",
    "firstPollSeconds": "FIRST_POLL_SECONDS",
    "overdueGraceHours": "OVERDUE_GRACE_HOURS",
    "rotationWaves": "ROTATION_WAVES",
    "waveIntervalMinutes": "WAVE_INTERVAL_MINUTES",
    "requiredAppRole": "REQUIRED_APP_ROLE",
    "requiredAdminRole": "REQUIRED_ADMIN_ROLE",
}


@pytest.fixture(scope="module")
def site_template(templates: dict[str, Template]) -> Template:
    return templates["modules/function-app.bicep"]


@pytest.fixture(scope="module")
def own_settings(main: Template) -> dict[str, Expression]:
    return main.of("module")["functionApp"].body["params"]["appSettings"]


def test_every_setting_of_the_app_is_deployed_and_no_other(
    own_settings: dict[str, Expression], site_template: Template
) -> None:
    [config] = site_template.resources("config")
    added = set(re.findall(r"^\s+(\w+):", config.body["properties"], re.MULTILINE))

    assert {*Settings.model_fields} - LOCAL == {*own_settings, *added} - PLATFORM
    assert added >= PLATFORM


@pytest.mark.parametrize(("parameter", "setting"), PASSED_ON.items())
def test_default_is_the_apps_own(
    main: Template, own_settings: dict[str, Expression], parameter: str, setting: str
) -> None:
    default = Settings.model_fields[setting].default
    template = "secretNameTemplate"

    # Braces cannot stand in a default of azd's: it is the empty one that means the app's.
    assert ("" if parameter == template else str(default)) == str(main.of("param")[parameter].body)
    assert own_settings[setting] in {
        parameter,
        f"string({parameter})",
        f"waits > 1600 ? fail('Exceeds functionTimeout.') : string({parameter})",
        f"empty({template}) ? '{default}' : {template}",
    }


@pytest.mark.parametrize(("parameter", "setting"), PASSED_ON.items())
def test_limits_are_no_wider_than_the_apps(main: Template, parameter: str, setting: str) -> None:
    """A value that ARM accepts is one the app starts with."""
    limits = main.of("param")[parameter].decorators
    for limit in Settings.model_fields[setting].metadata:
        match limit:
            case annotated_types.Gt():
                assert limits["minValue"] > limit.gt
            case annotated_types.Ge():
                assert limits["minValue"] >= limit.ge
            case annotated_types.Le():
                assert limits["maxValue"] <= limit.le


def test_formats_are_the_apps(main: Template) -> None:
    allowed = main.of("param")["secretFormat"].decorators["allowed"]

    assert {str(value) for value in Settings.model_fields["SECRET_FORMAT"].annotation or ()} == set(allowed)


def test_runs_on_flex_consumption_with_the_python_of_the_project(site_template: Template) -> None:
    [plan] = site_template.resources("Microsoft.Web/serverfarms")
    [site] = site_template.resources("Microsoft.Web/sites")
    config = site.body["properties"]["functionAppConfig"]

    assert {"name": "FC1", "tier": "FlexConsumption"} == plan.body["sku"]
    assert {"name": "python", "version": (ROOT / ".python-version").read_text().strip()} == config["runtime"]
    assert "UserAssignedIdentity" == config["deployment"]["storage"]["authentication"]["type"]


def test_queue_and_container_have_the_name_the_app_uses(templates: dict[str, Template]) -> None:
    storage = templates["modules/storage.bicep"]
    queues = [queue.body["name"] for queue in storage.resources("queues")]

    assert "signalr-rotation" == storage.of("var")["rotationName"].body
    names = ("rotationName", "'${rotationName}-poison'", "'${rotationName}-urgent'", "'${rotationName}-urgent-poison'")
    assert [*names] == queues
    assert "rotationName" in [container.body["name"] for container in storage.resources("containers")]


def test_parameters_file_sets_only_parameters_there_are(main: Template) -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    required = {name for name, found in main.of("param").items() if not found.has_default}

    assert required <= set(given) <= set(main.of("param"))


def test_events_reach_the_function_of_the_app(templates: dict[str, Template]) -> None:
    """One name in three places: the app, the template, and the hook that waits for it."""
    source = (ROOT / "function_app.py").read_text()
    [receiver] = re.findall(r"@app\.event_grid_trigger\(.*\)\nasync def (\w+)", source)

    assert f"resource receiver 'functions' existing = {{\n    name: '{receiver}'" in templates["events.bicep"].source
    assert f'RECEIVER = "{receiver}"' in (ROOT / "scripts/hooks/postdeploy.py").read_text()


def test_the_events_the_app_acts_on_are_subscribed_to(templates: dict[str, Template]) -> None:
    near_expiry, renewed = (
        templates["events.bicep"].of("module")[name].body["params"] for name in ("nearExpiry", "keyRenewed")
    )

    assert ["Microsoft.KeyVault.SecretNearExpiry", "Microsoft.KeyVault.SecretExpired"] == near_expiry["eventTypes"]
    assert ["Microsoft.Resources.ResourceActionSuccess"] == renewed["eventTypes"]
    assert ["/signalR/regeneratekey/action"] == renewed["operationSuffixes"]
    page = (INFRA.parent / "docs" / "reference" / "inbound-events.md").read_text()
    named = re.findall(r"`(?:Microsoft\.KeyVault\.)?(Secret\w+)`|`(Microsoft\.Resources\.\w+)`", page)
    assert [kind.rpartition(".")[2] for kind in near_expiry["eventTypes"]] == [kind for kind, _ in named if kind]
    assert renewed["eventTypes"] == [kind for _, kind in named if kind]


def test_alerts_ask_for_the_apps_stable_events(templates: dict[str, Template]) -> None:
    rules = templates["modules/alerts.bicep"].of("var")["rules"].body

    assert [
        "invalid key published",
        "rotation failed",
        "rotation overdue",
        "rotations held",
        "function failed",
        "poison queue not empty",
        "announcements pending",
        "sweep finished",
    ] == [rule["event"] for rule in rules]


def test_an_alert_on_what_is_not_logged_by_each_sweep_stays_until_an_operator_closes_it(
    templates: dict[str, Template],
) -> None:
    """Its window is empty long before the fault is gone."""
    template = templates["modules/alerts.bicep"]

    assert {
        "invalid-key": False,
        "rotation-failed": False,
        "rotation-overdue": True,
        "rotations-held": True,
        "function-failed": False,
        "poison-messages": True,
        "announcements-pending": True,
        "no-heartbeat": True,
    } == {rule["name"]: rule["resolves"] for rule in template.of("var")["rules"].body}
    assert ["rule.resolves"] == re.findall(r"autoMitigate: (.+)", template.source)


def test_files_are_short() -> None:
    long = {str(path): len(path.read_text().splitlines()) for path in Path(INFRA).rglob("*.bicep")}

    assert {} == {path: lines for path, lines in long.items() if lines > 350}
