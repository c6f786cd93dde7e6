"""Somebody who must never notice: reads the newest secret version and signs a call with it, all the time.

It asks Key Vault and SignalR themselves, past the proxies: what goes wrong there is the app's business alone.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import aiohttp
import jwt

from local.azure.client import AzureEmulator
from tests.faults.modes import key_of

_PAUSE_SECONDS = 0.01
_REFUSED, _MISSING = 401, 404
# The secret's name and the resource's endpoint; None while whoever reads it is refused by the nature of the case.
type Watched = Callable[[], tuple[str, str] | None]


@dataclass
class Consumer:
    """Calls made, and what was refused."""

    azure: AzureEmulator
    watched: Sequence[Watched]
    calls: int = 0
    refused: list[str] = field(default_factory=list)
    _failure: Exception | None = None

    def __enter__(self) -> Self:
        """Consume from now on, in a thread of its own: what keeps the app busy must not keep its clients quiet."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._consume()), name="consumer", daemon=True)
        self._done = threading.Event()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop. Raises what ended it early."""
        self._done.set()
        self._thread.join()
        if self._failure:
            raise RuntimeError("the consumer ended early") from self._failure

    async def _consume(self) -> None:
        try:
            await self._calls()
        except Exception as error:  # noqa: BLE001 - carried to whoever waits for the thread
            self._failure = error

    async def _calls(self) -> None:
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {await self._token(session)}"}
            while not self._done.is_set():
                for each in self.watched:
                    if (target := each()) and await self._is_refused(session, headers, *target):
                        self.refused.append(target[0])
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _is_refused(self, session: aiohttp.ClientSession, headers: dict[str, str], name: str, url: str) -> bool:
        """Whether a call with the newest version is refused while that version still is the newest."""
        seen = None
        while (newest := await self._newest(session, headers, name)) and newest != seen:
            seen = newest
            self.calls += 1
            audience = f"{url}/api/hubs/chat/users/someone"
            claims = {"aud": audience, "exp": int(time.time()) + 3600}
            signed = {"Authorization": f"Bearer {jwt.encode(claims, key_of(newest), algorithm='HS256')}"}
            async with session.head(audience, params={"api-version": "2022-06-01"}, headers=signed) as answer:
                if answer.status != _REFUSED:
                    return False
        return seen is not None

    async def _newest(self, session: aiohttp.ClientSession, headers: dict[str, str], name: str) -> str | None:
        url = f"{self.azure.vaults[0]}/secrets/{name}/"
        async with session.get(url, params={"api-version": "7.6"}, headers=headers) as answer:
            return None if answer.status == _MISSING else str((await answer.json())["value"])

    async def _token(self, session: aiohttp.ClientSession) -> str:
        query = {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}
        query["client_id"] = self.azure.env["AZURE_CLIENT_ID"]
        headers = {"X-IDENTITY-HEADER": self.azure.env["IDENTITY_HEADER"]}
        async with session.get(self.azure.env["IDENTITY_ENDPOINT"], params=query, headers=headers) as answer:
            return str((await answer.json())["access_token"])
