"""Clients that stay connected while a key is regenerated: over a WebSocket, and over server-sent events."""

import asyncio
import json
import threading
import time
from contextlib import suppress
from typing import Any, Literal

import aiohttp
import jwt

Transport = Literal["WebSockets", "ServerSentEvents"]

_HUB = "live"
_END = "\x1e"
_OK, _REFUSED = 200, 300
_CLOSE = 7
_OPENED_WITHIN_SECONDS = 30


def _nothing() -> None:
    """Not begun: nothing to stop."""


class NotServedError(Exception):
    """There is no client endpoint here, or it does not take the key."""


class Client:
    """One connection, held on a thread of its own. `closed_after` is None while it is open; `told` is why it ended."""

    def __init__(self, endpoint: str, key: str, transport: Transport, *, hub: str = _HUB) -> None:
        self._endpoint = endpoint
        self._hub = hub
        self._key = key
        self._transport = transport
        self._opened = threading.Event()
        self._refusal = ""
        self._began = time.monotonic()
        self._stop = _nothing
        self.connection_id = ""
        self.told: dict[str, Any] = {}
        self.closed_after: float | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)

    def open(self) -> None:
        """Connect. Raises `NotServedError`."""
        self.start()
        if not self._opened.wait(_OPENED_WITHIN_SECONDS) or self._refusal:
            raise NotServedError(self._refusal or "no answer")

    def start(self) -> None:
        """Begin to connect, and wait for nothing."""
        self._thread.start()

    def close(self) -> None:
        """Leave, if it is still there."""
        self._stop()
        self._thread.join(5)

    async def _live(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            with suppress(RuntimeError):  # it has ended, and its loop with it
                loop.call_soon_threadsafe(stopped.set)

        self._stop = stop
        try:
            async with aiohttp.ClientSession() as session:
                held = asyncio.create_task(self._hold(session))
                await asyncio.wait({held, asyncio.create_task(stopped.wait())}, return_when=asyncio.FIRST_COMPLETED)
                if held.done():
                    await held
        except (aiohttp.ClientError, NotServedError, OSError, KeyError, ValueError) as refused:
            self._refusal = f"{type(refused).__name__}: {refused}"
        finally:
            if self._opened.is_set() and not stopped.is_set():
                self.closed_after = time.monotonic() - self._began  # told to leave, or cut off
            self._opened.set()

    async def _hold(self, session: aiohttp.ClientSession) -> None:
        url = f"{self._endpoint}/client/"
        claims = {"aud": f"{url}?hub={self._hub}", "exp": int(time.time()) + 3600}
        token = jwt.encode(claims, self._key, algorithm="HS256")
        bearer = {"Authorization": f"Bearer {token}"}
        async with session.post(f"{url}negotiate?hub={self._hub}&negotiateVersion=1", headers=bearer) as answer:
            if answer.status != _OK:
                raise NotServedError(f"negotiate was answered {answer.status}")
            given = await answer.json()
        self.connection_id = given["connectionId"]
        # A server of version 0 gives no token: the id takes its place ("Transport Protocols", dotnet/aspnetcore).
        query = {"hub": self._hub, "id": given.get("connectionToken", self.connection_id)}
        shake = json.dumps({"protocol": "json", "version": 1}) + _END
        if self._transport == "WebSockets":
            async with session.ws_connect(url, params=query | {"access_token": token}) as socket:
                await socket.send_str(shake)
                async for message in socket:
                    if self._ends(str(message.data)):
                        break
        else:
            stream = {**bearer, "Accept": "text/event-stream"}
            async with session.get(url, params=query, headers=stream, timeout=aiohttp.ClientTimeout(None)) as events:
                async with session.post(url, params=query, headers=bearer, data=shake) as taken:
                    if max(events.status, taken.status) >= _REFUSED:
                        raise NotServedError(f"the stream was answered {events.status}, the handshake {taken.status}")
                async for line in events.content:
                    if self._ends(line.decode().removeprefix("data: ")):
                        break
        if not self._opened.is_set():
            raise NotServedError("it ended before the handshake was answered")

    def _ends(self, text: str) -> bool:
        """Whether these frames end the connection. The first answers the handshake: it is open from then on."""
        for frame in text.strip().split(_END):
            if not frame.startswith("{"):
                continue  # a comment of the stream, or nothing
            said = json.loads(frame)
            if not self._opened.is_set() and said.get("error"):
                raise NotServedError(f"the handshake was answered {said['error']}")
            self._opened.set()
            if said.get("type") == _CLOSE:
                self.told = said
                return True
        return False
