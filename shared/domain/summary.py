"""One resource at a glance: what the fleet's list and its page show of each.

It rides as metadata on the resource's blob, so that one listing shows a thousand resources without opening a blob.
"""

from datetime import datetime
from typing import Self

from shared.domain.keys import Slot
from shared.domain.record import Kind, Outcome, Record, Result, Step
from shared.domain.seen import Snapshot
from shared.domain.wire import Wire

# Metadata is sent as headers: 8 KB for all of it (Blob service REST API).
_MESSAGE_CHARACTERS = 300
_MARKS = 8


class TimelineMark(Wire):
    """One outcome that belongs on a timeline: it changed something, or failed."""

    at: datetime
    slot: Slot | None = None
    kind: Kind | None = None
    result: Result

    @classmethod
    def of(cls, outcome: Outcome) -> Self | None:
        """Boil an outcome down; None when nothing happened."""
        if outcome.result in {Result.SKIPPED, Result.REFUSED, Result.ABANDONED}:
            return None
        at = outcome.times.get(Step.PUBLISHED) or outcome.times.get(Step.REGENERATED) or outcome.ended_at
        done = outcome.result is Result.SUCCEEDED
        return cls(at=at if done else outcome.ended_at, slot=outcome.slot, kind=outcome.kind, result=outcome.result)

    @property
    def publishes(self) -> bool:
        """Whether this is when its slot became the published one."""
        return self.result is Result.SUCCEEDED and self.kind in {Kind.ROTATE, Kind.PUBLISH}


class NewestOutcome(Wire):
    """The newest outcome."""

    rotation_id: str
    result: Result
    kind: Kind | None = None
    code: str | None = None
    message: str | None = None
    ended_at: datetime


class RunningRotation(Wire):
    """The rotation under way."""

    rotation_id: str
    kind: Kind
    step: Step
    requested_at: datetime


class InventoryEntry(Wire):
    """One resource at a glance."""

    resource: str
    seen: Snapshot | None = None
    last: NewestOutcome | None = None
    running: RunningRotation | None = None
    marks: tuple[TimelineMark, ...] = ()

    @classmethod
    def of(cls, record: Record) -> Self:
        """Boil a record down."""
        last = record.history[-1] if record.history else None
        journal = record.journal
        return cls(
            resource=record.resource,
            seen=record.seen,
            last=NewestOutcome(
                rotation_id=last.rotation_id,
                result=last.result,
                kind=last.kind,
                code=last.code,
                message=last.message[:_MESSAGE_CHARACTERS] if last.message else None,
                ended_at=last.ended_at,
            )
            if last
            else None,
            running=RunningRotation(
                rotation_id=journal.rotation_id,
                kind=journal.kind,
                step=journal.step,
                requested_at=journal.requested_at,
            )
            if journal
            else None,
            marks=tuple(mark for outcome in record.history if (mark := TimelineMark.of(outcome)))[-_MARKS:],
        )
