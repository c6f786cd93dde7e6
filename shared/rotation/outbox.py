"""Announcing at least once, and never in the way: events are stored with the outcome, sent, and removed once sent.

A topic that refuses, or is gone, keeps no key from being secured. Its events wait in the record; every run sends them
first, bounded in time, and goes on whatever comes of it.
"""

import asyncio
import logging

from shared.domain.errors import RotationError
from shared.domain.outgoing_event import OutgoingEvent
from shared.observability import telemetry
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.ports import EventPublisher, Services

log = logging.getLogger("rotation")

_FLUSH_SECONDS = 10.0  # for all that waits: a topic that hangs must not cost a run its lease


async def flush(services: Services, leased: LeasedRecord) -> None:
    """Send what waits, oldest first, and store what was sent. Raises what the record store raises, nothing else."""
    record = leased.record
    if not record.outbox:
        return
    try:
        async with asyncio.timeout(_FLUSH_SECONDS):
            for event in record.outbox:
                await services.events.publish(event)
                record = record.announced(event, services.clock())
                log.info("rotation announced", extra={"rotation_id": event.rotation_id, "kind": event.kind})
    except (RotationError, TimeoutError) as error:
        _log_waiting(record.outbox, error)
    if record is not leased.record:
        await leased.write(record)


async def announce_overdue(publisher: EventPublisher, overdue: OutgoingEvent) -> None:
    """Announce that a rotation is past due. Where that fails, the next sweep does it, under the same id."""
    try:
        async with asyncio.timeout(_FLUSH_SECONDS):
            await publisher.publish(overdue)
    except (RotationError, TimeoutError) as error:
        _log_waiting((overdue,), error)


def _log_waiting(events: tuple[OutgoingEvent, ...], error: RotationError | TimeoutError) -> None:
    if isinstance(error, RotationError):
        telemetry.count_throttle(error)
    code = error.code if isinstance(error, RotationError) else type(error).__name__
    log.warning(
        "announcement pending",
        extra={"rotation_id": events[0].rotation_id, "kind": events[0].kind, "code": code, "waiting": len(events)},
    )
