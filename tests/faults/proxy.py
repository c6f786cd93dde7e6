"""Everything that the app says over the wire passes here, is numbered, and can be cut at any number.

One proxy stands before the identity endpoint, ARM, the data plane, Key Vault, Event Grid, blobs and queues at once, so
that "the n-th call" is one count over all of them. The app's answers come from the services themselves; a fault is what
the network, or a front of the service, makes of them.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-encoding", "content-length"}
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # storage signs over headers


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call. `effect`: the service acts all the same. `hook` runs before or after it would.

    `answer`: "own" is the service's; "half" breaks off in its middle; "cut" is a reset connection; "none" never comes.
    """

    name: str
    effect: bool = True
    answer: Literal["own", "half", "cut", "none"] | int = "own"
    hook: Literal["none", "before", "after"] = "none"


@dataclass(slots=True)
class Call:
    """One call as the wire saw it. `status` is None where no answer was given."""

    n: int
    service: str
    method: str
    path: str
    status: int | None = None
    body: bytes = b""

    @property
    def changed(self) -> bool:
        """Whether it was taken, and changed something that somebody else can see."""
        return self.status is not None and self.status < 300 and self.what != ""

    @property
    def what(self) -> str:
        """What it would change: "regenerate", "publish", "announce", "record" or nothing."""
        if self.method == "POST" and self.path.endswith("/regenerateKey"):
            return "regenerate"
        if self.method == "PUT" and self.service == "keyvault":
            return "publish"
        if self.method == "POST" and self.service == "eventgrid":
            return "announce"
        return "record" if self.method == "PUT" and "/resources/" in self.path and "comp=" not in self.path else ""

    def __str__(self) -> str:
        return f"{self.n}:{self.service} {self.method} {self.path}"


@dataclass(slots=True)
class Proxy:
    """Stands before the services named in `upstream` (name → origin).

    `trust` verifies them, `tls` is what callers see. `taken` are the calls that the services took and that changed
    something, over all cases of a resource. `gone`: those of the services that answer 404 to everything;
    `unnumbered`: those whose calls pass without being counted.
    """

    upstream: Mapping[str, str]
    tls: ssl.SSLContext
    trust: ssl.SSLContext
    hang_seconds: float = 1.0
    calls: list[Call] = field(default_factory=list)
    taken: list[Call] = field(default_factory=list)
    gone: frozenset[str] = frozenset()
    unnumbered: frozenset[str] = frozenset()
    origins: dict[str, str] = field(default_factory=dict)
    at: int = 0
    fault: Fault | Callable[[Call], Fault] | None = None
    hook: Callable[[], Awaitable[None]] | None = None
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    _runners: list[web.ServerRunner] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(ssl=self.trust))
        for name, upstream in self.upstream.items():
            listener = socket.create_server(("127.0.0.1", 0))
            scheme = urlsplit(upstream).scheme
            self.origins[name] = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
            runner = web.ServerRunner(web.Server(self._handler(name), access_log=None))
            await runner.setup()
            await web.SockSite(runner, listener, ssl_context=self.tls if scheme == "https" else None).start()
            self._runners.append(runner)
        return self

    async def __aexit__(self, *_: object) -> None:
        for runner in self._runners:
            await runner.cleanup()
        if self._session:
            await self._session.close()

    def arm(
        self, at: int, fault: Fault | Callable[[Call], Fault], hook: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Count from 1 again, and let `fault` strike the call with number `at`; a function is asked for it then."""
        self.calls, self.at, self.fault, self.hook = [], at, fault, hook
        self.struck = asyncio.Event()

    def disarm(self) -> None:
        """Let everything pass, and count from 1 again."""
        self.calls, self.at, self.fault, self.hook = [], 0, None, None

    def _handler(self, service: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._answer(service, request)

        return handle

    async def _answer(self, service: str, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path = request.path_qs if service == "blob" else urlsplit(request.path_qs).path
        call = Call(len(self.calls) + 1, service, request.method, path, body=body)
        others = service == "signalr" and "/hubs/keyrotation/" not in call.path
        if not others and service not in self.unnumbered:
            self.calls.append(call)
        if self.fault is None or call.n != self.at or not self.calls or self.calls[-1] is not call:
            return _whole(*await self._forward(service, request, body, call))
        fault, hook = self.fault if isinstance(self.fault, Fault) else self.fault(call), self.hook
        self.fault = None
        self.struck.set()
        if fault.hook == "before" and hook:
            await hook()
        answer = await self._forward(service, request, body, call) if fault.effect else None
        if fault.hook == "after" and hook:
            await hook()
        if isinstance(fault.answer, int):
            headers = {"Retry-After": "1"} if fault.answer == 429 else {}
            content = b'{"error":{"code":"Fault","message":"The proxy was told to answer this."}}'
            return web.Response(status=fault.answer, headers=headers, body=content, content_type="application/json")
        if fault.answer == "none":
            await asyncio.sleep(self.hang_seconds)
        if fault.answer == "own" and answer:
            return _whole(*answer)
        if fault.answer == "half" and answer:
            await _begin(request, *answer)
        return _reset(request)

    async def _forward(
        self, service: str, request: web.BaseRequest, body: bytes, call: Call
    ) -> tuple[int, Mapping[str, str], bytes]:
        assert self._session is not None
        if service in self.gone:
            call.status = 404
            return 404, {}, b""
        url = URL(self.upstream[service] + request.path_qs, encoded=True)
        # The caller's Host goes along: services name themselves by it, in poll URLs, ids and signatures.
        async with self._session.request(
            request.method,
            url,
            headers=request.headers,
            data=body or None,
            allow_redirects=False,
            skip_auto_headers=_AUTOMATIC,
        ) as answer:
            content = await answer.read()
            call.status = answer.status
            if call.changed:
                self.taken.append(call)
            headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
        if service == "arm":  # the endpoint in connection strings: what signs in with them passes here too
            content = content.replace(self.upstream["signalr"].encode(), self.origins["signalr"].encode())
        return answer.status, dict(headers), content


def _whole(status: int, headers: Mapping[str, str], content: bytes) -> web.Response:
    return web.Response(status=status, headers=headers, body=content)


async def _begin(request: web.BaseRequest, status: int, headers: Mapping[str, str], content: bytes) -> None:
    """Promise one byte more than will come."""
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(content) + 1
    await response.prepare(request)
    await response.write(content)


def _reset(request: web.BaseRequest) -> web.Response:
    """RST instead of an orderly end."""
    if (transport := request.transport) is not None:
        raw: Any = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()
