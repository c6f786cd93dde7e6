"""What really leaves the app for Application Insights: the deployed wiring, in its host, sending to this machine."""

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.leaks import KeyWatch
from tests.world import SUBSCRIPTION, World, running_host, until


@dataclass
class Ingestion:
    """The ingestion endpoint of an Application Insights resource: takes whatever comes."""

    items: list[dict[str, Any]] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)

    def named(self, kind: str, text: str) -> list[dict[str, Any]]:
        """The telemetry of a kind (`Message`, `RemoteDependency`, `Request`, `Metric`) whose content holds a text."""
        return [each for each in list(self.items) if each["name"].endswith(f".{kind}") and text in json.dumps(each)]


@pytest.fixture(scope="module")
def ingestion() -> Iterator[tuple[Ingestion, str]]:
    taken = Ingestion()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            sent = json.loads(text) if text[:1] == b"[" else [json.loads(line) for line in text.splitlines()]
            taken.items.extend(sent)
            taken.authorizations.add(self.headers.get("Authorization", "").partition(" ")[0])
            answer = json.dumps({"itemsReceived": len(sent), "itemsAccepted": len(sent), "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield taken, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def world(folder: Path, azure_session: AzureEmulator, ingestion: tuple[Ingestion, str]) -> Iterator[World]:
    with (
        Azurite.start(folder / "storage-azure-monitor") as storage,
        running_host(azure_session, storage, folder, **_telemetry(ingestion[1])) as host,
    ):
        yield World(azure_session, storage, host)


def _telemetry(endpoint: str) -> dict[str, str]:
    """The settings that send telemetry to this endpoint."""
    return {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": (
            f"InstrumentationKey=11111111-2222-4333-8444-555555555555;IngestionEndpoint={endpoint}"
        ),
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
        # What comes a minute later on Azure comes at once here.
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_BLRP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "SIGNALR_SUBSCRIPTION_IDS": SUBSCRIPTION,
    }


def test_a_rotation_arrives_as_spans_figures_and_log(world: World, ingestion: tuple[Ingestion, str]) -> None:
    taken, _ = ingestion
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


def test_no_address_of_a_service_is_sent(world: World, ingestion: tuple[Ingestion, str]) -> None:
    """The distribution's own instrumentation is off: the only spans are the app's."""
    taken, _ = ingestion
    world.rotated(world.resource())
    until(lambda: taken.named("RemoteDependency", "announce") or None)

    names = {each["data"]["baseData"]["name"] for each in taken.items if each["name"].endswith(".RemoteDependency")}
    assert names <= {"ask", "rotate Secondary", "regenerate", "verify", "publish", "announce"}
    assert {""} == taken.authorizations


def test_what_escapes_a_trigger_arrives_with_function_and_code(
    folder: Path, azure_session: AzureEmulator, ingestion: tuple[Ingestion, str]
) -> None:
    """A wrong setting fails every trigger: the host drops its own category of failed invocations."""
    taken, _ = ingestion
    rotation = "5b1e0a52-7d3c-4a55-9c6e-2f1d8e4b7a90"
    with (
        Azurite.start(folder / "storage-wrong-setting") as storage,
        running_host(azure_session, storage, folder, **(_telemetry(ingestion[1]) | {"KEY_VAULT_URL": ""})) as host,
    ):
        host.run("work", f'{{"rotationId": "{rotation}"}}')

        [told, *_] = until(lambda: taken.named("Message", rotation) or taken.named("Exception", rotation) or None)

    # A row of AppTraces: what alert and workbook look for. With the exception as such it would be one of AppExceptions.
    logged = told["data"]["baseData"]
    assert ("MessageData", "function failed") == (told["data"]["baseType"], logged["message"])
    assert ("work", "Misconfigured") == (logged["properties"]["function"], logged["properties"]["code"])
    assert "KEY_VAULT_URL" in logged["properties"]["exception"]
