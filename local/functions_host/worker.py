"""The app, loaded and called through the platform's own worker library, on an event loop and thread of its own.

The library speaks in messages that on Azure travel over gRPC between the host and the worker process; here they are
handed over as objects. Everything below those messages (indexing, binding conversion, sync functions on a thread pool)
is Microsoft's code. The own thread keeps the host answering, and queue messages hidden, while the app blocks its loop.

A function that runs into `functionTimeout` fails, and two seconds later so does all else that the worker runs: the
platform replaces the worker process. Here the app's process stays, so what it keeps in memory survives, and what sits
on a thread goes on unseen.
"""

import asyncio
import sys
import threading
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime  # type: ignore[import-untyped]  # ships no types

from local.functions_host.activity import Activity
from local.functions_host.functions import Function
from local.functions_host.host_json import ConfigurationError
from local.functions_host.invocation_log import invocation_scope, log
from local.functions_host.protocol import messages

HOST_VERSION = "4.0.0"

_CANCEL_TIMEOUT_SECONDS = 2
_REPLACED_AFTER_SECONDS = 2


class IndexingError(ConfigurationError):
    """The worker could not load the app. The message is the worker's, with the app's traceback."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended; `return_value` is a TypedData or None, `error` the worker's text of the exception."""

    succeeded: bool
    return_value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call to make: `data` fills the trigger's parameter, `metadata` is the trigger's; both are TypedData."""

    function: Function
    data: Any
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Worker:
    """The worker library with one app in it. Made once per process: the library's registry is a module global."""

    def __init__(self, app: Path, activity: Activity) -> None:
        self.timeout_seconds: float | None = None
        self._running: dict[asyncio.Future[Outcome], asyncio.Future[Outcome]] = {}
        self._app = app
        self._activity = activity
        self._protos = messages()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="worker", daemon=True)

    @property
    def protos(self) -> SimpleNamespace:
        """The message classes, for whoever fills an `Invocation`."""
        return self._protos

    async def start(self) -> list[Function]:
        """Load the app and return its functions. Raises `IndexingError` with the app's own traceback."""
        if str(self._app) not in sys.path:
            # The platform puts the app's folder last, behind its packages.
            sys.path.append(str(self._app))
        self._thread.start()
        return await self._on_worker(self._index())

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one function to its end. Never raises for what the app does: that is in the outcome."""
        name = invocation.function.name
        began = time.monotonic()
        with self._activity.invocation():
            outcome = await self._bounded(invocation)
            self._activity.ended(succeeded=outcome.succeeded)
        took = round(time.monotonic() - began, 3)
        extra: dict[str, object] = {"function": name, "invocation_id": invocation.id, "seconds": took}
        if outcome.succeeded:
            log.info("function succeeded", extra=extra)
        else:
            log.error("function failed", extra=extra | {"exception": outcome.error})
        return outcome

    def stop(self) -> None:
        """Cancel what the app left in the background and end the loop. To be called when no function runs any more."""

        async def cancel_rest() -> None:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.wait(rest, timeout=_CANCEL_TIMEOUT_SECONDS) if rest else None

        asyncio.run_coroutine_threadsafe(cancel_rest(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        runtime.stop_threadpool_executor()

    def fail(self, invocation: Invocation, reason: str) -> None:
        """Record a run that fails before the worker is asked."""
        self._activity.ended(succeeded=False)
        extra = {"function": invocation.function.name, "invocation_id": invocation.id, "exception": reason}
        log.error("function failed", extra=extra)

    async def _bounded(self, invocation: Invocation) -> Outcome:
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        work = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._invoke(invocation), self._loop))
        work.add_done_callback(lambda work: _hand_over(work, ended))
        self._running[ended] = work
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await asyncio.shield(ended)
        except TimeoutError:
            name, seconds = invocation.function.name, self.timeout_seconds
            asyncio.get_running_loop().call_later(_REPLACED_AFTER_SECONDS, _replace, list(self._running.items()))
            error = f"FunctionTimeoutException: {name} did not end within its functionTimeout of {seconds} s"
            return Outcome(succeeded=False, error=error)
        finally:
            del self._running[ended]

    async def _on_worker[T](self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _index(self) -> list[Function]:
        runtime.start_threadpool_executor()
        init = self._protos.WorkerInitRequest(host_version=HOST_VERSION, function_app_directory=str(self._app))
        self._check(await runtime.worker_init_request(self._event("worker_init_request", init)))
        ask = self._protos.FunctionsMetadataRequest(function_app_directory=str(self._app))
        answer = await runtime.functions_metadata_request(self._event("functions_metadata_request", ask))
        self._check(answer)
        functions = []
        for metadata in answer.function_metadata_results:
            load = self._protos.FunctionLoadRequest(function_id=metadata.function_id, metadata=metadata)
            self._check(await runtime.function_load_request(self._event("function_load_request", load)))
            functions.append(Function.parse(metadata.name, metadata.function_id, list(metadata.raw_bindings)))
        if not functions:
            raise IndexingError(f"no functions found: is there a function_app.py in {self._app}?")
        return functions

    async def _invoke(self, invocation: Invocation) -> Outcome:
        request = self._protos.InvocationRequest(
            invocation_id=invocation.id,
            function_id=invocation.function.id,
            input_data=[self._protos.ParameterBinding(name=invocation.function.parameter, data=invocation.data)],
            trigger_metadata=invocation.metadata,
            trace_context=self._protos.RpcTraceContext(
                trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00"
            ),
        )
        with invocation_scope(invocation.function.name, invocation.id):
            answer = await runtime.invocation_request(self._event("invocation_request", request))
        if answer.result.status == self._protos.StatusResult.Success:
            value = answer.return_value if answer.HasField("return_value") else None
            return Outcome(succeeded=True, return_value=value)
        return Outcome(succeeded=False, error=answer.result.exception.stack_trace or answer.result.exception.message)

    def _event(self, name: str, content: Any) -> SimpleNamespace:  # noqa: ANN401 - a protobuf class made at run time
        request = self._protos.StreamingMessage(request_id=str(uuid.uuid4()), **{name: content})
        properties = {"protos": self._protos, "host": "127.0.0.1"}
        return SimpleNamespace(name=name, request=request, properties=properties)

    def _check(self, answer: Any) -> None:  # noqa: ANN401 - a protobuf class made at run time
        if answer.result.status != self._protos.StatusResult.Success:
            exception = answer.result.exception
            raise IndexingError(f"the worker could not load the app: {exception.message}\n{exception.stack_trace}")


def _replace(running: list[tuple[asyncio.Future[Outcome], asyncio.Future[Outcome]]]) -> None:
    # What ran when the time was up, and still does, goes down with the worker process.
    for ended, work in running:
        if not ended.done():
            ended.set_result(Outcome(succeeded=False, error="the worker process was replaced"))
        work.cancel()


def _hand_over(work: asyncio.Future[Outcome], ended: asyncio.Future[Outcome]) -> None:
    if ended.done() or work.cancelled():
        return
    if error := work.exception():
        ended.set_exception(error)
    else:
        ended.set_result(work.result())
