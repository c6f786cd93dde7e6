"""Queue storage: the queues that the platform turns into invocations of the worker (`Put Message`)."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from shared.adapters.azure_errors import translated
from shared.domain.requests import QueuedMessage

# Queue service REST API, Put Message: a message can be hidden for seven days at most. The sweep covers what is longer.
LONGEST_DELAY = timedelta(days=7) - timedelta(minutes=1)
_FOREVER = -1


class StorageQueue:
    """`WorkQueue`: the queue, the one for what is urgent, and those that the platform moves hopeless messages to.

    The platform makes neither of the first two: each is made when missing.
    """

    def __init__(
        self,
        client: QueueClient,
        urgent: QueueClient | None = None,
        *,
        poison: Sequence[QueueClient] = (),
        installation: str = "",
    ) -> None:
        self._client = client
        self._urgent = urgent or client
        self._poison = poison
        self._installation = installation

    async def send(
        self,
        message: QueuedMessage,
        *,
        delay: timedelta = timedelta(),
        urgent: bool = False,
        expires_after: timedelta | None = None,
    ) -> None:
        """See `WorkQueue.send`."""
        if not message.installation:
            message = message.model_copy(update={"installation": self._installation})
        client = self._urgent if urgent else self._client
        hidden = min(max(delay, timedelta()), LONGEST_DELAY)
        # Counted by the service from now on; it must be longer than the message is hidden.
        alive = math.ceil((hidden + expires_after).total_seconds()) + 1 if expires_after is not None else _FOREVER
        with translated("Queue storage", needs="the role Storage Queue Data Contributor", step="submit"):
            try:
                await _put(client, message, hidden, alive)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    await client.create_queue()
                await _put(client, message, hidden, alive)

    async def given_up(self) -> Mapping[str, int]:
        """See `WorkQueue.given_up` (`Get Queue Metadata`). A queue that is not there is left out."""
        held: dict[str, int] = {}
        for client in self._poison:
            needs = "the role Storage Queue Data Contributor"
            with translated("Queue storage", needs=needs, step="sweep"), suppress(ResourceNotFoundError):
                found = await client.get_queue_properties()
                held[str(client.queue_name)] = found.approximate_message_count or 0
        return held


async def _put(client: QueueClient, message: QueuedMessage, hidden: timedelta, alive: int) -> None:
    await client.send_message(
        # Messages travel in XML, which cannot hold every character that a caller may have written.
        message.model_dump_json(by_alias=True, exclude_defaults=True, ensure_ascii=True),
        visibility_timeout=math.ceil(hidden.total_seconds()),
        time_to_live=alive,
    )
