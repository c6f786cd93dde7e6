"""The hook after a deployment, run as azd runs it: recorders in place of `az`, a web server in place of the app."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.bicep import Template
from tests.infra.hooks import CALLER_KEY, INSTALLED, App, azure_with_the_code, deployed, postdeploy
from tests.infra.installations import OWN, group, signalr
from tests.infra.recorder import Recorder


@pytest.fixture
def azure(tmp_path: Path) -> Recorder:
    return azure_with_the_code(tmp_path)


@pytest.fixture
def app() -> Iterator[App]:
    running = App()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_subscribes_its_function_without_a_key(azure: Recorder, app: App) -> None:
    """Event Grid gets the extension's key from the platform: none is made, read for it or passed on."""
    done = postdeploy(azure, app)

    assert (0, "") == (done.code, done.err)
    assert ("func-rotation", INSTALLED["KEY_VAULT_ID"]) == tuple(
        deployed(done)[name] for name in ("functionAppName", "keyVaultId")
    )
    assert [] == [line for line in done.lines() if "keys" in line and "/host/default/listkeys" not in line]


def test_key_of_callers_is_on_no_command_line_and_in_no_output(azure: Recorder, app: App) -> None:
    done = postdeploy(azure, app)

    assert CALLER_KEY not in str(done.lines()) + done.out + done.err


def test_waits_for_the_function_to_show_up(azure: Recorder, app: App) -> None:
    missing = {"failure": "NotFound"}
    azure.answer("functions/incoming_event.api", {"one after the other": [missing, missing, missing, {}]})

    assert 0 == postdeploy(azure, app).code


def test_gives_up_when_it_never_does(azure: Recorder, app: App) -> None:
    azure.answer("functions/incoming_event.api", {"failure": "NotFound"})
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

    done = postdeploy(azure, app)

    assert "vaults" == deployed(done)["keyVaultTopicName"]
    assert [] == [line for line in done.lines("az rest") if "&" in line]  # which ends a command on Windows


@pytest.mark.parametrize(
    ("status", "answer"),
    [(302, None), (401, None), (403, {"code": "RoleMissing", "detail": "the role"})],
    ids=["page to sign in", "no token", "no role"],
)
def test_an_app_that_requires_sign_in_is_deployed_all_the_same(
    azure: Recorder, app: App, status: int, answer: dict[str, str] | None
) -> None:
    for path in app.answers:
        app.answers[path] = status, answer
    done = postdeploy(azure, app)

    assert 0 == done.code
    assert "requires sign-in" in done.err


def test_the_key_of_callers_is_sent_to_no_page_to_sign_in(azure: Recorder, app: App) -> None:
    elsewhere = App()
    app.location = f"{elsewhere.url}/api/rotate"
    for path in app.answers:
        app.answers[path] = 302, None

    assert 0 == postdeploy(azure, app).code
    assert [] == elsewhere.asked
    elsewhere.server.shutdown()
    elsewhere.server.server_close()


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


def webhooks(azure: Recorder) -> list[str]:
    """The event subscriptions of a version with a webhook, `POST /api/events`; each topic has one of others as well."""
    sources = {"all": f"/subscriptions/{OWN}", "vaults": INSTALLED["KEY_VAULT_ID"], "disks": group("other")}
    ids = {name: f"{group('governance')}/providers/Microsoft.EventGrid/systemTopics/{name}" for name in sources}
    azure.answer(
        "systemTopics.api",
        {"value": [{"id": ids[name], "name": name, "properties": {"source": sources[name]}} for name in sources]},
    )
    for id_ in ids.values():
        mine = {"id": f"{id_}/eventSubscriptions/func-rotation", "name": "func-rotation"}
        azure.answer(f"{id_}/eventSubscriptions.api", {"value": [mine, {"id": f"{id_}/x", "name": "audit"}]})
    return [f"{ids[name]}/eventSubscriptions/func-rotation" for name in ("all", "vaults")]


def test_webhooks_of_the_version_before_are_deleted_when_events_go_to_the_function(azure: Recorder, app: App) -> None:
    """So it makes no difference whether Azure changes the kind of endpoint of a subscription that is there."""
    old = webhooks(azure)
    done = postdeploy(azure, app)
    lines = done.lines("az deployment group create", "az rest --method delete")

    assert (0, "") == (done.code, done.err)
    assert ["deployment", *old] == [
        line.split()[1] if "group" in line[:20] else line.split()[5].split("?")[0] for line in lines
    ]


def test_webhooks_stay_where_events_do_not_go_to_the_function(azure: Recorder, app: App) -> None:
    webhooks(azure)
    azure.answer("deployment group create", {"failure": "AuthorizationFailed"})

    assert [] == postdeploy(azure, app).lines("az rest --method delete")


def test_app_that_is_still_starting_is_asked_again(azure: Recorder, app: App) -> None:
    app.starting = 3
    done = postdeploy(azure, app)

    assert (0, "") == (done.code, done.err)
    assert "1 SignalR resources are managed" in done.out


def test_app_that_never_starts_is_a_failed_deployment(azure: Recorder, app: App) -> None:
    app.starting = 99
    done = postdeploy(azure, app)

    assert 1 == done.code
    assert "The app does not work: 503" in done.err


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
