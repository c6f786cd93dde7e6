"""What every emulator's server does with a request: match it, let a fault strike, act, log, answer."""

import asyncio
import json
import socket
import ssl
import struct
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from local.azure.call import Call, Operation, Refused, Reply, Service
from local.azure.clock import Clock, timestamp
from local.azure.faults import Fault, Faults
from local.azure.request_log import RequestLog

_LARGEST_BODY = 8 * 1024 * 1024
_LAST_ANSWERS_SECONDS = 0.1  # at the end: connections that are held open do not leave by themselves


class Wire:
    """One service behind one port of 127.0.0.1."""

    def __init__(
        self, service: Service, listener: socket.socket, faults: Faults, log: RequestLog, clock: Clock
    ) -> None:
        self._service = service
        self._faults = faults
        self._log = log
        self._clock = clock
        self._runner: web.ServerRunner | None = None
        self._listener = listener

    async def open(self, tls: ssl.SSLContext | None) -> None:
        """Serve from now on, over TLS if given its context."""
        server = web.Server(self._answer, request_factory=_request, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_LAST_ANSWERS_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener, ssl_context=tls, backlog=1024).start()

    async def close(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read() if request.can_read_body else b""
        origin = f"{request.scheme}://{request.host}"
        call = Call(request.method, request.path, request.query, request.headers, origin, body)
        operation = self._service.match(call)
        fault = self._faults.strike(self._service.name, operation)
        if fault is None:
            return await _response(request, call, self._tell(operation, call, _act(operation, call), None))
        await asyncio.sleep(fault.delay)
        if fault.cut == "before-effect":
            self._tell(operation, call, None, fault)
            return _reset(request)
        reply = fault.reply()
        if fault.status is None or fault.effect:
            acted = _act(operation, call)
            reply = acted if fault.status is None else reply
        if fault.cut == "after-effect":
            self._tell(operation, call, None, fault)
            return _reset(request)
        whole = await _response(request, call, self._tell(operation, call, reply, fault))
        return await _slowly(request, whole, fault.slow_body)

    def _tell(self, operation: Operation, call: Call, reply: Reply | None, fault: Fault | None) -> Reply:
        self._log.add(
            self._service.name,
            operation.name,
            call,
            reply.status if reply else None,
            at=timestamp(self._clock.now()),
            fault=str(fault) if fault else None,
        )
        return reply or Reply()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """With room for bodies that are too large for the service: it is the service that refuses them, in its words."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)


def _act(operation: Operation, call: Call) -> Reply:
    try:
        return operation.act(call)
    except Refused as refused:
        return refused.reply


async def _response(request: web.BaseRequest, call: Call, reply: Reply) -> web.StreamResponse:
    if reply.held is not None:
        return await reply.held(request)
    if reply.body is None:
        response = web.Response(status=reply.status, headers=reply.headers)
        if call.method == "HEAD":
            # Without a length aiohttp's client closes the connection after each answer.
            response.headers["Content-Length"] = "0"
        return response
    content = json.dumps(reply.body, separators=(",", ":")).encode()
    return web.Response(
        status=reply.status, headers=reply.headers, body=content, content_type="application/json", charset="utf-8"
    )


def _reset(request: web.BaseRequest) -> web.Response:
    """Drop the connection as a broken network does: RST instead of an orderly end."""
    transport = request.transport
    if transport is not None:
        raw: Any = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _slowly(request: web.BaseRequest, whole: web.StreamResponse, seconds: float) -> web.StreamResponse:
    if not seconds or not isinstance(whole, web.Response) or not isinstance(whole.body, bytes):
        return whole
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(whole.body)
    await response.prepare(request)
    half = len(whole.body) // 2
    await response.write(whole.body[:half])
    await asyncio.sleep(seconds)
    await response.write(whole.body[half:])
    await response.write_eof()
    return response
