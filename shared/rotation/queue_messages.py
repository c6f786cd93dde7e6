"""The two kinds of message on the queue: a request for one resource, and a notice of an event."""

import logging

from pydantic import TypeAdapter

from shared.composition import App
from shared.domain.requests import WorkItem
from shared.rotation.incoming_events import InboundEvent

log = logging.getLogger("rotation.messages")

_MESSAGE: TypeAdapter[WorkItem | InboundEvent] = TypeAdapter(WorkItem | InboundEvent)


async def work(app: App, content: bytes) -> None:
    """Do what a message asks. Raises `Retryable` for the platform to try again, `ValidationError` for no message."""
    match _MESSAGE.validate_json(content):
        case InboundEvent() as notice:
            await app.notices.act(notice)
        case WorkItem() as request:
            await app.rotator.work(request)


async def give_up(app: App, content: bytes) -> None:
    """Record and announce that a request could not be done. A notice is only logged: the sweep sees what it told of."""
    match _MESSAGE.validate_json(content):
        case InboundEvent() as notice:
            log.error("event not acted on", extra={"event_id": notice.event_id, "event_type": notice.type})
        case WorkItem() as request:
            await app.rotator.give_up(request)
