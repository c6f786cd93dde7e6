"""Queue functions: poll, keep what runs hidden, delete it or let it come back, and give up into the poison queue.

The rules are those of the platform's queue listener (Microsoft.Azure.WebJobs.Extensions.Storage.Queues), seen when the
platform's host was run: a message is received hidden for ten minutes and its hiding renewed at half that time; after a
failure it is visible again after `visibilityTimeout`; the failure with `dequeueCount` = `maxDequeueCount` moves it to
`<queue>-poison`. A message that fails on a poison queue is left alone: it is back when its ten minutes are over, again
and again until it expires after seven days. An idle poller doubles its pause from 100 ms up to `maxPollingInterval`.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.functions_host.activity import Activity
from local.functions_host.functions import Function
from local.functions_host.host_json import QueueOptions
from local.functions_host.invocation_log import log
from local.functions_host.queue_message import NoBase64Error, NoTextError, decoded, metadata_by_hand, metadata_of
from local.functions_host.worker import Invocation, Worker

POISON = "-poison"
SHORTEST_PAUSE_SECONDS = 0.1


class QueueTrigger:
    """One queue function and its queue."""

    def __init__(
        self,
        worker: Worker,
        function: Function,
        service: QueueServiceClient,
        options: QueueOptions,
        activity: Activity,
        *,
        hidden_seconds: float,
        wake: Callable[[str], None],
    ) -> None:
        self._worker = worker
        self._function = function
        self._options = options
        self._activity = activity
        self._hidden_seconds = hidden_seconds
        self._queue: QueueClient = service.get_queue_client(function.queue)
        # A poison queue has none of its own.
        is_poison = function.queue.endswith(POISON)
        self._poison = None if is_poison else service.get_queue_client(function.queue + POISON)
        self._wake = wake
        self._woken = asyncio.Event()
        self._receiving = asyncio.Lock()
        self._held: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Poll until cancelled. Messages already taken run on as tasks of their own."""
        pause = SHORTEST_PAUSE_SECONDS
        longest = self._options.max_polling_interval.total_seconds()
        while True:
            if await self._take():
                pause = SHORTEST_PAUSE_SECONDS
                while len(self._held) > self._options.new_batch_threshold:
                    await asyncio.wait(self._held, return_when=asyncio.FIRST_COMPLETED)
            else:
                await self._rest(min(pause, longest))
                pause = min(pause * random.uniform(1.6, 2.4), longest)

    @property
    def queue(self) -> str:
        """The queue's name."""
        return str(self._queue.queue_name)

    def wake(self) -> None:
        """Look now instead of after the pause: this host has just put a message there."""
        self._woken.set()

    async def visible(self) -> int:
        """How many messages wait to be taken, 32 at most; 0 where the queue does not exist.

        Never misses one that is on its way: it waits for a receive under way, whose messages then count as held.
        """
        async with self._receiving:
            try:
                return len(await self._queue.peek_messages(max_messages=32))
            except ResourceNotFoundError:
                return 0

    def invocation(self, text: str, message: QueueMessage | None = None) -> Invocation:
        """One run with `text`, of a message or by hand."""
        protos = self._worker.protos
        metadata = metadata_of(message, text, protos) if message else metadata_by_hand(text, protos)
        return Invocation(self._function, protos.TypedData(string=text), metadata)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    async def _take(self) -> int:
        hidden = max(1, round(self._hidden_seconds))
        batch = self._options.batch_size
        taken = 0
        async with self._receiving:
            try:
                pages = self._queue.receive_messages(max_messages=batch, visibility_timeout=hidden)
                async for message in pages:
                    taken += 1
                    # Eager: it counts as held before anyone can look.
                    task = asyncio.Task(self._handle(message), loop=asyncio.get_running_loop(), eager_start=True)
                    self._held.add(task)
                    task.add_done_callback(self._held.discard)
            except ResourceNotFoundError:
                return 0
            except AzureError as error:
                extra = {"queue": self._queue.queue_name, "error": type(error).__name__}
                log.warning("queue cannot be read, polled again", extra=extra)
        return taken

    async def _handle(self, message: QueueMessage) -> None:
        with self._activity.message():
            try:
                await self._process(message)
            except ResourceNotFoundError:
                # Deleted or taken by another host meanwhile: the platform says nothing either.
                return
            except AzureError as error:
                # Storage is away: the message comes back by itself.
                extra = {"queue": self._queue.queue_name, "message_id": message.id, "error": type(error).__name__}
                log.warning("queue message could not be settled", extra=extra)

    async def _process(self, message: QueueMessage) -> None:
        attempts = message.dequeue_count or 0
        if attempts > self._options.max_dequeue_count and self._poison is not None:
            await self._to_poison(message)
            return
        try:
            text = decoded(message, base64_encoded=self._options.base64)
        except NoBase64Error:
            await self._to_poison(message)
            return
        except NoTextError:
            await self._failed(message, attempts)
            return
        async with self._kept_hidden(message):
            outcome = await self._worker.invoke(self.invocation(text, message))
        if outcome.succeeded:
            await self._queue.delete_message(message.id, message.pop_receipt)
        else:
            await self._failed(message, attempts)

    async def _failed(self, message: QueueMessage, attempts: int) -> None:
        if self._poison is None:
            # Nothing is written: neither `visibilityTimeout` nor `maxDequeueCount` holds on a poison queue.
            return
        if attempts >= self._options.max_dequeue_count:
            await self._to_poison(message)
            return
        back = round(self._options.visibility_timeout.total_seconds())
        await self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=back)

    @asynccontextmanager
    async def _kept_hidden(self, message: QueueMessage) -> AsyncIterator[None]:
        renewing = asyncio.create_task(self._renew(message))
        try:
            yield
        finally:
            renewing.cancel()
            # A renewal under way gives a new pop receipt: it must be known before the message is settled.
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, message: QueueMessage) -> None:
        while True:
            await asyncio.sleep(self._hidden_seconds / 2)
            try:
                renewed = await self._queue.update_message(
                    message.id, message.pop_receipt, visibility_timeout=round(self._hidden_seconds)
                )
            except AzureError as error:
                extra = {"queue": self._queue.queue_name, "message_id": message.id, "error": type(error).__name__}
                log.warning("queue message could not be kept hidden", extra=extra)
                if isinstance(error, ResourceNotFoundError):
                    return
                continue
            message.pop_receipt = renewed.pop_receipt

    async def _to_poison(self, message: QueueMessage) -> None:
        if self._poison is None:
            return
        try:
            await self._poison.send_message(message.content)
        except ResourceNotFoundError:
            await self._poison.create_queue()
            await self._poison.send_message(message.content)
        await self._queue.delete_message(message.id, message.pop_receipt)
        self._wake(str(self._poison.queue_name))
        extra = {"queue": self._poison.queue_name, "message_id": message.id}
        log.warning("message moved to the poison queue", extra=extra)
