"""What a running rotation has done so far, and how the finished ones ended: the content of a resource's blob.

A journal is written before each step that the world will notice, so that whoever finds it knows what may have happened.
It names keys by fingerprint only.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Self

from shared.domain.decision import Cause
from shared.domain.keys import Slot
from shared.domain.seen import Snapshot
from shared.domain.wire import Wire

KEPT_OUTCOMES = 50


class Kind(StrEnum):
    """What a journal is about."""

    ROTATE = "rotate"
    PUBLISH = "publish"
    RETIRE = "retire"
    SALT = "salt"


class Step(StrEnum):
    """The last step that is known to be done."""

    PLANNED = "planned"
    REGENERATED = "regenerated"
    PUBLISHED = "published"
    ANNOUNCED = "announced"


class Result(StrEnum):
    """How a request ended."""

    SUCCEEDED = "Succeeded"
    SKIPPED = "Skipped"
    REFUSED = "Refused"
    FAILED = "Failed"
    UNKNOWN = "Unknown"  # a salt regeneration whose answer was lost: nothing can tell
    ABANDONED = "Abandoned"  # the world moved on before the first key was touched


class Journal(Wire):
    """One rotation under way. `attempts` counts the regenerations sent to ARM, `refused` those that ARM refused."""

    rotation_id: str
    kind: Kind
    slot: Slot | None
    cause: Cause | None = None
    trigger: str
    reason: str = ""
    requested_at: datetime
    traceparent: str | None = None  # of the request it was opened for: whoever resumes it goes on with its trace
    in_place: bool = False  # the published key itself is renewed: who holds the old one is refused

    before: Mapping[Slot, str] = {}
    previous_version: str | None = None
    attempts: int = 0
    refused: int = 0
    sent_at: datetime | None = None
    after: str | None = None
    verified: Literal["dataplane", "arm"] | None = None
    retire: str | None = None  # fingerprint of the key that this one replaces and that is to become worthless
    overlap_hours: float
    retire_after: datetime | None = None
    version: str | None = None
    secret_id: str | None = None

    step: Step = Step.PLANNED
    times: Mapping[Step, datetime]

    @classmethod
    def plan(cls, *, now: datetime, **facts: object) -> Self:
        """Begin one."""
        return cls.model_validate({**facts, "times": {Step.PLANNED: now}})

    @property
    def unrefused(self) -> int:
        """How many regenerations ARM may have carried out."""
        return self.attempts - self.refused

    @property
    def touched(self) -> bool:
        """Whether a key has changed under this journal, or may have."""
        return self.unrefused > 0 or self.step is not Step.PLANNED

    @property
    def harmless(self) -> bool:
        """Whether nothing can have come of it. A journal that only publishes may hide a version that was added."""
        return not self.touched and self.kind is not Kind.PUBLISH

    @property
    def facts(self) -> dict[str, object]:
        """What a log line says of it: nothing secret."""
        return {
            "rotation_id": self.rotation_id,
            "kind": self.kind.value,
            "slot": self.slot.value if self.slot else None,
            "step": self.step.value,
            "fingerprint": self.after,
            "version": self.version,
        }

    def having(self, **facts: object) -> Self:
        """The same journal, knowing more."""
        return self.model_copy(update=facts)

    def reached(self, step: Step, now: datetime, **facts: object) -> Self:
        """The same journal, one step further."""
        return self.model_copy(update={**facts, "step": step, "times": {**self.times, step: now}})


class Outcome(Wire):
    """How one request ended. `code` and `message` say why, when it did not simply succeed."""

    rotation_id: str
    result: Result
    kind: Kind | None = None
    slot: Slot | None = None
    cause: Cause | None = None
    code: str | None = None
    message: str | None = None
    until: datetime | None = None
    step: Step | None = None
    trigger: str
    reason: str = ""
    requested_at: datetime
    ended_at: datetime
    fingerprint: str | None = None
    version: str | None = None
    verified: str | None = None
    retire_after: datetime | None = None
    times: Mapping[Step, datetime] = {}

    @classmethod
    def of(cls, journal: Journal, result: Result, now: datetime, **facts: object) -> Self:
        """What a journal comes to when it is closed."""
        taken = journal.model_dump(
            include={
                *("rotation_id", "kind", "slot", "cause", "step", "trigger", "reason"),
                *("requested_at", "version", "verified", "retire_after", "times"),
            }
        )
        return cls.model_validate({**taken, "fingerprint": journal.after, "result": result, "ended_at": now, **facts})

    def as_failure_of(self, rotation_id: str, trigger: str, requested_at: datetime) -> Self:
        """The same failure, for another request that it stands in the way of."""
        return self.model_copy(update={"rotation_id": rotation_id, "trigger": trigger, "requested_at": requested_at})


class Record(Wire):
    """The blob of one resource: the open journal, if there is one, and the last outcomes, newest last.

    `left`: the resource is gone, or managed no more. Its history is kept, and no list of the fleet shows it.
    """

    resource: str
    left: bool = False
    journal: Journal | None = None
    seen: Snapshot | None = None
    history: tuple[Outcome, ...] = ()

    def having_seen(self, seen: Snapshot) -> Self:
        """With this as the last observation."""
        return self.model_copy(update={"seen": seen, "left": False})

    def leaving(self, outcome: Outcome) -> Self:
        """With this as the end of its story, until it is seen again."""
        return self.told(outcome, close=True).model_copy(update={"seen": None, "left": True})

    def opened(self, journal: Journal) -> Self:
        """With this journal open."""
        return self.model_copy(update={"journal": journal})

    def told(self, outcome: Outcome, *, close: bool) -> Self:
        """With this outcome, in place of an earlier one of the same rotation; `close`: and no journal any more."""
        others = (o for o in self.history if o.rotation_id != outcome.rotation_id)
        kept = (*others, outcome)[-KEPT_OUTCOMES:]
        return self.model_copy(update={"history": kept} | ({"journal": None} if close else {}))

    def ended(self, rotation_id: str) -> Outcome | None:
        """How this rotation ended, if nothing more will come: a message that is delivered again changes nothing."""
        if self.journal and self.journal.rotation_id == rotation_id:
            return None
        known = (o for o in self.history if o.rotation_id == rotation_id)
        return next((o for o in known if o.result is not Result.ABANDONED), None)

    def fails_alike(self, outcome: Outcome, *, within: timedelta) -> bool:
        """Whether the last thing that was told is this very failure, not longer ago than `within`."""
        last = self.history[-1] if self.history else None
        if last is None or self.journal is not None or last.result is not Result.FAILED:
            return False
        alike = (last.code, last.message) == (outcome.code, outcome.message)
        return alike and outcome.ended_at < last.ended_at + within

    def told_of(self, rotation_id: str) -> bool:
        """Whether this rotation is known to have been announced, or will be when the open journal is finished."""
        if self.journal and self.journal.rotation_id == rotation_id:
            return True
        return any(o.rotation_id == rotation_id and o.result is Result.SUCCEEDED for o in self.history)


class Operation(Wire):
    """One rotation id: which resource it is about, and how it ended once it has."""

    rotation_id: str
    resource: str
    requested_at: datetime
    outcome: Outcome | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will come. What was abandoned is decided again at once, under the same id."""
        return self.outcome is not None and self.outcome.result is not Result.ABANDONED
