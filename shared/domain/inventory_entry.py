"""One resource as lists of the fleet show it: its last snapshot, its newest outcome, what runs.

It rides as metadata on the resource's blob, so that one listing shows a thousand resources without opening a blob.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field

from shared.domain.decision import Cause
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Outcome, Record, Result
from shared.domain.resources import ResourceId
from shared.domain.snapshot import Snapshot
from shared.domain.wire import Wire

# Metadata is sent as headers: 8 KB for all of it (Blob service REST API).
_MESSAGE_CHARACTERS = 300
_MARKS = 8
_LATELY = timedelta(days=90)
_NOTHING_HAPPENED = frozenset({Result.SKIPPED, Result.REFUSED, Result.ABANDONED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineMark:
    """One outcome that belongs on a timeline: it changed something, or failed.

    `elsewhere`: it answers what was done outside of this app. A fleet has tens of thousands of marks: each is one small
    object.
    """

    at: datetime
    slot: Slot | None = None
    kind: Kind | None = None
    result: Result
    elsewhere: bool | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """When it happened: a success at its main step, a failure at its end."""
        done = outcome.times.get(Step.PUBLISHED) or outcome.times.get(Step.REGENERATED)
        at = done if done and outcome.result is Result.SUCCEEDED else outcome.ended_at
        return cls(
            at=at,
            slot=outcome.slot,
            kind=outcome.kind,
            result=outcome.result,
            elsewhere=(outcome.result is Result.SUCCEEDED and _answers_others(outcome)) or None,
        )

    @property
    def publishes(self) -> bool:
        """Whether this is when its slot became the published one."""
        return self.result is Result.SUCCEEDED and self.kind in {Kind.ROTATE, Kind.PUBLISH}


def _answers_others(outcome: Outcome) -> bool:
    """Whether it repaired a key that was regenerated elsewhere, or announced a version that it did not make."""
    planned, published = outcome.times.get(Step.PLANNED), outcome.times.get(Step.PUBLISHED)
    return outcome.cause is Cause.REPAIR or (published is not None and published == planned)


def marks_of(history: tuple[Outcome, ...]) -> tuple[TimelineMark, ...]:
    """What of a history belongs on a timeline, oldest first."""
    return tuple(TimelineMark.of(outcome) for outcome in history if outcome.result not in _NOTHING_HAPPENED)


def _created(record: Record) -> dict[Slot, datetime]:
    """When each key that was last listed was regenerated, as far as the app did that: told by its fingerprint."""
    regenerated = {
        (outcome.slot, outcome.fingerprint): outcome.times[Step.REGENERATED]
        for outcome in record.history
        if Step.REGENERATED in outcome.times
    }
    listed = record.snapshot.fingerprints if record.snapshot else {}
    return {slot: regenerated[slot, key] for slot, key in listed.items() if (slot, key) in regenerated}


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

    `failing` is the failure that stands, `pending_since` the time of the oldest event that is still to be announced.
    `removed`: it has left, and the topic does not have its events yet.
    `created`: when each listed key was regenerated, where the app did that. `max_age_days`: what the policy allows, as
    the last sweep read it. `foreign`: another installation wrote it last. It is ours all the same where we manage the
    resource.
    """

    resource: str
    format: int = 1  # as of the record
    snapshot: Snapshot | None = Field(None, alias="seen")
    last: Last | None = None
    running: Running | None = None
    failing: Last | None = None
    pending_since: datetime | None = None
    removed: bool | None = None
    marks: tuple[TimelineMark, ...] = ()
    created: Mapping[Slot, datetime] = {}
    max_age_days: float | None = Field(None, exclude=True)
    foreign: bool = Field(False, exclude=True)  # noqa: FBT003 - pydantic's default

    @classmethod
    def of(cls, record: Record) -> Self:
        """Reduce a record to what lists show of it."""
        return cls(
            resource=record.resource,
            format=record.format,
            snapshot=record.snapshot,
            last=Last.of(record.history[-1]) if record.history else None,
            running=Running.of(record.journal) if record.journal else None,
            failing=Last.of(record.failing) if record.failing else None,
            pending_since=min((event.time for event in record.outbox), default=None),
            removed=record.removed or None,
            marks=marks_of(record.history)[-_MARKS:],
            created=_created(record),
        )

    def changes_elsewhere(self, now: datetime) -> int:
        """How often, lately, the app had to answer what was done to the published key outside of it.

        Once is a person in the portal. Again and again is a script, or another installation that has the same resource.
        """
        return sum(mark.elsewhere is True and mark.at > now - _LATELY for mark in self.marks)

    @property
    def standing_failure(self) -> Last | None:
        """The failure that stands. Records of format 1 tell it by their newest outcome."""
        if self.format > 1 or self.last is None:
            return self.failing
        return self.last if self.last.result in {Result.FAILED, Result.UNKNOWN} else None

    @property
    def resource_id(self) -> ResourceId:
        """The resource it is about."""
        return ResourceId.parse(self.resource)
