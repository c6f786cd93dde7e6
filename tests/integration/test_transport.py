"""What aiohttp does below azure-core, seen from a server."""

import asyncio
import contextlib
from typing import Self

import pytest
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest

from shared.adapters.http_transport import sending_once

TIMEOUTS = {"connection_timeout": 5.0, "read_timeout": 5.0}


class Deaf:
    """A server that takes every request and never answers: it drops the connection."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.taken += 1
        writer.transport.abort()


@pytest.mark.parametrize(("method", "times"), [("PUT", 1), ("POST", 1), ("GET", 2)])
async def test_a_request_that_changes_something_is_sent_once(method: str, times: int) -> None:
    async with Deaf() as server, sending_once(trust_env=False, **TIMEOUTS) as transport:
        with contextlib.suppress(AzureError):
            await transport.send(HttpRequest(method, server.url, content=b"x" if method != "GET" else None))

        assert times == server.taken


async def test_without_it_a_put_is_sent_twice() -> None:
    """The reason for it. When this fails, aiohttp has changed its mind, and http_transport.py can go."""
    async with Deaf() as server, AioHttpTransport(**TIMEOUTS) as transport:
        with contextlib.suppress(AzureError):
            await transport.send(HttpRequest("PUT", server.url, content=b"x"))

        assert 2 == server.taken
