"""The app's queues, as an operator sees them: what lies there, hidden or not."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.azurite.server import Azurite
from shared.adapters.azure_services import NAME, URGENT


def cleared(storage: Azurite, *names: str) -> None:
    """Empty these queues, or those that work lies on."""
    for name in names or (NAME, URGENT):
        with suppress(ResourceNotFoundError), QueueClient.from_connection_string(storage.connection_string, name) as q:
            q.clear_messages()


def count(storage: Azurite, name: str = NAME) -> int:
    """How many messages a queue holds, the hidden ones too."""
    with suppress(ResourceNotFoundError), QueueClient.from_connection_string(storage.connection_string, name) as queue:
        return int(queue.get_queue_properties().approximate_message_count or 0)
    return 0


def visible(storage: Azurite, name: str = NAME) -> list[dict[str, Any]]:
    """The messages that a worker would be given now, each with when it expires (`expires_on`)."""
    with suppress(ResourceNotFoundError), QueueClient.from_connection_string(storage.connection_string, name) as queue:
        return [json.loads(each.content) | {"expires_on": each.expires_on} for each in queue.peek_messages(32)]
    return []


def soon[T](look: Callable[[], T], *, seconds: float = 15) -> T:
    """What `look` gives once it gives something."""
    until = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def taken(storage: Azurite, name: str = NAME) -> list[bytes]:
    """Take what a worker would be given now off the queue."""
    with suppress(ResourceNotFoundError), QueueClient.from_connection_string(storage.connection_string, name) as queue:
        found = list(queue.receive_messages())
        for each in found:
            queue.delete_message(each)
        return [str(each.content).encode() for each in found]
    return []
