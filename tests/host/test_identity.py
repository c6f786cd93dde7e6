"""Storage reached by managed identity: no key anywhere, as the app is deployed."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.functions_host import FunctionsHost, HostDiedError
from tests.host.sample import APPS, NEVER, entra_token, eventually


class IdentityEndpoint(BaseHTTPRequestHandler):
    """App Service's token endpoint, for one secret and any resource."""

    def do_GET(self) -> None:
        resource = "https://storage.azure.com"
        token, expires = entra_token(resource)
        known = self.headers["X-IDENTITY-HEADER"] == "secret" and "client_id=the-client" in self.path
        self.send_response(200 if known else 400)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        answer = {"access_token": token, "expires_on": str(expires), "token_type": "Bearer", "resource": resource}
        self.wfile.write(json.dumps(answer if known else {}).encode())

    def log_message(self, *_: object) -> None:
        """Keep it quiet."""


@pytest.fixture
def identity_endpoint() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), IdentityEndpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


def test_queue_is_polled_with_the_managed_identity(
    tmp_path: Path, certificates: tuple[Path, Path, Path], identity_endpoint: str
) -> None:
    chain, key, trust = certificates
    with Azurite.start(tmp_path / "storage", oauth=True, certificates=(chain, key)) as azurite:
        env = {
            "AzureWebJobsStorage__queueServiceUri": azurite.queue_url,
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": "the-client",
            "IDENTITY_ENDPOINT": identity_endpoint,
            "IDENTITY_HEADER": "secret",
            "SSL_CERT_FILE": str(trust),
            "SAMPLE_QUEUE": "by-identity",
            "SAMPLE_SCHEDULE": NEVER,
            "SAMPLE_SLOW_SCHEDULE": NEVER,
        }
        queues = QueueServiceClient.from_connection_string(azurite.connection_string, connection_verify=str(trust))
        queues.create_queue("by-identity").send_message(base64.b64encode(b"keyless").decode())

        with FunctionsHost.start(APPS / "sample", env) as host:
            done = eventually(lambda: [line for line in host.logs() if line.get("message") == "done"])

    assert ["keyless"] == [line["body"] for line in done]


def test_identity_settings_without_an_address_are_named() -> None:
    env = {
        "AzureWebJobsStorage__credential": "managedidentity",
        "SAMPLE_QUEUE": "none",
        "SAMPLE_SCHEDULE": NEVER,
        "SAMPLE_SLOW_SCHEDULE": NEVER,
    }

    with pytest.raises(HostDiedError, match="AzureWebJobsStorage__queueServiceUri"):
        FunctionsHost.start(APPS / "sample", env)
