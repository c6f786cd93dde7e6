"""A server that answers as a recording did, request by request, over TLS on loopback."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from local.azure.certificates import server_context
from tests.recorded.recording import Exchange, Recording, filled

SUBSCRIPTION = "00000000-0000-4000-8000-00000000feed"
GROUP, NAME, LOCATION = "recorded", "chat", "westeurope"
PROVIDER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.SignalRService"


class Replay:
    """Each address answers what was recorded for it, in order; the last answer is repeated. Anything else is 404."""

    def __init__(self, recording: Recording, folder: Path) -> None:
        self._folder = folder
        length = recording.key_length
        self.keys = {name: letter * length for name, letter in zip(_KEYS, "abcd", strict=True)}
        self.names = {
            **self.keys,
            "provider": PROVIDER,
            "resource": f"{PROVIDER}/SignalR/{NAME}",
            "name": NAME,
            "location": LOCATION,
            "operation": "7e510820-0000-4000-8000-000000000001",
            "signature": f"t=638646604779926546&c={'c' * 2600}&s={'s' * 342}&h={'h' * 43}",
            "endpoint": f"https://{NAME}.service.signalr.net",
        }
        self.asked: list[tuple[str, str, str]] = []
        self._answers: dict[tuple[str, str], list[Exchange]] = defaultdict(list)
        for exchange in recording.exchanges:
            self._answers[exchange.method, filled(exchange.path, self.names).lower()].append(exchange)

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._answer))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=server_context(self._folder)).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"
        self.names["origin"] = self.url
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        self.asked.append((request.method, request.path, request.query_string))
        left = self._answers.get((request.method, request.path.lower()))
        if not left:
            return web.json_response({"error": {"code": "NotRecorded", "message": request.path}}, status=404)
        exchange = left.pop(0) if len(left) > 1 else left[0]
        headers = {name: filled(value, self.names) for name, value in exchange.headers.items()}
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        body: Any = filled(exchange.body, self.names)
        if body is None:
            return web.Response(status=exchange.status, headers=headers)
        return web.json_response(body, status=exchange.status, headers=headers)


_KEYS = ("primary", "secondary", "new_primary", "new_secondary")
