"""The record of one resource: the journal of the run under way, the last snapshot, and how earlier requests ended.

A journal is written before each step that changes something outside, so that the next worker knows what may have
happened. It names keys by fingerprint only.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field

from shared.domain.decision import Cause
from shared.domain.keys import Slot
from shared.domain.requests import WorkItem
from shared.domain.snapshot import Snapshot
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
    ABANDONED = "Abandoned"  # the premises changed before a key was touched: decided again under the same id


class Journal(Wire):
    """One run under way. `attempts` counts the regenerations sent to ARM, `refused` those that ARM refused.

    Its verbs give the same journal with more known; nothing is written until the record is.
    """

    rotation_id: str
    kind: Kind
    slot: Slot | None
    cause: Cause | None = None
    trigger: str
    reason: str = ""
    requested_at: datetime
    traceparent: str | None = None  # of the request it was opened for: the worker that resumes it continues this trace
    in_place: bool = False  # the published key itself is regenerated: clients that hold the old one are rejected

    before: Mapping[Slot, str] = {}
    previous_version: str | None = None
    attempts: int = 0
    refused: int = 0
    sent_at: datetime | None = None
    after: str | None = None
    verified: Literal["dataplane", "arm"] | None = None
    retire: str | None = None  # fingerprint of the key that this one replaces and that is to be invalidated
    overlap_hours: float
    retire_after: datetime | None = None
    version: str | None = None
    secret_id: str | None = None

    step: Step = Step.PLANNED
    times: Mapping[Step, datetime]

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
    def log_fields(self) -> dict[str, object]:
        """What a log line says of it: nothing secret."""
        return {
            "rotation_id": self.rotation_id,
            "kind": self.kind.value,
            "slot": self.slot.value if self.slot else None,
            "step": self.step.value,
            "fingerprint": self.after,
            "version": self.version,
        }

    def sending(self, now: datetime) -> Self:
        """About to send a regeneration to ARM: from here on the key may have changed."""
        return self.model_copy(update={"attempts": self.attempts + 1, "sent_at": now})

    def refused_by_arm(self) -> Self:
        """ARM refused the regeneration that was sent last: it changed nothing."""
        return self.model_copy(update={"refused": self.refused + 1})

    def verified_by(self, witness: Literal["dataplane", "arm"], fingerprint: str) -> Self:
        """The key with this fingerprint is known to work, by the word of this witness."""
        return self.model_copy(update={"verified": witness, "after": fingerprint})

    def regenerated(self, now: datetime, fingerprint: str | None = None) -> Self:
        """The slot holds a new key with this fingerprint; a salt has none."""
        return self._at(Step.REGENERATED, now, after=fingerprint or self.after)

    def published(
        self, now: datetime, *, version: str, secret_id: str, fingerprint: str | None, retire_after: datetime | None
    ) -> Self:
        """The secret has a new version.

        A version made earlier holds the key as it was then, whatever has become of the slot: its fingerprint counts.
        """
        return self._at(
            Step.PUBLISHED,
            now,
            after=fingerprint or self.after,
            version=version,
            secret_id=secret_id,
            retire_after=retire_after,
        )

    def announced(self, now: datetime) -> Self:
        """The topic has the event."""
        return self._at(Step.ANNOUNCED, now)

    def _at(self, step: Step, now: datetime, **changes: object) -> Self:
        return self.model_copy(update={**changes, "step": step, "times": {**self.times, step: now}})


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
    def of(
        cls, journal: Journal, result: Result, now: datetime, *, code: str | None = None, message: str | None = None
    ) -> Self:
        """What a journal comes to when its run ends."""
        shared = cls.model_fields.keys() & Journal.model_fields.keys()
        return cls.model_validate(
            journal.model_dump(include=shared)
            | {"fingerprint": journal.after, "result": result, "ended_at": now, "code": code, "message": message}
        )

    def as_failure_of(self, rotation_id: str, trigger: str, requested_at: datetime) -> Self:
        """The same failure, for another request that it stands in the way of."""
        return self.model_copy(update={"rotation_id": rotation_id, "trigger": trigger, "requested_at": requested_at})


class Record(Wire):
    """All that is stored of one resource: the open journal, if any, and the last outcomes, newest last.

    `removed`: the resource is gone, or managed no more. Its history is kept, and no list of the fleet shows it.
    """

    resource: str
    removed: bool = Field(False, alias="left")  # noqa: FBT003 - pydantic's default
    journal: Journal | None = None
    snapshot: Snapshot | None = Field(None, alias="seen")
    history: tuple[Outcome, ...] = ()

    def with_snapshot(self, snapshot: Snapshot) -> Self:
        """With this as the last observation."""
        return self.model_copy(update={"snapshot": snapshot, "removed": False})

    def with_journal(self, journal: Journal) -> Self:
        """With this journal open."""
        return self.model_copy(update={"journal": journal})

    def with_outcome(self, outcome: Outcome, *, close_journal: bool) -> Self:
        """With this outcome, in place of an earlier one of the same rotation."""
        others = (each for each in self.history if each.rotation_id != outcome.rotation_id)
        kept = (*others, outcome)[-KEPT_OUTCOMES:]
        return self.model_copy(update={"history": kept} | ({"journal": None} if close_journal else {}))

    def closed_as_removed(self, outcome: Outcome) -> Self:
        """Closed because the resource left the fleet, until it is observed again."""
        closed = self.with_outcome(outcome, close_journal=True)
        return closed.model_copy(update={"snapshot": None, "removed": True})

    def outcome_of(self, rotation_id: str) -> Outcome | None:
        """How this rotation ended, if nothing more will come: a message that is delivered again changes nothing."""
        if self.journal and self.journal.rotation_id == rotation_id:
            return None
        known = (each for each in self.history if each.rotation_id == rotation_id)
        return next((each for each in known if each.result is not Result.ABANDONED), None)

    def last_failure_of(self, rotation_id: str) -> Outcome | None:
        """How the last attempt of this rotation failed, if one did: a run that is open may have an outcome already."""
        found = (each for each in self.history if each.rotation_id == rotation_id and each.result is Result.FAILED)
        return next(found, None)

    def repeats_last_failure(self, outcome: Outcome, *, within: timedelta) -> bool:
        """Whether the newest outcome is this very failure, not longer ago than `within`."""
        last = self.history[-1] if self.history else None
        if last is None or self.journal is not None or last.result is not Result.FAILED:
            return False
        alike = (last.code, last.message) == (outcome.code, outcome.message)
        return alike and outcome.ended_at < last.ended_at + within

    def is_announced(self, rotation_id: str) -> bool:
        """Whether this rotation is known to be announced, or will be when the open journal is finished."""
        if self.journal and self.journal.rotation_id == rotation_id:
            return True
        return any(each.rotation_id == rotation_id and each.result is Result.SUCCEEDED for each in self.history)


class OperationNote(Wire):
    """Why an operation has not ended yet: the error that its last attempt met, and when the next one comes."""

    code: str
    message: str
    retry_at: datetime


class Operation(Wire):
    """What `GET /rotations/{id}` reads: which resource a rotation id is about, and how it ended once it has.

    `item` is the message that was accepted, so that it can be sent again should it be lost; `asked_again_at`: when it
    was. `installation`: who accepted it; empty in operations of versions that named none.
    """

    rotation_id: str
    resource: str
    requested_at: datetime
    outcome: Outcome | None = None
    installation: str = ""
    item: WorkItem | None = Field(None, alias="request")
    note: OperationNote | None = None
    asked_again_at: datetime | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will come. What was abandoned is decided again at once, under the same id."""
        return self.outcome is not None and self.outcome.result is not Result.ABANDONED

    @classmethod
    def of(cls, item: WorkItem) -> Self:
        """The operation of an accepted request. What a list said of the resource is out of date when it is needed."""
        kept = item.model_copy(update={"listed": None, "traceparent": None})
        return cls(rotation_id=item.rotation_id, resource=item.resource, requested_at=item.requested_at, item=kept)

    def ended(self, outcome: Outcome) -> Self:
        """Ended so."""
        return self.model_copy(update={"outcome": outcome, "note": None})

    def put_off(self, note: OperationNote) -> Self:
        """To be attempted again, for this reason."""
        return self.model_copy(update={"note": note})

    def asked_again(self, now: datetime) -> Self:
        """Its message was sent once more."""
        return self.model_copy(update={"asked_again_at": now})
