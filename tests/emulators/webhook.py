"""A webhook on 127.0.0.1 that shakes hands as it is told to and keeps what it is sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any


@dataclass
class Webhook:
    """`statuses` are answered to notifications one by one, then 200. `received` holds headers and body of each."""

    url: str = ""
    shakes_hands: bool = True
    statuses: list[int] = field(default_factory=list)
    received: Queue[tuple[dict[str, str], Any]] = field(default_factory=Queue)

    def next(self) -> tuple[dict[str, str], Any]:
        """The next notification; fails after five seconds without one."""
        return self.received.get(timeout=5)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Serve one for as long as the block lasts."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            headers = {"WebHook-Allowed-Origin": self.headers["WebHook-Request-Origin"]} if hook.shakes_hands else {}
            self._answer(200, headers)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["aeg-event-type"] == "SubscriptionValidation":
                answer = {"validationResponse": body[0]["data"]["validationCode"]} if hook.shakes_hands else {}
                self._answer(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())
                return
            hook.received.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self._answer(hook.statuses.pop(0) if hook.statuses else 200, {})

        def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the name is the base class's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/events"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
