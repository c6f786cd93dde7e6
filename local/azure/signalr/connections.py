"""A client that is connected: over a WebSocket, or over server-sent events with a POST for what it says.

Sources: "Transport Protocols" and "Hub Protocol" of dotnet/aspnetcore's SignalR. Microsoft's emulator, run: who closes
connections sends one frame of type 7 and leaves the socket open; the client ends it. No message reaches anybody, and
what a client says after its handshake is not looked at. Assumed: a connection outlives the key that it was made with.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

_END = "\x1e"
_PING = {"type": 6}
_SHAKEN: Mapping[str, object] = {}
_PING_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class Connection:
    """One client of one hub. `hub` is in lower case."""

    id: str
    hub: str
    _frames: asyncio.Queue[str] = field(default_factory=asyncio.Queue, repr=False)

    def shake(self) -> None:
        """Answer its handshake."""
        self._send(_SHAKEN)

    def close(self, reason: str) -> None:
        """Ask it to leave, and to come back."""
        self._send({"type": 7, **({"error": reason} if reason else {}), "allowReconnect": True})

    async def websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve it over a WebSocket until it leaves."""
        socket = web.WebSocketResponse(heartbeat=_PING_SECONDS)
        await socket.prepare(request)
        telling = asyncio.create_task(self._tell(socket))
        try:
            shaken = False
            async for _ in socket:
                if not shaken:
                    self.shake()
                shaken = True
        finally:
            telling.cancel()
        return socket

    async def events(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve it as server-sent events until it leaves. Its handshake comes by POST: `shake`."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await stream.prepare(request)
        try:
            while True:
                await stream.write(f"data: {await self._next()}\r\n\r\n".encode())
        except ConnectionError:
            return stream

    async def _tell(self, socket: web.WebSocketResponse) -> None:
        while True:
            await socket.send_str(await self._frames.get())

    async def _next(self) -> str:
        try:
            return await asyncio.wait_for(self._frames.get(), _PING_SECONDS)
        except TimeoutError:
            return _frame(_PING)

    def _send(self, message: Mapping[str, object]) -> None:
        self._frames.put_nowait(_frame(message))


def _frame(message: Mapping[str, object]) -> str:
    return json.dumps(message, separators=(",", ":")) + _END
