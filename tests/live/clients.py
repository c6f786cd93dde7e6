"""Clients that stay connected while a key is regenerated: over a WebSocket, and over server-sent events."""

import asyncio
import json
import threading
import time
from typing import Literal

import aiohttp
import jwt

Transport = Literal["WebSockets", "ServerSentEvents"]

_HUB = "live"
_END = "\x1e"
_OPENED_WITHIN_SECONDS = 30


def _nothing() -> None:
    """Not begun: nothing to stop."""


class NotServedError(Exception):
    """There is no client endpoint here, or it does not take the key."""


class Client:
    """One connection, held on a thread of its own. `closed_after` is None while it is open."""

    def __init__(self, endpoint: str, key: str, transport: Transport) -> None:
        self._endpoint = endpoint
        self._key = key
        self._transport = transport
        self._opened = threading.Event()
        self._refusal = ""
        self._began = time.monotonic()
        self._stop = _nothing
        self.closed_after: float | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)

    def open(self) -> None:
        """Connect. Raises `NotServedError`."""
        self._thread.start()
        if not self._opened.wait(_OPENED_WITHIN_SECONDS) or self._refusal:
            raise NotServedError(self._refusal or "no answer")

    def close(self) -> None:
        """Leave, if it is still there."""
        self._stop()
        self._thread.join(5)

    async def _live(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(stopped.set)

        self._stop = stop
        try:
            async with aiohttp.ClientSession() as session:
                held = asyncio.create_task(self._hold(session))
                await asyncio.wait({held, asyncio.create_task(stopped.wait())}, return_when=asyncio.FIRST_COMPLETED)
                if held.done():
                    await held
        except (aiohttp.ClientError, NotServedError, OSError, KeyError, ValueError) as refused:
            self._refusal = self._refusal or f"{type(refused).__name__}: {refused}"
        finally:
            self._opened.set()

    async def _hold(self, session: aiohttp.ClientSession) -> None:
        url = f"{self._endpoint}/client/"
        claims = {"aud": f"{url}?hub={_HUB}", "exp": int(time.time()) + 3600}
        token = jwt.encode(claims, self._key, algorithm="HS256")
        bearer = {"Authorization": f"Bearer {token}"}
        async with session.post(f"{url}negotiate?hub={_HUB}&negotiateVersion=1", headers=bearer) as answer:
            if answer.status != 200:
                raise NotServedError(f"negotiate was answered {answer.status}")
            connection = (await answer.json())["connectionToken"]
        query = {"hub": _HUB, "id": connection}
        shake = json.dumps({"protocol": "json", "version": 1}) + _END
        if self._transport == "WebSockets":
            async with session.ws_connect(url, params=query | {"access_token": token}) as socket:
                await socket.send_str(shake)
                self._opened.set()
                async for message in socket:
                    if '"type":7' in str(message.data):
                        break
        else:
            stream = {**bearer, "Accept": "text/event-stream"}
            async with session.get(url, params=query, headers=stream, timeout=aiohttp.ClientTimeout(None)) as events:
                async with session.post(url, params=query, headers=bearer, data=shake):
                    self._opened.set()
                async for line in events.content:
                    if b'"type":7' in line:
                        break
        self.closed_after = time.monotonic() - self._began
