"""What really leaves the app for Application Insights: the deployed wiring, in its host, sending to this machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.telemetry_endpoint import TelemetryEndpoint
from tests.leaks import KeyWatch
from tests.world import SUBSCRIPTION, World, running_host, until


@pytest.fixture(scope="module")
def taken() -> Iterator[TelemetryEndpoint]:
    with TelemetryEndpoint.start() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def world(folder: Path, azure_session: AzureEmulator, taken: TelemetryEndpoint) -> Iterator[World]:
    with (
        Azurite.start(folder / "storage-azure-monitor") as storage,
        running_host(azure_session, storage, folder, **taken.settings, SIGNALR_SUBSCRIPTION_IDS=SUBSCRIPTION) as host,
    ):
        yield World(azure_session, storage, host)


def test_a_rotation_arrives_as_spans_figures_and_log(world: World, taken: TelemetryEndpoint) -> None:
    resource = world.resource()
    watch = KeyWatch(world.azure, resource)

    ended = world.rotated(resource, reason="AccessKey=this-is-not-a-key-but-looks-like-one;")

    rotation = ended["name"]
    until(lambda: [each for each in taken.named("Message", "rotation closed") if rotation in json.dumps(each)] or None)
    until(lambda: taken.named("RemoteDependency", "announce") or None)
    until(lambda: taken.named("Request", "work") or None)
    until(lambda: taken.named("Metric", "rotation.outcomes") or None)
    traces = {each["tags"]["ai.operation.id"] for each in taken.named("RemoteDependency", rotation)}
    assert 1 == len(traces)
    [closed] = [each["data"]["baseData"] for each in taken.named("Message", "rotation closed")]
    assert ("rotation closed", resource) == (closed["message"], closed["properties"]["resource"])
    assert "this-is-not-a-key" not in json.dumps(taken.items)
    watch.assert_absent_from([("telemetry", json.dumps(taken.items))])


def test_no_address_of_a_service_is_sent(world: World, taken: TelemetryEndpoint) -> None:
    """The distribution's own instrumentation is off: the only spans are the app's."""
    world.rotated(world.resource())
    until(lambda: taken.named("RemoteDependency", "announce") or None)

    names = {each["data"]["baseData"]["name"] for each in taken.items if each["name"].endswith(".RemoteDependency")}
    assert names <= {"ask", "rotate Secondary", "regenerate", "verify", "publish", "announce"}
    assert {""} == taken.authorizations


def test_what_escapes_a_trigger_arrives_with_function_and_code(
    folder: Path, azure_session: AzureEmulator, taken: TelemetryEndpoint
) -> None:
    """A wrong setting fails every trigger: the host drops its own category of failed invocations."""
    rotation = "5b1e0a52-7d3c-4a55-9c6e-2f1d8e4b7a90"
    with (
        Azurite.start(folder / "storage-wrong-setting") as storage,
        running_host(
            azure_session, storage, folder, **taken.settings, SIGNALR_SUBSCRIPTION_IDS=SUBSCRIPTION, KEY_VAULT_URL=""
        ) as host,
    ):
        host.run("work", f'{{"rotationId": "{rotation}"}}')

        [told, *_] = until(lambda: taken.named("Message", rotation) or taken.named("Exception", rotation) or None)

    # A row of AppTraces: what alert and workbook look for. With the exception as such it would be one of AppExceptions.
    logged = told["data"]["baseData"]
    assert ("MessageData", "function failed") == (told["data"]["baseType"], logged["message"])
    assert ("work", "Misconfigured") == (logged["properties"]["function"], logged["properties"]["code"])
    assert "KEY_VAULT_URL" in logged["properties"]["exception"]
