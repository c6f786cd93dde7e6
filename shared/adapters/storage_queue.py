"""Queue storage: the queue that the platform turns into invocations of the worker (`Put Message`)."""

import math
from contextlib import suppress
from datetime import timedelta

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from shared.adapters.azure_errors import translated
from shared.domain.wire import Wire

# Queue service REST API, Put Message: a message can be hidden for seven days at most. The sweep covers what is longer.
LONGEST_DELAY = timedelta(days=7) - timedelta(minutes=1)
_FOREVER = -1


class StorageQueue:
    """`WorkQueue`. The queue is made when it is missing: the platform does not make it."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client

    async def send(self, message: Wire, *, delay: timedelta = timedelta()) -> None:
        """See `WorkQueue.send`."""
        hidden = min(max(delay, timedelta()), LONGEST_DELAY)
        with translated("Queue storage", needs="the role Storage Queue Data Contributor", step="submit"):
            try:
                await self._put(message, hidden)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    await self._client.create_queue()
                await self._put(message, hidden)

    async def _put(self, message: Wire, hidden: timedelta) -> None:
        await self._client.send_message(
            # Messages travel in XML, which cannot hold every character that a caller may have written.
            message.model_dump_json(by_alias=True, exclude_defaults=True, ensure_ascii=True),
            visibility_timeout=math.ceil(hidden.total_seconds()),
            time_to_live=_FOREVER,
        )
