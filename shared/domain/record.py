"""The record of one resource: the journal of the run under way, the last snapshot, and how earlier requests ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field

from shared.domain.decision import Cause
from shared.domain.hubs import HubClosing, still_open
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.observation import Publication, RejectedKey, Retirement
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.snapshot import Snapshot
from shared.domain.wire import Wire

KEPT_OUTCOMES = 50
FORMAT = 2  # of a record: 2 has the publication, the retirement and the outbox apart from the snapshot
REVOCATION_PENDING, CONNECTIONS_OPEN = "RevocationPending", "ConnectionsNotClosed"  # what a success leaves open
_FOLLOWED = frozenset({"http", "dashboard"})  # triggers whose callers ask for the outcome by its id


class Result(StrEnum):
    """How a request ended."""

    SUCCEEDED = "Succeeded"
    SKIPPED = "Skipped"
    REFUSED = "Refused"
    FAILED = "Failed"
    UNKNOWN = "Unknown"  # a salt regeneration whose answer was lost: nothing can tell
    ABANDONED = "Abandoned"  # the premises changed before a key was touched: decided again under the same id


_BAD = frozenset({Result.FAILED, Result.UNKNOWN})


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
    verified_at: datetime | None = None
    retire_after: datetime | None = None
    retire_hours: float | None = None  # set where a policy invalidates the replaced key, and no leak
    close_connections: tuple[str, ...] = ()
    closings: tuple[HubClosing, ...] = ()
    times: Mapping[Step, datetime] = {}
    count: int = 1  # how often the same failure has come in a row

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

    @property
    def remark(self) -> tuple[str, str] | None:
        """What must be known of a success: a code and a sentence."""
        left = still_open(self.closings)
        if self.result is not Result.SUCCEEDED or not (left or (self.retire_after and self.retire_hours is None)):
            return None
        if left:
            why = "; ".join(f"{each.hub}: {each.message}" for each in left)
            return CONNECTIONS_OPEN, f"the key is invalid, but connections were not closed. {why}. Close them by hand"
        hubs = (
            f", and the connections of {', '.join(self.close_connections)} are closed" if self.close_connections else ""
        )
        return REVOCATION_PENDING, (
            f"revocation pending until {self.retire_after:%Y-%m-%d %H:%M} UTC: the leaked key stays valid until then. "
            f"Then it is regenerated{hubs}"
        )

    def as_failure_of(self, rotation_id: str, trigger: str, requested_at: datetime) -> Self:
        """The same failure, for another request that it stands in the way of."""
        return self.model_copy(update={"rotation_id": rotation_id, "trigger": trigger, "requested_at": requested_at})

    def repeats(self, earlier: Self) -> bool:
        """Whether this is the same failure as an earlier one, of a request that nobody follows by its id."""
        alike = (self.code, self.message, self.trigger, self.kind) == (
            earlier.code,
            earlier.message,
            earlier.trigger,
            earlier.kind,
        )
        return alike and self.result is earlier.result is Result.FAILED and self.trigger not in _FOLLOWED

    def announced(self, now: datetime) -> Self:
        """The same, once the topic has its event."""
        if not self.times or Step.ANNOUNCED in self.times:
            return self
        return self.model_copy(update={"step": Step.ANNOUNCED, "times": {**self.times, Step.ANNOUNCED: now}})


class Record(Wire):
    """All that is stored of one resource: the open journal, if any, and the last outcomes, newest last.

    `removed`: the resource is gone, or managed no more. Its history is kept, and no list of the fleet shows it.
    `missing_since`: ARM said once, then, that there is no such resource. `failing`: the failure that stands, until a
    good look clears it. `publication` is the last one known, wherever it was; `retirement` a replaced key that is to be
    invalidated, and when: both outlive the tags of the version. `rejected` is a regenerated key that SignalR did not
    accept in time, `suspect` the published key where a sweep saw SignalR reject it. `unconfirmed` is the run of a
    retirement that ARM has carried out, while SignalR may still accept the old key. `outbox`: what is still to be
    announced. `noticed`: the due date of the rotation that was announced ahead.
    """

    resource: str
    format: int = 1  # what version f93f389 wrote has none
    removed: bool = Field(False, alias="left")  # noqa: FBT003 - pydantic's default
    missing_since: datetime | None = None
    journal: Journal | None = None
    snapshot: Snapshot | None = Field(None, alias="seen")
    publication: Publication | None = None
    retirement: Retirement | None = None
    rejected: RejectedKey | None = None
    suspect: RejectedKey | None = None
    unconfirmed: Journal | None = None
    failing: Outcome | None = None
    noticed: datetime | None = None
    outbox: tuple[OutgoingEvent, ...] = ()
    history: tuple[Outcome, ...] = ()

    @classmethod
    def read(cls, content: bytes) -> Self:
        """What is stored. Format 1 has publication, retirement and failure in its snapshot and history.

        Raises `ValidationError`.
        """
        record = cls.model_validate_json(content)
        snapshot, last = record.snapshot, record.history[-1] if record.history else None
        if record.format > 1:
            return record
        changes: dict[str, object] = {}
        if last and last.result in _BAD:
            changes["failing"] = last
        if snapshot and snapshot.fingerprint and snapshot.published_slot and snapshot.published_at:
            changes["publication"] = Publication(
                fingerprint=snapshot.fingerprint,
                since=snapshot.published_at,
                vault_url=snapshot.vault_url,
                secret_name=snapshot.secret_name,
            )
            other = snapshot.fingerprints.get(snapshot.published_slot.other)
            if snapshot.retire_after and other:
                changes["retirement"] = Retirement(fingerprint=other, after=snapshot.retire_after)
        return record.model_copy(update=changes)

    def with_snapshot(self, snapshot: Snapshot) -> Self:
        """With this as the last observation: the resource is there, and managed."""
        return self._with(snapshot=snapshot, removed=False, missing_since=None)

    def with_publication(self, publication: Publication | None, retirement: Retirement | None) -> Self:
        """With what is known to be published, and its retirement. An overlap that was promised stays so."""
        publication = publication.continued(self.publication) if publication else self.publication
        return self._with(publication=publication, retirement=retirement)

    def with_rejected(self, rejected: RejectedKey | None) -> Self:
        """With a regenerated key that SignalR did not accept in time; None: there is none any more."""
        return self._with(rejected=rejected)

    def with_suspect(self, suspect: RejectedKey | None) -> Self:
        """With the published key as one that SignalR rejects; None: it does not."""
        return self._with(suspect=suspect)

    def with_journal(self, journal: Journal) -> Self:
        """With this journal open; one that was put aside is so again."""
        aside = None if self._put_aside(journal.rotation_id) else self.unconfirmed
        return self._with(journal=journal, unconfirmed=aside)

    def with_unconfirmed(self, journal: Journal | None) -> Self:
        """With this retirement put aside until SignalR is seen to follow it."""
        return self._with(unconfirmed=journal)

    def run_of(self, rotation_id: str) -> Journal | None:
        """The run of this rotation, if it has begun and not ended: open, or put aside."""
        if self.journal and self.journal.rotation_id == rotation_id:
            return self.journal
        return self.unconfirmed if self._put_aside(rotation_id) else None

    def _put_aside(self, rotation_id: str) -> bool:
        return self.unconfirmed is not None and self.unconfirmed.rotation_id == rotation_id

    def without_journal(self) -> Self:
        """With no journal open: what it came to is recorded already."""
        return self._with(journal=None)

    def with_outcome(self, outcome: Outcome, *, close_journal: bool) -> Self:
        """With this outcome, in place of an earlier one of the same rotation; a repeated failure is counted."""
        others = tuple(each for each in self.history if each.rotation_id != outcome.rotation_id)
        if others and outcome.repeats(others[-1]):
            outcome = outcome.model_copy(update={"count": others[-1].count + 1})
            others = others[:-1]
        failing = outcome if outcome.result in _BAD else None
        journal = None if close_journal else self.journal
        kept = _kept((*others, outcome))
        return self._with(
            history=kept, failing=self.failing if outcome.result is Result.ABANDONED else failing, journal=journal
        )

    def well(self) -> Self:
        """With no standing failure: a full look found nothing wrong."""
        return self._with(failing=None)

    def missing(self, since: datetime) -> Self:
        """ARM said that there is no such resource: believed when it says so again."""
        return self._with(missing_since=since)

    def closed_as_removed(self, outcome: Outcome) -> Self:
        """Closed because the resource left the fleet, until it is observed again."""
        closed = self.with_outcome(outcome, close_journal=True)
        gone = {"snapshot": None, "removed": True, "missing_since": None, "unconfirmed": None}
        return closed.model_copy(update=gone)

    def announcing(self, event: OutgoingEvent) -> Self:
        """With this event to be sent; one that waits already is not added again."""
        return self if any(each.id == event.id for each in self.outbox) else self._with(outbox=(*self.outbox, event))

    def announced(self, event: OutgoingEvent, now: datetime) -> Self:
        """With this event sent: the outcome that it announces says so."""
        history = tuple(
            each.announced(now) if each.rotation_id == event.rotation_id and each.result is Result.SUCCEEDED else each
            for each in self.history
        )
        return self._with(outbox=tuple(each for each in self.outbox if each.id != event.id), history=history)

    def giving_notice(self, due_at: datetime) -> Self:
        """With the rotation that is due then announced ahead."""
        return self._with(noticed=due_at)

    def outcome_of(self, rotation_id: str) -> Outcome | None:
        """How this rotation ended, if nothing more will come: a message that is delivered again changes nothing."""
        if self.run_of(rotation_id):
            return None
        known = (each for each in self.history if each.rotation_id == rotation_id)
        return next((each for each in known if each.result is not Result.ABANDONED), None)

    def reaches_back_to(self, time: datetime) -> bool:
        """Whether it was there then, so that it knows every version that a rotation asked for since has added."""
        return any(each.ended_at <= time for each in self.history)

    def last_failure_of(self, rotation_id: str) -> Outcome | None:
        """How the last attempt of this rotation failed, if one did: a run that is open may have an outcome already."""
        found = (each for each in self.history if each.rotation_id == rotation_id and each.result is Result.FAILED)
        return next(found, None)

    def repeats_last_failure(self, outcome: Outcome, *, within: timedelta) -> bool:
        """Whether the newest outcome is this very failure, announced not longer ago than `within`, and still stands."""
        last = self.history[-1] if self.history else None
        if last is None or last.result is not Result.FAILED or self.failing is None:
            return False
        alike = (last.code, last.message) == (outcome.code, outcome.message)
        return alike and outcome.ended_at < last.ended_at + within

    def is_pending(self, rotation_id: str) -> bool:
        """Whether an event of this rotation is still to be sent."""
        return any(each.rotation_id == rotation_id for each in self.outbox)

    def is_announced(self, rotation_id: str) -> bool:
        """Whether this rotation is known to be announced, or will be."""
        if self.run_of(rotation_id):
            return True
        return self.is_pending(rotation_id) or any(
            each.rotation_id == rotation_id and each.result is Result.SUCCEEDED for each in self.history
        )

    def _with(self, **changes: object) -> Self:
        return self.model_copy(update={**changes, "format": FORMAT})


def _kept(history: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """The last fifty outcomes: what changed nothing goes before what did."""
    kept = list(history)
    while len(kept) > KEPT_OUTCOMES:
        idle = next((each for each in kept[:-1] if each.result is not Result.SUCCEEDED), kept[0])
        kept.remove(idle)
    return tuple(kept)
