"""The two kinds of message on the queue: a work item for one resource, and an event that came in."""

import logging

from pydantic import TypeAdapter

from shared.domain.requests import WorkItem
from shared.rotation.incoming_events import InboundEvent, IncomingEvents
from shared.rotation.worker import Worker

log = logging.getLogger("rotation.messages")

_MESSAGE: TypeAdapter[WorkItem | InboundEvent] = TypeAdapter(WorkItem | InboundEvent)


class QueueMessages:
    """Hands each message to what works on its kind."""

    def __init__(self, worker: Worker, incoming_events: IncomingEvents) -> None:
        self._worker = worker
        self._incoming_events = incoming_events

    async def work(self, content: bytes) -> None:
        """Do what a message asks. Raises `Retryable` for the platform to retry, `ValidationError` for no message."""
        match _MESSAGE.validate_json(content):
            case InboundEvent() as event:
                await self._incoming_events.act(event)
            case WorkItem() as item:
                await self._worker.work(item)

    async def dead_letter(self, content: bytes) -> None:
        """Record and announce that a work item failed for good. An event is only logged: the sweep sees it too."""
        match _MESSAGE.validate_json(content):
            case InboundEvent() as event:
                log.error("event not acted on", extra={"event_id": event.event_id, "event_type": event.type})
            case WorkItem() as item:
                await self._worker.dead_letter(item)
