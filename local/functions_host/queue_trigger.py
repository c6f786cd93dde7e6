"""Queue functions: poll, keep what runs hidden, delete it or let it come back, and give up into the poison queue.

The rules are those of the platform's queue listener (Microsoft.Azure.WebJobs.Extensions.Storage.Queues): a message is
received hidden for ten minutes and its hiding renewed at half that time; after a failure it is visible again after
`visibilityTimeout`; the failure with `dequeueCount` = `maxDequeueCount` moves it to `<queue>-poison`. An idle poller
doubles its pause from 100 ms up to `maxPollingInterval`.
"""

import asyncio
import base64
import binascii
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.functions_host.activity import Activity
from local.functions_host.functions import Function
from local.functions_host.host_json import QueueOptions
from local.functions_host.invocation_log import log
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
                await asyncio.sleep(min(pause, longest))
                pause = min(pause * random.uniform(1.6, 2.4), longest)

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
        """One run with `text`; without a message, as by hand from the portal, there is nothing to tell of one."""
        typed = self._worker.protos.TypedData
        metadata = {"QueueTrigger": typed(string=text), "DequeueCount": typed(json="0")}
        if message is not None:
            metadata |= {
                "Id": typed(string=message.id),
                "PopReceipt": typed(string=message.pop_receipt),
                "DequeueCount": typed(json=str(message.dequeue_count)),
                "InsertionTime": typed(json=_moment(message.inserted_on)),
                "ExpirationTime": typed(json=_moment(message.expires_on)),
                "NextVisibleTime": typed(json=_moment(message.next_visible_on)),
            }
        return Invocation(self._function, typed(string=text), metadata)

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
            except AzureError as error:
                # Deleted or taken by another host meanwhile, or storage is away: the message comes back by itself or
                # is somebody else's, as on the platform.
                extra = {"queue": self._queue.queue_name, "message_id": message.id, "error": type(error).__name__}
                log.warning("queue message could not be settled", extra=extra)

    async def _process(self, message: QueueMessage) -> None:
        attempts = message.dequeue_count or 0
        text = self._decoded(message)
        if text is None or (attempts > self._options.max_dequeue_count and self._poison is not None):
            await self._to_poison(message)
            return
        async with self._kept_hidden(message):
            outcome = await self._worker.invoke(self.invocation(text, message))
        if outcome.succeeded:
            await self._queue.delete_message(message.id, message.pop_receipt)
        elif attempts >= self._options.max_dequeue_count and self._poison is not None:
            await self._to_poison(message)
        else:
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
        extra = {"queue": self._poison.queue_name, "message_id": message.id}
        log.warning("message moved to the poison queue", extra=extra)

    def _decoded(self, message: QueueMessage) -> str | None:
        if not self._options.base64:
            return str(message.content)
        try:
            return base64.b64decode(message.content, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None


def _moment(moment: datetime | None) -> str:
    return json.dumps(moment.isoformat() if moment else None)
