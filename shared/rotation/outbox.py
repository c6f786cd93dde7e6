"""Announcing at least once, and never in the way: events are stored with the outcome, sent, and removed once sent.

A topic that refuses, or is gone, keeps no key from being secured. Its events wait in the record; every run sends them
first, bounded in time, and goes on whatever comes of it. One that is refused for what it holds keeps back no other.
"""

import asyncio
import logging

from shared.domain.errors import Rejected, RotationError
from shared.domain.outgoing_event import OutgoingEvent
from shared.observability import telemetry
from shared.rotation.leased_record import ANNOUNCING_SECONDS, LeasedRecord
from shared.rotation.ports import EventPublisher, Services

log = logging.getLogger("rotation")


async def flush(services: Services, leased: LeasedRecord) -> None:
    """Send what waits, oldest first, and store what was sent. Raises what the record store raises, nothing else.

    An attempt sends more than once: what was in its way, what it did, what it failed with. The time is one for all.
    """
    record, loop = leased.record, asyncio.get_running_loop()
    began = loop.time()
    until = began + leased.announcing_seconds
    for event in record.outbox if leased.announcing_seconds > 0 else ():
        await leased.renew()  # a worker that lost the lease announces nothing more
        try:
            async with asyncio.timeout_at(until):
                await services.events.publish(event)
        except Rejected as error:  # of this event, perhaps: those behind it do not wait for it
            _log_waiting(event, error, waiting=len(record.outbox))
            continue
        except (RotationError, TimeoutError) as error:
            _log_waiting(event, error, waiting=len(record.outbox))
            break
        record = record.announced(event, services.clock())
        log.info("rotation announced", extra=_log_fields(event))
    leased.announcing_seconds -= loop.time() - began
    if record is not leased.record:
        await leased.write(record)


async def announce_without_record(publisher: EventPublisher, event: OutgoingEvent) -> bool:
    """Announce what no record stands for, once: that something is overdue, that the record itself is out of reach.

    Gives whether the topic has it.
    """
    try:
        async with asyncio.timeout(ANNOUNCING_SECONDS):
            await publisher.publish(event)
    except (RotationError, TimeoutError) as error:
        _log_waiting(event, error, waiting=1)
        return False
    return True


def _log_waiting(event: OutgoingEvent, error: RotationError | TimeoutError, *, waiting: int) -> None:
    if isinstance(error, RotationError):
        telemetry.count_throttle(error)
    code = error.code if isinstance(error, RotationError) else type(error).__name__
    why = error.message if isinstance(error, RotationError) else f"the topic took longer than {ANNOUNCING_SECONDS:g} s"
    log.warning(
        "announcement pending",
        extra=_log_fields(event) | {"code": code, "why": why, "waiting": waiting},
    )


def _log_fields(event: OutgoingEvent) -> dict[str, object]:
    return {
        "rotation_id": event.rotation_id,
        "resource": event.source,
        "slot": event.data.get("key_type"),
        "event": event.kind,
    }
