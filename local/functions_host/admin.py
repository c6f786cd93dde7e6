"""The host's own routes under `/admin`: run a function by hand, the host's status, and what only this host has.

All but the ping ask for the master key: 401 without a key, 403 with one that is too weak. `/admin/local/…` is not on
any real host: the clock that moves, and the counts a test waits on.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from local.functions_host.functions import Function
from local.functions_host.http_message import rpc_request
from local.functions_host.http_trigger import key_of
from local.functions_host.keys import Keys
from local.functions_host.queue_trigger import QueueTrigger
from local.functions_host.timer_trigger import TimerTrigger
from local.functions_host.wall_clock import WallClock
from local.functions_host.worker import HOST_VERSION, Invocation, Outcome, Worker

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admin:
    """Everything under `/admin`."""

    def __init__(
        self,
        worker: Worker,
        functions: list[Function],
        keys: Keys,
        clock: WallClock,
        timers: dict[str, TimerTrigger],
        queues: dict[str, QueueTrigger],
        activity: Callable[[], dict[str, int]],
    ) -> None:
        self._worker = worker
        self._functions = {function.name.lower(): function for function in functions}
        self._keys = keys
        self._clock = clock
        self._timers = timers
        self._queues = queues
        self._activity = activity
        self._started = time.monotonic()
        self._runs: set[asyncio.Task[Outcome]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The routes, each behind the master key except the ping."""
        return [
            web.get("/admin/host/ping", self._ping),
            web.get("/admin/host/status", self._with_master_key(self._status)),
            web.get("/admin/functions", self._with_master_key(self._list)),
            web.post("/admin/functions/{name}", self._with_master_key(self._run)),
            web.get("/admin/local/activity", self._with_master_key(self._counts)),
            web.get("/admin/local/clock", self._with_master_key(self._show_clock)),
            web.post("/admin/local/clock", self._with_master_key(self._move_clock)),
        ]

    def _with_master_key(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            key = key_of(request)
            if self._keys.is_master(key):
                return await handler(request)
            return web.Response(status=HTTPStatus.FORBIDDEN if self._keys.knows(key) else HTTPStatus.UNAUTHORIZED)

        return guarded

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _status(self, _: web.Request) -> web.Response:
        uptime = round((time.monotonic() - self._started) * 1000)
        status = {"id": "local", "state": "Running", "version": HOST_VERSION, "processUptime": uptime, "errors": None}
        return web.json_response(status | {"processId": os.getpid()})

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response(
            [
                {"name": each.name, "isDisabled": each.disabled, "config": {"bindings": [each.trigger]}}
                for each in self._functions.values()
            ]
        )

    async def _run(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        body = await _json_object(request)
        if body is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        invocation = self._by_hand(function, str(body.get("input") or ""))
        # Eager: it counts as running before the caller has its 202.
        task = asyncio.Task(self._worker.invoke(invocation), loop=asyncio.get_running_loop(), eager_start=True)
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)
        return web.Response(status=HTTPStatus.ACCEPTED)

    def _by_hand(self, function: Function, text: str) -> Invocation:
        protos = self._worker.protos
        if function.name in self._timers:
            return self._timers[function.name].invocation()
        if function.name in self._queues:
            return self._queues[function.name].invocation(text)
        if function.type == "httpTrigger":
            url = f"http://localhost/admin/functions/{function.name}"
            data = rpc_request(protos, "POST", url, headers={}, query={}, params={}, body=text.encode())
            return Invocation(function, data)
        return Invocation(function, protos.TypedData(string=text))

    async def _counts(self, _: web.Request) -> web.Response:
        # The queues first: what leaves them in between is counted as held.
        waiting = sum([await queue.visible() for queue in self._queues.values()])
        return web.json_response(self._activity() | {"waiting": waiting})

    async def _show_clock(self, _: web.Request) -> web.Response:
        return web.json_response({"offset_seconds": self._clock.offset_seconds})

    async def _move_clock(self, request: web.Request) -> web.Response:
        body = await _json_object(request)
        try:
            offset_seconds = float(str((body or {})["offset_seconds"]))
            self._clock.move(offset_seconds)
        except (KeyError, ValueError) as error:
            return web.json_response(
                {"error": f"offset_seconds must be a number: {error}"}, status=HTTPStatus.BAD_REQUEST
            )
        return await self._show_clock(request)


async def _json_object(request: web.Request) -> dict[str, object] | None:
    try:
        body = json.loads(await request.read())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
