"""The ingestion endpoint of an Application Insights resource, on this machine: takes whatever comes, and keeps it."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class TelemetryEndpoint:
    """What was sent to `url` so far."""

    url: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)

    @property
    def settings(self) -> dict[str, str]:
        """The app settings that send telemetry here. What comes a minute later on Azure comes at once."""
        return {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": (
                f"InstrumentationKey=11111111-2222-4333-8444-555555555555;IngestionEndpoint={self.url}"
            ),
            "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
            "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_BLRP_SCHEDULE_DELAY": "100",
            "OTEL_METRIC_EXPORT_INTERVAL": "300",
        }

    def named(self, kind: str, text: str) -> list[dict[str, Any]]:
        """The telemetry of a kind (`Message`, `RemoteDependency`, `Request`, `Metric`) whose content holds a text."""
        return [each for each in list(self.items) if each["name"].endswith(f".{kind}") and text in json.dumps(each)]

    @classmethod
    @contextmanager
    def start(cls) -> Iterator["TelemetryEndpoint"]:
        """Serve it on a free port of 127.0.0.1 while the block lasts."""
        taken = cls()

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
        taken.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield taken
        finally:
            server.shutdown()
            server.server_close()
