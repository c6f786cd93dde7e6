"""Announcing failures and what is overdue: no topic that refuses keeps a failure from being recorded."""

import logging

from shared.domain.errors import RotationError, Terminal
from shared.domain.events import OutgoingEvent
from shared.rotation.ports import EventPublisher

log = logging.getLogger("rotation")


async def announce_failure(publisher: EventPublisher, failure: OutgoingEvent) -> None:
    """Announce a failure. A topic that refuses for good is no reason not to record it. Raises `Retryable`."""
    try:
        await publisher.publish(failure)
    except Terminal as error:
        log.exception("failure not announced", extra={"rotation_id": failure.rotation_id, "code": error.code})


async def announce_overdue(publisher: EventPublisher, overdue: OutgoingEvent) -> None:
    """Announce that a rotation is past due. Where that fails, the next sweep does it, under the same id."""
    try:
        await publisher.publish(overdue)
    except RotationError as error:
        log.exception("overdue not announced", extra={"rotation_id": overdue.rotation_id, "code": error.code})
