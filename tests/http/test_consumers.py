"""The samples of docs/consumers, told of a real rotation."""

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.azure.certificates import authority, server_context
from local.functions_host.client import FunctionsHost
from tests.http.conftest import HttpWorld
from tests.world import secret_name, until

SAMPLES = Path(__file__).parents[2] / "docs" / "consumers"
SITE = "/subscriptions/0e0e0e0e-0000-4000-8000-000000000001/resourceGroups/live/providers/Microsoft.Web/sites/shop"


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server on loopback that keeps what it is asked: its port, and the requests."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body})
            self.send_response(200)
            self.end_headers()

        do_PATCH = do_POST  # noqa: N815 - the name the standard library calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        server.server_close()


def run(sample: str, event: dict[str, Any], argument: str, **environment: str) -> str:
    """One event on the sample's stdin; what it prints."""
    done = subprocess.run(
        [sys.executable, str(SAMPLES / sample), argument],
        input=json.dumps(event),
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


def signed_in(world: HttpWorld) -> dict[str, str]:
    """The environment of a process with a managed identity; DefaultAzureCredential looks for nothing else."""
    return {**world.azure.env, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}


@pytest.fixture(scope="module")
def event(world: HttpWorld) -> dict[str, Any]:
    """What the topic was told of a rotation."""
    resource = world.adopted()
    world.rotated(resource)
    return world.events(resource)[-1]


def test_app_service_is_told_to_read_its_references_again(world: HttpWorld, event: dict[str, Any]) -> None:
    with receiver() as (port, asked):
        environment = signed_in(world) | {"AZURE_RESOURCE_MANAGER_URL": f"http://127.0.0.1:{port}"}
        said = run("refresh_app_service.py", event, SITE, **environment)

    assert "1 refreshed" == said
    [request] = asked
    refresh = f"{SITE}/config/configreferences/appsettings/refresh?api-version=2022-03-01"
    assert ("POST", refresh) == (request["method"], request["path"])
    assert request["headers"]["Authorization"].startswith("Bearer ey")


def test_deployment_is_restarted_for_the_new_version(event: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("service-account")
    (tmp_path / "ca.crt").write_bytes(authority(folder).read_bytes())
    cluster = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "SERVICE_ACCOUNT_FOLDER": str(tmp_path)}

    with receiver(server_context(folder)) as (port, asked):
        said = run("restart_deployment.py", event, "shop/web", KUBERNETES_SERVICE_PORT=str(port), **cluster)

    [request] = asked
    [mark] = json.loads(request["body"])["spec"]["template"]["metadata"]["annotations"].values()
    assert ("restarting", event["data"]["version"]) == (said, mark)
    assert ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web") == (request["method"], request["path"])
    assert "Bearer service-account" == request["headers"]["Authorization"]
    assert "application/strategic-merge-patch+json" == request["headers"]["Content-Type"]


@pytest.mark.parametrize("kind", ["KeyRetired", "RotationFailed"])
def test_what_brings_no_new_key_restarts_nothing(event: dict[str, Any], kind: str) -> None:
    other = event | {"type": f"SignalRKeyRotation.{kind}"}

    assert "nothing to do" == run("restart_deployment.py", other, "shop/web")


def test_function_holds_the_new_key_once_it_is_told(world: HttpWorld) -> None:
    resource = world.adopted()
    environment = {"PATH": os.environ["PATH"], **signed_in(world), "SECRET_NAME": secret_name(resource)}
    environment |= {"AzureWebJobsStorage": world.storage.connection_string}
    with FunctionsHost.start(SAMPLES / "reload_in_function", environment) as consumer:
        world.azure.deliver_events_to(f"{consumer.url}/api/rotated?code={consumer.function_key}")
        before = consumer.request("GET", "/api/fingerprint").text

        world.rotated(resource)

        after = world.events(resource)[-1]["data"]["fingerprint"]
        until(lambda: consumer.request("GET", "/api/fingerprint").text == after or None)
    assert before != after
