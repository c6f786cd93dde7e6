"""The kinds of message on the queues: a work item for one resource, an event that came in, the time of a next wave.

A message that can't be read ends at once with a log line, wherever it turns up: the platform would show one that fails
in the poison function again and again. One that another installation put on the queue is given back.
"""

import json
import logging
from contextlib import suppress
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

from shared.domain.errors import Retryable, RotationError
from shared.domain.requests import NextWave, WorkItem
from shared.rotation.inbound_event import InboundEvent
from shared.rotation.incoming_events import IncomingEvents
from shared.rotation.inventory import Fleet
from shared.rotation.ports import Services
from shared.rotation.retries import next_attempt
from shared.rotation.submit import Rotations
from shared.rotation.worker import Worker

log = logging.getLogger("rotation.messages")

type _Message = WorkItem | InboundEvent | NextWave

_MESSAGE: TypeAdapter[_Message] = TypeAdapter(WorkItem | InboundEvent | NextWave)
# How long a message that is not ours is hidden from us: its owner, if there is one, takes it meanwhile.
_RETURN_SECONDS, _LONGEST_RETURN_SECONDS = 5.0, 600.0
_MOST_RETURNS = 1000  # a week


class QueueMessages:
    """Hands each message to what works on its kind. `installation`: the name of this one."""

    def __init__(
        self,
        services: Services,
        fleet: Fleet,
        worker: Worker,
        incoming_events: IncomingEvents,
        rotations: Rotations,
        *,
        installation: str,
    ) -> None:
        self._services = services
        self._fleet = fleet
        self._worker = worker
        self._incoming_events = incoming_events
        self._rotations = rotations
        self._installation = installation

    async def work(self, content: bytes) -> None:
        """Do what a message asks. Raises `Retryable` for the platform to try again."""
        match await self._own(content):
            case InboundEvent() as event:
                await self._act(event)
            case WorkItem() as item:
                await self._worker.work(item)
            case NextWave() as wave:
                await self._rotations.next_wave(wave)
            case None:
                pass

    async def dead_letter(self, content: bytes) -> None:
        """Record and announce that a work item failed for good. Others are only logged: the sweep sees to the same.

        Raises `Retryable` where that can't be stored now, and nothing else.
        """
        try:
            match await self._own(content):
                case InboundEvent() as event:
                    log.error("event dead-lettered", extra={"event_id": event.event_id, "event_type": event.type})
                case WorkItem() as item:
                    await self._worker.dead_letter(item)
                case NextWave() as wave:
                    log.error("wave not begun: the next sweep begins it", extra={"wave": wave.wave + 1})
                case None:
                    pass
        except Retryable:
            raise
        except Exception:
            # The platform has no poison queue for this one: it would come again every ten minutes, for seven days.
            log.exception("message given up", extra={"rotation_id": rotation_id_of(content)})

    async def _own(self, content: bytes) -> _Message | None:
        """The message, unless it is unreadable or somebody else's: that is dealt with here."""
        try:
            message = _MESSAGE.validate_json(content)
        except ValidationError as error:
            extra = {"rotation_id": rotation_id_of(content), "bytes": len(content), "faults": error.error_count()}
            log.error("message unreadable", extra=extra | {"schema_version": _schema_version(content)})  # noqa: TRY400 - pydantic's text quotes the message
            return None
        if await self._is_foreign(message):
            await self._give_back(message)
            return None
        return message

    async def _is_foreign(self, message: _Message) -> bool:
        """Whether another installation put it on the queue, for what is none of ours.

        What this app manages is its own under any name: a vault or a topic may have been exchanged.
        """
        if message.installation in {"", self._installation}:
            return False
        if not isinstance(message, WorkItem):
            return True
        with suppress(RotationError):
            return not await self._fleet.manages(message.resource_id)
        return True

    async def _give_back(self, message: _Message) -> None:
        extra = {"installation": message.installation, "own": self._installation}
        if not isinstance(message, NextWave):
            extra |= {"resource": message.resource}
        if isinstance(message, WorkItem):
            extra |= {"rotation_id": message.rotation_id}
        if message.returned >= _MOST_RETURNS:
            log.error("message of another installation dropped: it takes none", extra=extra)
            return
        log.error("another installation uses the same storage: its message was put back", extra=extra)
        seconds = min(_RETURN_SECONDS * 2 ** min(message.returned, 10), _LONGEST_RETURN_SECONDS)
        returned = message.model_copy(update={"returned": message.returned + 1})
        urgent = isinstance(message, WorkItem) and message.urgent
        await self._services.queue.send(returned, delay=timedelta(seconds=seconds), urgent=urgent)

    async def _act(self, event: InboundEvent) -> None:
        """Act on an event, or look at it later. Out of patience it is left to the sweep, which sees the same."""
        try:
            await self._incoming_events.act(event)
        except Retryable as error:
            now = self._services.clock()
            since = event.failing_since or now
            retry = next_attempt(event, error, requested_at=since, now=now)
            extra = {"event_id": event.event_id, "event_type": event.type, "code": error.code}
            if retry is None:
                log.error("event left to the next sweep", extra=extra)  # noqa: TRY400 - the code says it
                return
            again = retry.message.model_copy(update={"failing_since": since})
            await self._services.queue.send(again, delay=retry.delay)
            log.info("event scheduled again", extra=extra)


def rotation_id_of(content: bytes) -> str | None:
    """The rotation id of a message, whether the rest of it can be read or not."""
    value = _value(content, "rotationId")
    return value[:36] if isinstance(value, str) else None


def _schema_version(content: bytes) -> int | None:
    value = _value(content, "schemaVersion")
    return value if isinstance(value, int) else None


def _value(content: bytes, name: str) -> object:
    with suppress(ValueError, RecursionError):
        message = json.loads(content)
        return message.get(name) if isinstance(message, dict) else None
    return None
