"""One host around one app: starts the parts, says when it is ready, stops them in order."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.functions_host.activity import Activity
from local.functions_host.admin import Admin
from local.functions_host.event_grid_trigger import EventGridTrigger
from local.functions_host.functions import Function
from local.functions_host.host_json import HostJson
from local.functions_host.http_trigger import HttpTrigger
from local.functions_host.invocation_log import log
from local.functions_host.keys import Keys
from local.functions_host.limits import Limits
from local.functions_host.queue_trigger import QueueTrigger
from local.functions_host.storage import blob_service, queue_service
from local.functions_host.timer_status import TimerStatuses
from local.functions_host.timer_trigger import TimerTrigger
from local.functions_host.wall_clock import WallClock
from local.functions_host.worker import Worker

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueServiceClient

# The platform's default for a request body ("maximum request length" in the Functions HTTP limits).
_LARGEST_BODY = 100 * 1024 * 1024
_WELCOME = "<!DOCTYPE html><title>Functions</title><p>Your Functions app is up and running.</p>"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the host. `keys` is a file of keys or "generated"."""

    app: Path
    port: int = 0
    keys: str = "generated"
    schedule: bool = True
    limits: Limits = field(default_factory=Limits)


class Host:
    """A host from `start` to `stop`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._activity = Activity()
        self._clock = WallClock()
        self._worker = Worker(options.app, self._activity)
        self._services: dict[str, QueueServiceClient] = {}
        self._statuses = TimerStatuses(None)
        self._queues: list[QueueTrigger] = []
        self._listeners: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    async def start(self) -> dict[str, Any]:
        """Load the app, listen, start the triggers. Returns what the ready line says.

        Raises `ConfigurationError` for an app, a binding or a setting that cannot work.
        """
        options = self._options
        host_json = HostJson.read(options.app)
        limit = host_json.function_timeout
        self._worker.timeout_seconds = options.limits.function_timeout or (limit.total_seconds() if limit else None)
        functions = await self._worker.start()
        keys = Keys.load(options.keys, functions)
        self._statuses = TimerStatuses(blob_service("AzureWebJobsStorage") if options.schedule else None)
        timers = {
            each.name: TimerTrigger(self._worker, each, self._clock, self._statuses)
            for each in functions
            if each.type == "timerTrigger"
        }
        queues = {each.name: self._queue(each, host_json) for each in functions if each.type == "queueTrigger"}
        self._queues = list(queues.values())
        http = HttpTrigger(
            self._worker,
            functions,
            keys,
            prefix=host_json.route_prefix,
            answer_within_seconds=options.limits.answer_within,
        )
        admin = Admin(self._worker, functions, keys, self._clock, timers, queues, self._activity, self.drain)
        url = await self._listen(admin, http, EventGridTrigger(self._worker, functions, keys))
        disabled = {each.name for each in functions if each.disabled}
        if options.schedule:
            self._start(timer.run() for name, timer in timers.items() if name not in disabled)
        self._start(queue.run() for name, queue in queues.items() if name not in disabled)
        log.info("host started", extra={"url": url, "functions": [each.name for each in functions]})
        described = {each.name: each.described() for each in functions}
        return {"url": url, "functions": described, "keys": keys.as_json()}

    async def drain(self) -> None:
        """Fire nothing and take no message any more; what runs goes on to its end, and HTTP is served as before."""
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)

    async def stop(self) -> bool:
        """Stop taking work, give what runs `grace` seconds, then close. False when something still ran.

        What still ran is neither deleted nor released: its message is back when it has been hidden for its time.
        """
        if self._site is not None:
            await self._site.stop()
        await self.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._activity.quiet(), self._options.limits.grace)
        if self._runner is not None:
            await self._runner.cleanup()
        for service in self._services.values():
            await service.close()
        await self._statuses.close()
        finished = not self._activity.busy
        log.info("host stopped", extra={"finished": finished})
        if finished:
            self._worker.stop()
        return finished

    def _queue(self, function: Function, host_json: HostJson) -> QueueTrigger:
        name = function.connection
        service = self._services.get(name) or self._services.setdefault(name, queue_service(name))
        hidden = self._options.limits.hidden_for
        return QueueTrigger(
            self._worker, function, service, host_json.queues, self._activity, hidden_seconds=hidden, wake=self._wake
        )

    def _wake(self, queue: str) -> None:
        for listener in self._queues:
            if listener.queue == queue:
                listener.wake()

    async def _listen(self, admin: Admin, http: HttpTrigger, events: EventGridTrigger) -> str:
        async def answer(request: web.Request) -> web.Response:
            if request.path == "/" and request.method == "GET":
                return web.Response(text=_WELCOME, content_type="text/html")
            return await (events.answer(request) if events.serves(request) else http.answer(request))

        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes(admin.routes())
        app.router.add_route("*", r"/{path:[\s\S]*}", answer)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._options.port)
        await self._site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def _start(self, listeners: Iterable[Coroutine[Any, Any, None]]) -> None:
        for each in listeners:
            task = asyncio.create_task(each)
            task.add_done_callback(_report_end)
            self._listeners.append(task)


def _report_end(listener: asyncio.Task[None]) -> None:
    # A listener runs until it is cancelled: any other end is a fault of this host, and must not be a silent one.
    if not listener.cancelled():
        log.critical("a trigger ended", exc_info=listener.exception())
