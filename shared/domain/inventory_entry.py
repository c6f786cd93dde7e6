"""One resource as lists of the fleet show it: its last snapshot, its newest outcome, what runs.

It rides as metadata on the resource's blob, so that one listing shows a thousand resources without opening a blob.
"""

from datetime import datetime
from typing import Self

from pydantic import Field

from shared.domain.keys import Slot
from shared.domain.record import Journal, Kind, Outcome, Record, Result, Step
from shared.domain.resources import ResourceId
from shared.domain.snapshot import Snapshot
from shared.domain.wire import Wire

# Metadata is sent as headers: 8 KB for all of it (Blob service REST API).
_MESSAGE_CHARACTERS = 300
_MARKS = 8
_NOTHING_HAPPENED = frozenset({Result.SKIPPED, Result.REFUSED, Result.ABANDONED})


class TimelineMark(Wire):
    """One outcome that belongs on a timeline: it changed something, or failed."""

    at: datetime
    slot: Slot | None = None
    kind: Kind | None = None
    result: Result

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """When it happened: a success at its main step, a failure at its end."""
        done = outcome.times.get(Step.PUBLISHED) or outcome.times.get(Step.REGENERATED)
        at = done if done and outcome.result is Result.SUCCEEDED else outcome.ended_at
        return cls(at=at, slot=outcome.slot, kind=outcome.kind, result=outcome.result)

    @property
    def publishes(self) -> bool:
        """Whether this is when its slot became the published one."""
        return self.result is Result.SUCCEEDED and self.kind in {Kind.ROTATE, Kind.PUBLISH}


def marks_of(history: tuple[Outcome, ...]) -> tuple[TimelineMark, ...]:
    """What of a history belongs on a timeline, oldest first."""
    return tuple(TimelineMark.of(outcome) for outcome in history if outcome.result not in _NOTHING_HAPPENED)


class Last(Wire):
    """The newest outcome."""

    rotation_id: str
    result: Result
    kind: Kind | None = None
    code: str | None = None
    message: str | None = None
    ended_at: datetime

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Shortened to what fits into metadata."""
        message = outcome.message[:_MESSAGE_CHARACTERS] if outcome.message else None
        return cls(
            rotation_id=outcome.rotation_id,
            result=outcome.result,
            kind=outcome.kind,
            code=outcome.code,
            message=message,
            ended_at=outcome.ended_at,
        )


class Running(Wire):
    """The rotation under way."""

    rotation_id: str
    kind: Kind
    step: Step
    requested_at: datetime

    @classmethod
    def of(cls, journal: Journal) -> Self:
        """The open journal, in short."""
        return cls(
            rotation_id=journal.rotation_id, kind=journal.kind, step=journal.step, requested_at=journal.requested_at
        )


class InventoryEntry(Wire):
    """One managed resource. `snapshot` is None until a worker has looked at it.

    `foreign`: another installation wrote it last. It is ours all the same where we manage the resource.
    """

    resource: str
    snapshot: Snapshot | None = Field(None, alias="seen")
    last: Last | None = None
    running: Running | None = None
    marks: tuple[TimelineMark, ...] = ()
    foreign: bool = Field(False, exclude=True)  # noqa: FBT003 - pydantic's default

    @classmethod
    def of(cls, record: Record) -> Self:
        """Reduce a record to what lists show of it."""
        return cls(
            resource=record.resource,
            snapshot=record.snapshot,
            last=Last.of(record.history[-1]) if record.history else None,
            running=Running.of(record.journal) if record.journal else None,
            marks=marks_of(record.history)[-_MARKS:],
        )

    @property
    def resource_id(self) -> ResourceId:
        """The resource it is about."""
        return ResourceId.parse(self.resource)
