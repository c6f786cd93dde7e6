"""The oracle of invariant 10: record, operations, history, events and dashboard row of one resource tell one story.

It is shown all of them after every step, with what is really so, by histories and cuts alike. It reads them with the
app's own functions, as callers and pages do, and believes none of them more than the others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.dashboard.status import ATTENTION, State, status_of
from shared.domain.decision import Code
from shared.domain.events import FAILED, KINDS
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Outcome, Record, Result
from shared.rotation.submit import RotationStatus

GRACE = timedelta(hours=48)
_GREEN = frozenset({State.HEALTHY, State.DUE_SOON})
_COMPLETED = {name: kind for kind, name in KINDS.items()}
_WAITS = frozenset({Code.OUTSIDE_WINDOW, Code.ON_HOLD, Code.LATER_WAVE, Code.KEY_REFUSED, Code.SERVICE_REJECTS_KEYS})
# What ends an operation when its record can't be reached: the run goes on without it, and its end stays what it was.
# Told while the record could not be had. What had begun is finished by a sweep, and the operation stays as it ended.
_WITHOUT_RECORD = frozenset({"LeaseHeld", "NotPermitted"})


@dataclass(frozen=True, slots=True)
class Told:
    """An event that was sent, or waits to be: its id, kind and rotation, the code and the fingerprint it names."""

    id: str
    kind: str
    rotation_id: str
    code: str | None = None
    fingerprint: str | None = None
    version: str | None = None

    @classmethod
    def of(cls, event_id: str, kind: str, rotation_id: str, data: Mapping[str, Any]) -> "Told":
        """One event, by what it says."""
        return cls(event_id, kind, rotation_id, data.get("code"), data.get("fingerprint"), data.get("version"))


@dataclass(frozen=True, slots=True)
class World:
    """What is really so.

    `live`: the keys that ARM lists or SignalR accepts; `newest`: the newest version's key (None: no version, or a
    disabled one). `made` has the fingerprint of the version that each rotation added, `sent` what the topic has
    received. `resting`: nobody else changes the resource; `paused` as its tag says. `overdue`: leaked keys that are
    alive past their time. `rejected`: the published key, where SignalR rejects it, and two sweeps could see that.
    """

    live: frozenset[str]
    newest: str | None
    made: Mapping[str, str | None]
    sent: Sequence[Told]
    resting: bool = True
    paused: bool = False
    overdue: frozenset[str] = frozenset()
    rejected: str | None = None

    @property
    def broken(self) -> bool:
        """Whether whoever reads the secret now is refused."""
        return self.newest not in self.live or (self.newest is not None and self.newest == self.rejected)


@dataclass(slots=True)
class Consistency:
    """Remembers what was said, and finds what contradicts it."""

    finals: dict[str, Outcome] = field(default_factory=dict)
    _stored: set[str] = field(default_factory=set)  # of these, those that the operation itself says
    _past: dict[str, Outcome] = field(default_factory=dict)  # what operations said that are gone
    _orphans: set[str] = field(default_factory=set)  # what was asked before the record was lost
    _heard: set[str] = field(default_factory=set)
    _announced: set[str] = field(default_factory=set)

    def look(
        self, record: Record | None, statuses: Mapping[str, RotationStatus], world: World, now: datetime
    ) -> Iterator[str]:
        """What contradicts itself, or what was said before."""
        yield from self._finals(record, statuses)
        if record is None:
            return
        waiting = [Told.of(event.id, event.kind, event.rotation_id, event.data) for event in record.outbox]
        for event in (*world.sent, *waiting):
            if event.id not in self._heard:
                self._heard.add(event.id)
                yield from self._event(event, record, world)
        yield from self._successes(record, {event.rotation_id for event in (*world.sent, *waiting)})
        yield from _row(record, now)

    def at_rest(self, record: Record | None, outcome: Outcome, world: World, now: datetime) -> Iterator[str]:
        """What the row says, right after a sweep that nothing was in the way of, against what is so."""
        if record is None or record.removed or world.paused:
            return
        state = _state(record, now)
        idle = outcome.result is Result.SKIPPED and world.overdue
        if (world.broken or idle) and state in _GREEN:
            yield f"a broken resource is shown as {state}: {world}"
        quiet = outcome.result is Result.SKIPPED and record.journal is None and world.resting
        waits = outcome.code in _WAITS  # it may be overdue by then
        if quiet and not (world.broken or waits) and state in ATTENTION:
            yield f"a healthy resource is shown as {state}: {record.failing}"
        snapshot = record.snapshot
        if quiet and snapshot and world.newest and snapshot.fingerprint != world.newest:
            yield "the snapshot shows another key than the one that is published"

    def record_lost(self, asked: Iterable[str]) -> None:
        """The record is gone: what it knew of what was asked until now can't be asked for any more."""
        self._announced.clear()
        self.finals = {each: outcome for each, outcome in self.finals.items() if each in self._stored}
        self._orphans |= {*asked}

    def operations_lost(self) -> None:
        """The operations are gone: whoever asks for one is told that nothing is known."""
        self._past |= self.finals
        self.finals.clear()

    def _finals(self, record: Record | None, statuses: Mapping[str, RotationStatus]) -> Iterator[str]:
        for rotation_id, before in self.finals.items():
            status = statuses.get(rotation_id)
            if status is None or status.outcome is None:
                yield f"{rotation_id} had ended as {before.result}, and goes on"
            elif _said(status.outcome) != _said(before):
                yield f"{rotation_id} had ended as {_said(before)}, and now as {_said(status.outcome)}"
        for rotation_id, status in statuses.items():
            if status.outcome is None:
                continue
            self.finals.setdefault(rotation_id, status.outcome)
            if status.operation.final:
                self._stored.add(rotation_id)
            stored = record.outcome_of(rotation_id) if record else None
            alike = stored is None or rotation_id in self._orphans or stored.result is status.outcome.result
            if not alike and status.outcome.code not in _WITHOUT_RECORD:
                yield f"{rotation_id} ended as {status.outcome.result}, its history says {stored and stored.result}"

    def _event(self, event: Told, record: Record, world: World) -> Iterator[str]:
        history = [each for each in record.history if each.rotation_id == event.rotation_id]
        if kind := _COMPLETED.get(event.kind):
            done = next((each for each in history if each.result is Result.SUCCEEDED), None)
            if done is None or done.kind is not kind:
                yield f"{event.id} was announced, and the history says {history}"
            elif (done.fingerprint, done.version) != (event.fingerprint, event.version):
                yield f"{event.id} names {event.fingerprint} {event.version}, the history {done.fingerprint}"
            if event.rotation_id in world.made and event.version and world.made[event.rotation_id] != event.fingerprint:
                yield f"{event.id} names {event.fingerprint}, the vault {world.made[event.rotation_id]}"
        elif event.kind == FAILED and event.code not in _WITHOUT_RECORD:
            finals = (said.get(event.rotation_id) for said in (self.finals, self._past))
            known = [*history, *(each for each in finals if each)]
            going_on = record.journal is not None and record.journal.rotation_id == event.rotation_id
            over = any(each.result is Result.SUCCEEDED for each in known)  # it went on, and well, in the same step
            if not (going_on or over or any(each.code == event.code for each in known)):
                yield f"{event.id} was announced, and no history says so"

    def _successes(self, record: Record, told: set[str]) -> Iterator[str]:
        for outcome in record.history:
            done = outcome.result is Result.SUCCEEDED and outcome.kind is not None
            if done and outcome.rotation_id not in self._announced:
                self._announced.add(outcome.rotation_id)
                if outcome.rotation_id not in told:
                    yield f"{outcome.kind} {outcome.rotation_id} is in the history, and no event tells of it"


def _row(record: Record, now: datetime) -> Iterator[str]:
    """What the dashboard shows of the record, against the record."""
    state, journal, snapshot = _state(record, now), record.journal, record.snapshot
    if record.failing and not any(each.rotation_id == record.failing.rotation_id for each in record.history):
        yield f"{record.failing.rotation_id} fails, and the history does not know it"
    dead = snapshot is not None and snapshot.version is not None and snapshot.published_slot is None
    if state in _GREEN and (record.failing or journal or dead):
        yield f"shown as {state}, while {record.failing or journal or 'the published key is dead'}"
    if state is State.FAILED and record.failing is None:
        yield "shown as failed, and nothing fails"


def _state(record: Record, now: datetime) -> State:
    return status_of(InventoryEntry.of(record), now, grace=GRACE).state


def _said(outcome: Outcome) -> tuple[object, ...]:
    return outcome.result, outcome.code, outcome.kind, outcome.slot, outcome.version, outcome.fingerprint
