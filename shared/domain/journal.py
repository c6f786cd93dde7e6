"""The journal of one run under way, which names keys by fingerprint only.

It is written before each step that changes something outside, so that the next worker knows what may have happened.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from shared.domain.decision import Cause
from shared.domain.hubs import HubClosing
from shared.domain.keys import Slot
from shared.domain.wire import Wire


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
    scheduled: bool = False  # a sweep asked for it: it counts for the hold
    in_place: bool = False  # the published key itself is regenerated: clients that hold the old one are rejected

    before: Mapping[Slot, str] = {}
    previous_version: str | None = None
    attempts: int = 0
    refused: int = 0
    sent_at: datetime | None = None
    unanswered: int = 0  # how many regenerations in a row, the last included, had no answer: ARM may carry them out yet
    running: bool = False  # ARM accepted the last regeneration, and is not known to have ended it
    after: str | None = None
    verified: Literal["dataplane", "arm"] | None = None
    verified_at: datetime | None = None
    retire: str | None = None  # fingerprint of the other slot's key, which is to be invalidated
    retire_hours: float | None = None  # by policy: how long after publication. None: after the overlap, as for a leak
    overlap_hours: float
    retire_after: datetime | None = None
    close_connections: tuple[str, ...] = ()  # hubs whose connections are closed when the key of `retire` is invalid
    closings: tuple[HubClosing, ...] = ()  # those that this run closes itself, as it invalidates a key
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
    def is_promised(self) -> bool:
        """Whether it invalidates a key that leaked, now or later: that is done also after the resource has left."""
        return self.kind is Kind.RETIRE or (self.retire is not None and self.retire_hours is None)

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
        changes = {"attempts": self.attempts + 1, "sent_at": now, "unanswered": self.unanswered + 1, "running": False}
        return self.model_copy(update=changes)

    def accepted_by_arm(self, *, ended: bool) -> Self:
        """ARM accepted the regeneration that was sent last, and its operation is known to have `ended`, or not."""
        return self.model_copy(update={"unanswered": 0, "running": not ended})

    def rejected_by_arm(self) -> Self:
        """ARM answered the regeneration that was sent last with an error: it changed nothing."""
        return self.model_copy(update={"refused": self.refused + 1, "unanswered": 0})

    def verified_by(self, witness: Literal["dataplane", "arm"], fingerprint: str, now: datetime) -> Self:
        """The key with this fingerprint is known to work, by the word of this witness."""
        return self.model_copy(update={"verified": witness, "verified_at": now, "after": fingerprint})

    def regenerated(self, now: datetime, fingerprint: str | None = None) -> Self:
        """The slot holds a new key with this fingerprint; a salt has none."""
        return self._at(Step.REGENERATED, now, after=fingerprint or self.after, unanswered=0, running=False)

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

    def with_closing(self, closing: HubClosing) -> Self:
        """The same, with what came of one hub."""
        closings = tuple(closing if each.hub == closing.hub else each for each in self.closings)
        return self.model_copy(update={"closings": closings})

    def _at(self, step: Step, now: datetime, **changes: object) -> Self:
        return self.model_copy(update={**changes, "step": step, "times": {**self.times, step: now}})
