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

from local.functions_host.activity import Activity
from local.functions_host.functions import Function
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
        activity: Activity,
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        self._worker = worker
        self._functions = {function.name.lower(): function for function in functions}
        self._keys = keys
        self._clock = clock
        self._timers = timers
        self._queues = queues
        self._activity = activity
        self._drain_host = drain
        self._draining = False
        self._started = time.monotonic()
        self._runs: set[asyncio.Task[Outcome]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The routes, each behind the master key except the ping."""
        return [
            web.get("/admin/host/ping", self._ping),
            web.get("/admin/host/status", self._with_master_key(self._status)),
            web.post("/admin/host/drain", self._with_master_key(self._drain)),
            web.get("/admin/host/drain/status", self._with_master_key(self._drain_status)),
            web.get("/admin/functions", self._with_master_key(self._list)),
            web.get("/admin/functions/{name}", self._with_master_key(self._of_one(self._described))),
            web.get("/admin/functions/{name}/status", self._with_master_key(self._of_one(lambda _: {}))),
            web.get("/admin/functions/{name}/keys", self._with_master_key(self._of_one(self._function_keys))),
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
            if self._keys.knows(key):
                return web.Response(status=HTTPStatus.FORBIDDEN)
            return web.Response(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})

        return guarded

    def _of_one(self, told: Callable[[Function], object]) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            function = self._functions.get(request.match_info["name"].lower())
            return web.Response(status=HTTPStatus.NOT_FOUND) if function is None else web.json_response(told(function))

        return answer

    async def _drain(self, _: web.Request) -> web.Response:
        self._draining = True
        await self._drain_host()
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _drain_status(self, _: web.Request) -> web.Response:
        running = self._activity.counts()["running"]
        state = ("InProgress" if running else "Completed") if self._draining else "Disabled"
        return web.json_response({"state": state, "outstandingInvocations": running})

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _status(self, _: web.Request) -> web.Response:
        uptime = round((time.monotonic() - self._started) * 1000)
        status = {"id": "local", "state": "Running", "version": HOST_VERSION, "processUptime": uptime, "errors": None}
        return web.json_response(status | {"processId": os.getpid()})

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response([self._described(each) for each in self._functions.values()])

    def _described(self, function: Function) -> dict[str, object]:
        return {"name": function.name, "isDisabled": function.disabled, "config": {"bindings": [function.trigger]}}

    def _function_keys(self, function: Function) -> dict[str, object]:
        key = self._keys.functions.get(function.name)
        return {"keys": [{"name": "default", "value": key}] if key else [], "links": []}

    async def _run(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        if not request.content_type.endswith("json"):
            return web.Response(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        body = await _json_object(request)
        if body is None or isinstance(body.get("input"), dict | list):
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        given = body.get("input")
        invocation = await self._by_hand(function, None if given is None else str(given))
        if isinstance(invocation, str):
            self._worker.fail(Invocation(function, None), invocation)
            return web.Response(status=HTTPStatus.ACCEPTED)
        # Eager: it counts as running before the caller has its 202.
        task = asyncio.Task(self._worker.invoke(invocation), loop=asyncio.get_running_loop(), eager_start=True)
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _by_hand(self, function: Function, text: str | None) -> Invocation | str:
        """The run, or why it fails. It is accepted all the same: the platform finds out after its 202."""
        if function.name in self._timers:
            return await self._timers[function.name].by_hand()
        if function.type == "httpTrigger":
            return "Exception binding parameter: an HttpRequest is required, which a run by hand does not have"
        if function.name in self._queues:
            if text is None:
                return "Exception binding parameter: unable to convert trigger to IStorageQueueMessage"
            return self._queues[function.name].invocation(text)
        return Invocation(function, self._worker.protos.TypedData(json=text or "{}"))

    async def _counts(self, _: web.Request) -> web.Response:
        # The queues first: what leaves them in between is counted as held.
        waiting = sum([await queue.visible() for queue in self._queues.values()])
        return web.json_response(self._activity.counts() | {"waiting": waiting})

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
