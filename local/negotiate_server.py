"""The negotiate server of docs/consumers/python as a process of its own, which events reach by webhook."""

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PROGRAM = Path(__file__).parents[1] / "docs" / "consumers" / "python" / "negotiate_server.py"
_STARTUP_SECONDS = 30
_STOP_SECONDS = 10
_POLL_SECONDS = 0.05


class NegotiateServer:
    """One process that reads one secret. Ends with its `with` block, or with `stop`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, code: str) -> None:
        self._process = process
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self.events_url = f"{self.url}/events?code={code}"

    @classmethod
    def start(cls, env: Mapping[str, str], secret: str, *, read_again_seconds: float = 300) -> Self:
        """Start it on a free port and wait until it serves. `env` is what the emulators gave.

        Raises `RuntimeError` when it dies, `TimeoutError`.
        """
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        code = secrets.token_hex(16)
        settings = {
            "PATH": os.environ["PATH"],
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",  # looks for no other
            "SECRET_NAME": secret,
            "EVENTS_CODE": code,
            "PORT": str(port),
            "READ_AGAIN_SECONDS": str(read_again_seconds),
        }
        process = subprocess.Popen(  # noqa: S603 - a program of this repository
            [sys.executable, str(_PROGRAM)], env={**env, **settings}, stdout=subprocess.DEVNULL
        )
        server = cls(process, port, code)
        server._wait()
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def request(self, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
        """One call: the status, and the JSON of the answer if it is some. Raises `OSError`."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if answer.headers.get_content_subtype() == "json" else None
        finally:
            connection.close()

    def health(self) -> dict[str, str]:
        """Since when it runs (`started`), and the secret version it holds (`version`)."""
        status, said = self.request("GET", "/health")
        if status != http.HTTPStatus.OK:
            raise RuntimeError(f"the negotiate server is not healthy: {status}")
        return dict(said)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self._process.poll() is None

    def _wait(self) -> None:
        deadline = time.monotonic() + _STARTUP_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except OSError:
                if not self.alive:
                    raise RuntimeError("the negotiate server ended before it served") from None
                if time.monotonic() > deadline:
                    self.stop()
                    raise TimeoutError(f"the negotiate server did not serve within {_STARTUP_SECONDS} s") from None
                time.sleep(_POLL_SECONDS)
            else:
                return
