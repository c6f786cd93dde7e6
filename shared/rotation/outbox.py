"""Telling of failures: no topic that refuses keeps a failure from being written down."""

import logging

from shared.adapters.event_grid import EventGridTopic
from shared.domain.errors import RotationError, Terminal
from shared.domain.events import FAILED, OVERDUE, _iso, failed
from shared.domain.overdue import Overdue
from shared.domain.record import Journal
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId

log = logging.getLogger("rotation")


async def announce_failure(
    topic: EventGridTopic, error: RotationError, resource: ResourceId, request: Journal | WorkItem, *, subject: str
) -> None:
    """Tell of a failure. A topic that refuses for good is no reason not to write the failure down."""
    try:
        await topic.announce(
            FAILED,
            rotation_id=request.rotation_id,
            source=str(resource),
            subject=subject,
            time=request.requested_at,
            data=failed(error, resource, request),
        )
    except Terminal as untold:
        log.exception("failure not announced", extra={"rotation_id": request.rotation_id, "code": untold.code})


async def announce_overdue(topic: EventGridTopic, late: Overdue) -> None:
    """Tell that a rotation is past due: each time the same event, until it is done. Raises what the topic raises."""
    entry = late.entry
    snapshot, last = (entry.snapshot, entry.last) if entry else (None, None)
    await topic.announce(
        OVERDUE,
        rotation_id=late.rotation_id,
        source=str(late.resource),
        subject=snapshot.secret_name if snapshot else late.resource.name,
        time=late.due,
        data={
            "rotation_id": late.rotation_id,
            "resource_id": str(late.resource),
            "due_at": _iso(late.due),
            "code": late.code,
            "message": last.message if last else None,
            "key_type": snapshot.published_slot if snapshot else None,
            "fingerprint": snapshot.fingerprint if snapshot else None,
            "secret_name": snapshot.secret_name if snapshot else None,
            "vault_url": snapshot.vault_url if snapshot else None,
            "version": snapshot.version if snapshot else None,
            "trigger": "sweep",
        },
    )
