"""Sends to the clients of a hub over SignalR's REST API, as the Management SDK does, with the newest key.

    async with aiohttp.ClientSession() as session:
        await Hub(keys, session, "chat").send("said", "hello")

A 401 makes it read the secret again and repeat the call once: a rejected call has not been carried out.
"""  # noqa: INP001 - copied, not imported

from typing import Literal
from urllib.parse import quote

import aiohttp
from newest_key import Key, NewestKey
from yarl import URL

_API = "api-version=2022-06-01"
_REJECTED, _NOT_FOUND = 401, 404


class Hub:
    """One hub of the resource that the key opens. Every method raises `aiohttp.ClientResponseError`."""

    def __init__(self, keys: NewestKey, session: aiohttp.ClientSession, name: str) -> None:
        self._keys = keys
        self._session = session
        self._path = f"/api/hubs/{name.lower()}"

    async def send(self, target: str, *arguments: object, to: str = "") -> None:
        """Invoke `target` at all clients, or at those of `to`: `users/ann`, `groups/editors`."""
        kind, _, name = to.partition("/")
        whom = f"/{kind}/{_segment(name)}" if to else ""
        await self._call("POST", f"{whom}/:send", {"target": target, "arguments": arguments})

    async def has(self, kind: Literal["users", "groups", "connections"], name: str) -> bool:
        """Whether a client is connected as this user, in this group or under this id."""
        return await self._call("HEAD", f"/{kind}/{_segment(name)}") != _NOT_FOUND

    async def _call(self, method: str, path: str, body: object = None) -> int:
        key = await self._keys.current()
        try:
            return await self._once(key, method, path, body)
        except aiohttp.ClientResponseError as error:
            if error.status != _REJECTED:
                raise
        return await self._once(await self._keys.newer_than(key), method, path, body)

    async def _once(self, key: Key, method: str, path: str, body: object) -> int:
        url = f"{key.endpoint}{self._path}{path}"
        headers = {"Authorization": f"Bearer {key.token(url)}"}
        called = URL(f"{url}?{_API}", encoded=True)  # as the token says it
        async with self._session.request(method, called, headers=headers, json=body) as answer:
            if method != "HEAD" or answer.status != _NOT_FOUND:
                answer.raise_for_status()
            return answer.status


def _segment(name: str) -> str:
    """One segment of the path. Raises `ValueError` for the names that no encoding keeps one."""
    if name in {"", ".", ".."}:
        raise ValueError(f"no user, group or connection can be addressed as {name!r}")
    return quote(name, safe="")
