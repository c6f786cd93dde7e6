"""The events that consumers and operators receive: kind, id and data of each (schemas in docs/events/)."""

from datetime import datetime, timedelta
from typing import Any

from shared.domain.decision import Cause
from shared.domain.errors import Retryable, RotationError
from shared.domain.journal import Journal, Kind
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.overdue import Overdue
from shared.domain.policy import Policy
from shared.domain.requests import WorkItem, rotation_id
from shared.domain.resources import ResourceId
from shared.domain.rollout import Hold, hold_id
from shared.domain.snapshot import Snapshot

KINDS = {
    Kind.ROTATE: "KeyRotated",
    Kind.PUBLISH: "KeyPublished",
    Kind.RETIRE: "KeyRetired",
    Kind.SALT: "SaltRegenerated",
}
FAILED, OVERDUE, UPCOMING, HELD = "RotationFailed", "RotationOverdue", "RotationUpcoming", "RotationsHeld"


def completed(journal: Journal, resource: ResourceId, policy: Policy) -> OutgoingEvent:
    """What a run did. Times are ISO 8601, UTC."""
    finished_at = max(journal.times.values())
    data: dict[str, Any] = {
        "rotation_id": journal.rotation_id,
        "resource_id": str(resource),
        "key_type": journal.slot.value if journal.slot else "Salt",
        "fingerprint": journal.after,
        "trigger": journal.trigger,
        "reason": journal.reason or None,
        "verified": journal.verified,
        "cause": journal.cause,
        "retire_after": _iso(journal.retire_after if journal.retire_hours is None else None),
        "close_connections": [*journal.close_connections] or None,
        "closings": [each.model_dump(exclude_none=True) for each in journal.closings] or None,
    }
    valid_until = _valid_until(journal, policy, finished_at)
    if journal.version is not None:
        data |= {
            "secret_id": journal.secret_id,
            "secret_name": policy.secret_name,
            "vault_url": policy.vault_url,
            "version": journal.version,
            "previous_version": journal.previous_version,
            "previous_key_valid_until": _iso(valid_until),
            "previous_key_retires_at": _iso(journal.retire_after if valid_until else None),
            "next_rotation_at": _iso(max(policy.due(finished_at), finished_at + _overlap(journal, policy))),
        }
    return OutgoingEvent(
        kind=KINDS[journal.kind],
        rotation_id=journal.rotation_id,
        source=str(resource),
        subject=policy.secret_name,
        time=finished_at,
        data=data,
    )


def failed(
    error: RotationError, resource: ResourceId, request: Journal | WorkItem, subject: str, now: datetime
) -> OutgoingEvent:
    """A request, or an open run, that failed. Another code, or another day, is another event."""
    data = {
        "rotation_id": request.rotation_id,
        "resource_id": str(resource),
        "key_type": request.slot.value if request.slot else None,
        "code": error.code,
        "message": error.message,
        "step": error.step,
        "retryable": isinstance(error, Retryable),
        "trigger": request.trigger,
        "reason": request.reason or None,
    }
    return OutgoingEvent(
        kind=FAILED,
        rotation_id=request.rotation_id,
        source=str(resource),
        subject=subject,
        time=now,
        data=data,
        distinction=f"{error.code}-{now:%Y-%m-%d}",
    )


def overdue(late: Overdue) -> OutgoingEvent:
    """A rotation that is past due: the same event each time, until it is done."""
    snapshot, failure = (late.entry.snapshot, late.entry.standing_failure) if late.entry else (None, None)
    data = {
        "rotation_id": late.rotation_id,
        "resource_id": str(late.resource),
        "due_at": _iso(late.due_at),
        "code": late.code,
        "message": failure.message if failure else None,
        "key_type": snapshot.published_slot if snapshot else None,
        "fingerprint": snapshot.fingerprint if snapshot else None,
        "secret_name": snapshot.secret_name if snapshot else None,
        "vault_url": snapshot.vault_url if snapshot else None,
        "version": snapshot.version if snapshot else None,
        "trigger": "sweep",
    }
    subject = snapshot.secret_name if snapshot else late.resource.name
    return OutgoingEvent(
        kind=OVERDUE,
        rotation_id=late.rotation_id,
        source=str(late.resource),
        subject=subject,
        time=late.due_at,
        data=data,
    )


def upcoming(resource: ResourceId, snapshot: Snapshot) -> OutgoingEvent:
    """A rotation that is scheduled: the same event for the same due date. Of a resource whose published key is live."""
    if snapshot.due_at is None or snapshot.notice_at is None or snapshot.published_slot is None:
        raise AssertionError("nothing is scheduled")
    due_at, slot = snapshot.due_at, snapshot.published_slot
    named = rotation_id(resource, f"upcoming:{due_at.isoformat()}")
    data = {
        "rotation_id": named,
        "resource_id": str(resource),
        "due_at": _iso(due_at),
        "window": snapshot.window or None,
        "begins_at": _iso(snapshot.opens_at(due_at) or due_at),
        "key_type": slot.other.value,
        "published_key_type": slot.value,
        "published_fingerprint": snapshot.fingerprint,
        "secret_name": snapshot.secret_name,
        "vault_url": snapshot.vault_url,
        "version": snapshot.version,
        "trigger": "sweep",
    }
    return OutgoingEvent(
        kind=UPCOMING,
        rotation_id=named,
        source=str(resource),
        subject=snapshot.secret_name,
        time=snapshot.notice_at,
        data=data,
    )


def held(hold: Hold) -> OutgoingEvent:
    """Scheduled rotations were stopped after failures in a row. Its source is the resource that failed last."""
    last = hold.failures[-1]
    failures = [
        {"resourceId": each.resource, "rotationId": each.rotation_id, "code": each.code, "message": each.message}
        for each in hold.failures
    ]
    data = {
        "rotation_id": hold_id(hold),
        "resource_id": last.resource,
        "code": hold.code,
        "message": hold.message,
        "held_until": _iso(hold.until),
        "failures": failures,
        "trigger": "sweep",
    }
    return OutgoingEvent(
        kind=HELD, rotation_id=hold_id(hold), source=last.resource, subject="rotations", time=hold.since, data=data
    )


def _valid_until(journal: Journal, policy: Policy, published_at: datetime) -> datetime | None:
    """Until when the replaced key is left alone. None when it is rejected already, or there was none."""
    if journal.in_place or journal.previous_version is None or journal.cause is Cause.REPAIR:
        return None
    # What the policy retires later can be regenerated by a request before that, once the overlap is over.
    promised = journal.retire_after if journal.retire_hours is None else None
    return promised or published_at + _overlap(journal, policy)


def _overlap(journal: Journal, policy: Policy) -> timedelta:
    """How long the replaced key is left alone: as the policy says, or longer if that was requested."""
    return max(policy.overlap, timedelta(hours=journal.overlap_hours))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
