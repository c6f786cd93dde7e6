"""The hooks of `azd up`, run as azd runs them, with recorders in place of `az` and `azd`."""

import json
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.bicep import INFRA, Template
from tests.infra.installations import CHAT, OTHER, OWN, SUBNETS, group, signalr, vault
from tests.infra.recorder import ROOT, Done, Recorder

KEY = "the-key-of-events"
CALLER_KEY = "the-key-of-callers"
AZURE_YAML = yaml.safe_load((ROOT / "azure.yaml").read_text())
ENVIRONMENT = {
    "AZURE_ENV_NAME": "rotation",
    "AZURE_LOCATION": "westeurope",
    "AZURE_SUBSCRIPTION_ID": OWN,
    "SIGNALR_RESOURCE_IDS": CHAT["signalRResourceIds"],
}
INSTALLED = {
    "AZURE_ENV_NAME": "rotation",
    "AZURE_SUBSCRIPTION_ID": OWN,
    "AZURE_RESOURCE_GROUP": "rg-rotation",
    "FUNCTION_APP_NAME": "func-rotation",
    "KEY_VAULT_ID": f"{group('rg-rotation')}/providers/Microsoft.KeyVault/vaults/kv",
}


class App:
    """The deployed app, as far as the hook looks at it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {
            "/api/health/deep": (200, {}),
            "/api/rotate": (200, {"previews": [{"resource": signalr("chat"), "findings": []}]}),
        }
        self.asked: list[tuple[str, str, str]] = []
        app = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                app.asked.append((f"{self.command} {self.path}", body, self.headers["x-functions-key"]))
                status, answer = app.answers[self.path]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *words: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def app() -> Iterator[App]:
    running = App()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def azure(tmp_path: Path) -> Recorder:
    """Azure as it is right after the code was deployed: no key, no system topic."""
    recorder = Recorder(tmp_path)
    recorder.answer("systemTopics", {"value": []})
    recorder.answer("host/default/listkeys", {"functionKeys": {"default": CALLER_KEY}, "masterKey": "m"})
    recorder.answer("functions/events/listkeys", {"one after the other": [{}, {"eventgrid": KEY}]})
    recorder.answer("list-flexconsumption-locations", [{"name": "westeurope"}, {"name": "North Europe"}])
    recorder.answer("list-deleted", [])
    recorder.answer("provider show", {"registrationState": "Registered"})
    recorder.answer("resource show", {"properties": {"enableRbacAuthorization": True}})
    return recorder


def preprovision(azure: Recorder, **variables: str) -> Done:
    return azure.run("hooks/preprovision.py", **ENVIRONMENT | variables)


def postdeploy(azure: Recorder, app: App, **variables: str) -> Done:
    return azure.run("hooks/postdeploy.py", **INSTALLED | {"FUNCTION_APP_URL": app.url} | variables)


def deployed(done: Done) -> dict[str, Any]:
    """The parameters that infra/events.bicep was deployed with."""
    [call] = [call for call in done.calls if "deployment group create" in call["line"]]
    [[_, text, _]] = call["files"]
    return {name: entry["value"] for name, entry in json.loads(text)["parameters"].items()}


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
    ],
)
def test_what_would_fail_late_is_refused_first(azure: Recorder, variables: dict[str, str], said: str) -> None:
    refused = preprovision(azure, **variables)

    assert 1 == refused.code
    assert said in refused.err


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


def test_what_may_not_be_looked_at_holds_nobody_up(azure: Recorder) -> None:
    for each in ("list-flex", "list-deleted"):
        azure.answer(each, {"failure": "AuthorizationFailed"})
    done = preprovision(azure)

    assert 0 == done.code
    assert "Not checked" in done.err


def deleted(name: str = "kv-abc", **other: Any) -> dict[str, Any]:
    was = {
        "vaultId": f"{group('rg-rotation')}/providers/Microsoft.KeyVault/vaults/{name}",
        "location": "westeurope",
        "tags": {"azd-env-name": "rotation"},
    }
    return {"name": name, "properties": was | other}


def test_deleted_vault_of_this_installation_is_recovered(azure: Recorder) -> None:
    azure.answer("list-deleted", [deleted()])

    assert ["azd env set RECOVER_KEY_VAULT true"] == preprovision(azure).lines("azd")


@pytest.mark.parametrize(
    "other",
    [
        deleted(location="northeurope"),
        deleted(tags={"azd-env-name": "second"}),
        deleted(tags=None),
        deleted(vaultId=f"{group('rg-other')}/providers/Microsoft.KeyVault/vaults/kv-abc"),
        deleted(vaultId=f"{group('rg-rotation', OTHER)}/providers/Microsoft.KeyVault/vaults/kv-abc"),
    ],
)
def test_deleted_vault_of_others_is_not(azure: Recorder, other: dict[str, Any]) -> None:
    azure.answer("list-deleted", [other])

    assert [] == preprovision(azure).lines("azd")


def test_the_run_after_a_recovery_does_not_recover_again(azure: Recorder) -> None:
    """Recovering a vault that was not deleted fails: the switch must not stay on."""
    assert ["azd env set RECOVER_KEY_VAULT false"] == preprovision(azure, RECOVER_KEY_VAULT="true").lines("azd")


def test_installing_in_another_region_leaves_the_old_vault_deleted(azure: Recorder) -> None:
    azure.answer("list-deleted", [deleted()])

    assert [] == preprovision(azure, AZURE_LOCATION="northeurope").lines("azd")


def test_subscribes_with_a_key_made_for_events(azure: Recorder, app: App) -> None:
    done = postdeploy(azure, app)
    [call] = [call for call in done.calls if "deployment group create" in call["line"]]

    assert (0, "") == (done.code, done.err)
    assert KEY == deployed(done)["eventsKey"]
    assert "0o600" == call["files"][0][2]


def test_key_is_on_no_command_line_and_in_no_output(azure: Recorder, app: App) -> None:
    done = postdeploy(azure, app)

    assert KEY not in str(done.lines()) + done.out + done.err
    assert CALLER_KEY not in str(done.lines()) + done.out + done.err


def test_key_does_not_stay_on_disk(azure: Recorder, app: App) -> None:
    done = postdeploy(azure, app)

    [[path, _, _]] = next(call["files"] for call in done.calls if call["files"])
    assert not Path(path).exists()


def test_key_that_is_there_is_kept(azure: Recorder, app: App) -> None:
    azure.answer("functions/events/listkeys", {"eventgrid": KEY})

    assert [] == postdeploy(azure, app).lines("az rest --method put")


@pytest.mark.parametrize("nothing", [None, {}, {"eventgrid": None}])
def test_answer_without_a_key_is_told_and_is_no_failed_deployment(azure: Recorder, app: App, nothing: Any) -> None:
    """One release of az answered null where the key was. The app works without events, an hour slower."""
    azure.answer("functions/events/listkeys", nothing)
    done = postdeploy(azure, app)

    assert 0 == done.code
    assert "no key 'eventgrid'" in done.err
    assert [] == done.lines("az deployment")


def test_waits_for_the_function_to_show_up(azure: Recorder, app: App) -> None:
    missing = {"failure": "NotFound"}
    azure.answer("functions/events.api", {"one after the other": [missing, missing, missing, {}]})

    assert 0 == postdeploy(azure, app).code


def test_gives_up_when_it_never_does(azure: Recorder, app: App) -> None:
    azure.answer("functions/events.api", {"failure": "NotFound"})
    done = postdeploy(azure, app, RETRY_ATTEMPTS="4")

    assert 1 == done.code
    assert "does not show up" in done.err
    assert 4 == len(done.calls)


def test_system_topic_of_the_subscription_that_exists_is_used(azure: Recorder, app: App) -> None:
    """Azure allows one for each source, and Defender or a governance tool may have made it."""
    azure.answer(
        "systemTopics",
        {
            "value": [
                {
                    "id": f"{group('governance')}/providers/Microsoft.EventGrid/systemTopics/all",
                    "name": "all",
                    "properties": {"source": f"/subscriptions/{OWN}"},
                }
            ]
        },
    )
    given = deployed(postdeploy(azure, app))

    assert ("all", "governance") == (given["subscriptionTopicName"], given["subscriptionTopicResourceGroup"])
    assert "" == given["keyVaultTopicName"]


def test_system_topic_on_the_second_page_is_found(azure: Recorder, app: App) -> None:
    topic = {
        "id": f"{group('rg-rotation')}/providers/Microsoft.EventGrid/systemTopics/vaults",
        "name": "vaults",
        "properties": {"source": INSTALLED["KEY_VAULT_ID"].lower()},
    }
    azure.answer("systemTopics", {"value": [], "nextLink": "https://management.azure.com/next?api-version=1&skip=1"})
    azure.answer("skip=1", {"value": [topic]})

    assert "vaults" == deployed(postdeploy(azure, app))["keyVaultTopicName"]


def test_system_topic_that_is_named_wins(azure: Recorder, app: App) -> None:
    named = {
        "SUBSCRIPTION_SYSTEM_TOPIC": "mine",
        "SUBSCRIPTION_SYSTEM_TOPIC_GROUP": "rg-mine",
        "KEY_VAULT_SYSTEM_TOPIC": "v",
    }
    given = deployed(postdeploy(azure, app, **named))

    assert ("mine", "rg-mine", "v") == tuple(
        given[name] for name in ("subscriptionTopicName", "subscriptionTopicResourceGroup", "keyVaultTopicName")
    )


def test_events_that_cannot_be_subscribed_to_do_not_fail_the_deployment(azure: Recorder, app: App) -> None:
    azure.answer("deployment group create", {"failure": "Only one system topic is allowed per source."})
    done = postdeploy(azure, app)

    assert 0 == done.code
    assert "Only one system topic" in done.err
    assert "works without them" in done.err


def test_ends_with_a_dry_run_and_the_addresses(azure: Recorder, app: App) -> None:
    done = postdeploy(azure, app)

    assert [
        ("GET /api/health/deep", "", CALLER_KEY),
        ("POST /api/rotate", '{"dryRun": true}', CALLER_KEY),
    ] == app.asked
    assert "1 SignalR resources are managed" in done.out
    assert f"Dashboard: {app.url}/api/dashboard" in done.out


def test_finding_of_the_dry_run_is_told(azure: Recorder, app: App) -> None:
    finding = {"code": "NotPermitted", "message": "listkeys is missing"}
    app.answers["/api/rotate"] = (200, {"previews": [{"resource": signalr("chat"), "findings": [finding]}]})
    app.answers["/api/health/deep"] = (503, {})
    done = postdeploy(azure, app)

    assert 0 == done.code
    assert "listkeys is missing" in done.err
    assert "goes away by itself" in done.err


def test_app_with_a_wrong_setting_is_a_failed_deployment(azure: Recorder, app: App) -> None:
    app.answers["/api/rotate"] = (500, {"code": "Misconfigured", "detail": "OVERLAP_HOURS: too long"})
    done = postdeploy(azure, app)

    assert 1 == done.code
    assert "OVERLAP_HOURS: too long" in done.err


def test_app_that_cannot_be_reached_from_here_is_not(azure: Recorder, app: App) -> None:
    done = postdeploy(azure, app, FUNCTION_APP_URL="http://127.0.0.1:9")

    assert 0 == done.code
    assert "cannot be reached from here" in done.err


@pytest.mark.parametrize("missing", [name for name in INSTALLED if name != "AZURE_ENV_NAME"])
def test_says_which_variable_is_missing(azure: Recorder, app: App, missing: str) -> None:
    done = postdeploy(azure, app, **{missing: ""})

    assert 1 == done.code
    assert missing in done.err


def test_gives_the_template_the_parameters_it_has(azure: Recorder, app: App, templates: dict[str, Template]) -> None:
    assert set(templates["events.bicep"].of("param")) == set(deployed(postdeploy(azure, app)))


def test_variables_the_hook_wants_are_outputs_of_the_template(main: Template) -> None:
    """azd gives its hooks the outputs, and the subscription."""
    assert set(INSTALLED) <= {*main.of("output"), "AZURE_SUBSCRIPTION_ID", "AZURE_ENV_NAME"}


def test_azd_runs_these_hooks() -> None:
    assert {event: {"run": f"scripts/hooks/{event}.py"} for event in ("preprovision", "postdeploy")} == AZURE_YAML[
        "hooks"
    ]


def test_azd_installs_nothing_for_them() -> None:
    lines = (ROOT / "scripts/hooks/requirements.txt").read_text().splitlines()

    assert [] == [line for line in lines if not line.startswith("#")]


def test_azd_is_new_enough_to_spare_the_groups_of_others() -> None:
    """Before 1.24.1, `azd down` took every resource group that a deployment mentions for its own."""
    assert {"azd": ">= 1.24.1"} == AZURE_YAML["requiredVersions"]


def test_azd_is_told_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"signalr-key-rotation@{version}" == AZURE_YAML["metadata"]["template"]


def test_azd_finds_its_service_by_the_tag(templates: dict[str, Template]) -> None:
    [service] = AZURE_YAML["services"]

    assert f"'azd-service-name': '{service}'" in templates["modules/function-app.bicep"].source
    assert INFRA / "main.bicep" == ROOT / AZURE_YAML["infra"]["path"] / f"{AZURE_YAML['infra']['module']}.bicep"
