"""What aiohttp does below azure-core, seen from a server."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Self

import pytest
from aiohttp import web
from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest
from azure.storage.blob.aio import ContainerClient, ExponentialRetry

from shared.adapters.arm_signalr import SameHost
from shared.adapters.blob_container import list_metadata
from shared.adapters.http_transport import plain_session, sending_once
from shared.adapters.worker_clock import WorkerClock

TIMEOUTS = {"connection_timeout": 5.0, "read_timeout": 5.0}


LIST = (
    b"<?xml version='1.0'?><EnumerationResults><Blobs><Blob><Name>resources/one</Name>"
    b"<Metadata><entry>1</entry></Metadata></Blob></Blobs><NextMarker/></EnumerationResults>"
)


class Deaf:
    """A server that drops the connection of every request, or of the first few; those after them get the answer."""

    def __init__(self, *, times: int | None = None, answer: bytes = b"") -> None:
        self.taken = 0
        self._times = times
        self._answer = answer

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.taken += 1
        if self._times is not None and self.taken > self._times:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(self._answer)}\r\n\r\n"
            writer.write(head.encode() + self._answer)
            await writer.drain()
            writer.close()
            return
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


class Late:
    """A server whose answers carry these `Date` headers, one after the other, as seconds before now."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._take))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, _: web.BaseRequest) -> web.Response:
        said = datetime.now(UTC) - timedelta(seconds=self._seconds.pop(0))
        return web.Response(headers={"Date": format_datetime(said, usegmt=True)})


@pytest.mark.parametrize(
    ("ahead", "off"),
    [
        ((0, 0), False),
        ((3600, 3600), True),
        ((-660, -660), True),
        ((3600, 0, 3600), False),  # an odd answer
        ((3600, -3600), False),
        ((3600, 3600, 0), False),  # the clock was set right
    ],
)
async def test_two_answers_of_any_service_in_a_row_tell_that_the_clock_is_off(
    ahead: tuple[float, ...], *, off: bool
) -> None:
    clock = WorkerClock(every_seconds=0)
    async with Late(*ahead) as server, sending_once(clock.compared, trust_env=False, **TIMEOUTS) as transport:
        for _ in ahead:
            await transport.send(HttpRequest("GET", server.url))

    assert (ahead[-1] if off else 0) == pytest.approx(clock.error_seconds, abs=2)


async def test_a_clock_that_is_right_is_looked_at_twice_a_minute_at_most() -> None:
    clock = WorkerClock()
    async with Late(0, 3600, 3600) as server, plain_session(clock.compared) as session:
        for _ in range(3):
            await (await session.get(server.url)).read()

    assert 0 == clock.error_seconds


def test_a_slow_answer_is_no_error_of_the_clock() -> None:
    """A worker that slept, or waited, for ten minutes between its request and the answer."""
    clock = WorkerClock()
    now = datetime.now(UTC)
    for _ in range(2):
        clock.read(format_datetime(now, usegmt=True), sent=now.timestamp(), answered=now.timestamp() + 600)

    assert 0 == clock.error_seconds


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Nov 2026 99:00:00 GMT", "0"])
def test_a_date_that_is_none_tells_nothing(date: str) -> None:
    clock = WorkerClock()
    for _ in range(2):
        clock.read(date, sent=0.0, answered=0.0)

    assert 0 == clock.error_seconds


async def test_a_list_whose_first_connection_breaks_is_read_all_the_same() -> None:
    """The storage SDK repeats such a request, and forgets who wanted to see its answer."""
    once = ExponentialRetry(initial_backoff=0, increment_base=0, random_jitter_range=0, retry_total=3)
    async with (
        Deaf(times=2, answer=LIST) as server,  # aiohttp repeats a GET by itself, and the SDK once more
        ContainerClient(f"{server.url}account", "box", retry_policy=once) as container,
    ):
        found = await list_metadata(container, "resources/", most=10)

    assert ([("resources/one", {"entry": "1"})], None) == found


# -- ARM's own host


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://management.azure.com/subscriptions", True),
        ("https://management.azure.com:443/subscriptions?page=2", True),
        ("https://WestEurope.management.azure.com/operations/1", True),
        ("https://management.azure.com:444/subscriptions", False),
        ("https://notmanagement.azure.com/subscriptions", False),
        ("https://management.azure.com.evil.example/subscriptions", False),
        ("https://evil.example:443/management.azure.com", False),
        ("https://management.azure.com@evil.example/subscriptions", False),
    ],
)
@pytest.mark.parametrize("endpoint", ["https://management.azure.com", "https://management.azure.com:443/"])
def test_only_arms_own_host_is_followed(endpoint: str, url: str, *, followed: bool) -> None:
    """Several resource providers write the port into their links; what else differs is another host."""
    request = PipelineRequest(HttpRequest("GET", url), PipelineContext(None))

    if followed:
        SameHost(endpoint).on_request(request)
    else:
        with pytest.raises(AzureError, match="another host"):
            SameHost(endpoint).on_request(request)
