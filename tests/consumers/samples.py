"""Runs a sample as its reader would: one event on stdin, arguments, environment. And the servers that it calls."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.http.conftest import HttpWorld
from tests.world import ROOT

SAMPLES = ROOT / "docs" / "consumers"


def run(sample: str, event: Mapping[str, Any], *arguments: str, code: int = 0, **environment: str) -> str:
    """What the sample prints. Fails with its errors when it ends with another exit code."""
    done = subprocess.run(
        [sys.executable, str(SAMPLES / sample), *arguments],
        input=json.dumps(event),
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert code == done.returncode, done.stderr
    return done.stdout.strip()


def signed_in(world: HttpWorld, arm: int = 0) -> dict[str, str]:
    """The environment of a process with a managed identity; with `arm`, Resource Manager is at that port."""
    signed = {**world.azure.env, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}
    return signed | ({"AZURE_RESOURCE_MANAGER_URL": f"http://127.0.0.1:{arm}"} if arm else {})


@contextmanager
def silent() -> Iterator[str]:
    """The address of a vault that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def receiver(
    tls: ssl.SSLContext | None = None,
    answers: Mapping[str, object] | None = None,
    failing: Mapping[str, int] | None = None,
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server on loopback that keeps what it is asked: its port, and the requests.

    `answers` are bodies by path, `failing` statuses.
    """
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body})
            path = self.path.partition("?")[0]
            self.send_response((failing or {}).get(path, 200))
            self.end_headers()
            self.wfile.write(json.dumps((answers or {}).get(path, {})).encode())

        do_PATCH = do_GET = do_POST  # noqa: N815 - the names the standard library calls

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


def called(asked: list[dict[str, Any]]) -> list[str]:
    """Method and path of each request, without the query."""
    return [f"{one['method']} {one['path'].partition('?')[0]}" for one in asked]
