"""One host around one app: starts the parts, says when it is ready, stops them in order."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from azure.storage.queue.aio import QueueServiceClient

from local.functions_host.activity import Activity
from local.functions_host.admin import Admin
from local.functions_host.functions import Function
from local.functions_host.host_json import HostJson
from local.functions_host.http_trigger import HttpTrigger
from local.functions_host.invocation_log import log
from local.functions_host.keys import Keys
from local.functions_host.queue_trigger import QueueTrigger
from local.functions_host.storage import queue_service
from local.functions_host.timer_trigger import TimerTrigger
from local.functions_host.wall_clock import WallClock
from local.functions_host.worker import Worker

# The platform's default for a request body ("maximum request length" in the Functions HTTP limits).
_LARGEST_BODY = 100 * 1024 * 1024
_STILL_RUNNING_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the host: where the app is, which port and keys, and the platform's numbers a test may shorten."""

    app: Path
    port: int = 0
    keys: str = "generated"
    schedule: bool = True
    answer_within_seconds: float = 230
    hidden_seconds: float = 600
    grace_seconds: float = 30


class Host:
    """A host from `start` to `stop`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._activity = Activity()
        self._clock = WallClock()
        self._worker = Worker(options.app, self._activity)
        self._services: dict[str, QueueServiceClient] = {}
        self._listeners: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> dict[str, Any]:
        """Load the app, listen, start the triggers. Returns what the ready line says.

        Raises `ConfigurationError` for an app, a binding or a setting that cannot work.
        """
        options = self._options
        host_json = HostJson.read(options.app)
        functions = await self._worker.start()
        keys = Keys.load(options.keys, functions)
        timers = {
            each.name: TimerTrigger(self._worker, each, self._clock)
            for each in functions
            if each.type == "timerTrigger"
        }
        queues = {each.name: self._queue(each, host_json) for each in functions if each.type == "queueTrigger"}
        http = HttpTrigger(
            self._worker,
            functions,
            keys,
            prefix=host_json.route_prefix,
            answer_within_seconds=options.answer_within_seconds,
        )
        admin = Admin(self._worker, functions, keys, self._clock, timers, queues, self._activity.counts)
        url = await self._listen(admin, http)
        disabled = {each.name for each in functions if each.disabled}
        if options.schedule:
            self._start(timer.run() for name, timer in timers.items() if name not in disabled)
        self._start(queue.run() for name, queue in queues.items() if name not in disabled)
        log.info("host started", extra={"url": url, "functions": [each.name for each in functions]})
        described = {each.name: each.described() for each in functions}
        return {"url": url, "functions": described, "keys": keys.as_json()}

    async def stop(self) -> bool:
        """Stop taking work, give what runs `grace_seconds`, then close. False when something still ran."""
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.grace_seconds):
                while self._activity.busy:
                    await asyncio.sleep(_STILL_RUNNING_POLL_SECONDS)
        if self._runner is not None:
            await self._runner.cleanup()
        for service in self._services.values():
            await service.close()
        log.info("host stopped", extra={"still_running": self._activity.busy})
        self._worker.stop()
        return not self._activity.busy

    def _queue(self, function: Function, host_json: HostJson) -> QueueTrigger:
        name = function.connection
        service = self._services.get(name) or self._services.setdefault(name, queue_service(name))
        hidden = self._options.hidden_seconds
        return QueueTrigger(self._worker, function, service, host_json.queues, self._activity, hidden_seconds=hidden)

    async def _listen(self, admin: Admin, http: HttpTrigger) -> str:
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes(admin.routes())
        app.router.add_route("*", "/{path:.*}", http.answer)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._options.port)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def _start(self, listeners: Iterable[Coroutine[Any, Any, None]]) -> None:
        self._listeners += [asyncio.create_task(each) for each in listeners]
