"""Progressive rollout of scheduled rotations: waves, and the hold after three failures in a row. Pure.

What may be rotated is a threshold and not a list: each rollout puts the resources in an order of its own, by a digest
of its id and theirs, and a wave moves the threshold. So the state is as small for ten thousand resources as for eleven.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pydantic import ConfigDict

from shared.domain.decision import MOVING, Code
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.requests import NextWave, Standstill, rotation_id
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire

FAILURES_TO_HOLD = 3  # of different resources in a row
HELD_FOR = timedelta(hours=24)
AT_ONCE_UP_TO = 10  # resources that fall due in one sweep
LONGEST_WAVE = timedelta(hours=2)  # what has not ended by then keeps no other resource waiting
THREE_FAILED, UNREADABLE = "ThreeFailed", "StateUnreadable"
_CLOCKS_DIFFER = timedelta(seconds=30)
_MESSAGE_CHARACTERS = 300
_WAVE = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<percent>%?)")
_ALL_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Waves:
    """How many of the due resources may have been rotated in each wave: counts, or percent of all that are due.

    `interval` is the least time from the start of one wave to the start of the next.
    """

    steps: tuple[tuple[int, bool], ...]
    interval: timedelta

    @classmethod
    def parse(cls, text: str, interval: timedelta) -> Self:
        """Read `1,10%,100%`. Raises `ValueError` that says what is allowed."""
        found = [_WAVE.fullmatch(part.strip()) for part in text.split(",")]
        steps = tuple((int(part["number"]), bool(part["percent"])) for part in found if part)
        grows = all(
            earlier < later
            for kind in (False, True)
            for earlier, later in zip(_numbers(steps, kind), _numbers(steps, kind)[1:], strict=False)
        )
        if len(steps) < len(found) or steps[-1] != (_ALL_PERCENT, True) or not grows:
            raise ValueError("numbers or percentages that grow, separated by commas, the last 100%: such as 1,10%,100%")
        return cls(steps, interval)

    @property
    def at_once(self) -> bool:
        """Whether there is but one wave."""
        return len(self.steps) == 1

    def target(self, wave: int, total: int) -> int:
        """How many of `total` resources may have been rotated after this many waves."""
        number, percent = self.steps[wave - 1]
        return math.ceil(total * number / _ALL_PERCENT) if percent else number


ALL_AT_ONCE = Waves(((100, True),), timedelta())


def _numbers(steps: Iterable[tuple[int, bool]], percent: bool) -> list[int]:  # noqa: FBT001 - which of the two kinds
    return [number for number, is_percent in steps if is_percent is percent]


class FailedRotation(Wire):
    """A scheduled rotation that failed after ARM was asked for a new key."""

    resource: str
    rotation_id: str
    code: str
    message: str
    at: datetime

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.resource.rpartition("/")[2]


class Hold(Wire):
    """Scheduled rotations are stopped, until an operator resumes them or the time has passed."""

    since: datetime
    until: datetime
    code: str
    failures: tuple[FailedRotation, ...] = ()

    @property
    def message(self) -> str:
        """Why, what it means for clients, and what to do."""
        if self.code == UNREADABLE:
            why = "what the app stores about the rollout of rotations could not be read"
        else:
            failed = ", ".join(f"{each.name}: {each.code}" for each in self.failures)
            why = f"{len(self.failures)} scheduled rotations failed in a row ({failed})"
        return (
            f"{why}. Scheduled rotations are on hold until {self.until:%Y-%m-%d %H:%M} UTC. Published keys stay valid; "
            "repairs, retirements and requests for one resource go on. Correct the cause, then call POST /api/resume"
        )


class Resumption(Wire):
    """Who ended the last hold, when, and why."""

    at: datetime
    by: str
    reason: str = ""


class Rollout(Wire):
    """Waves under way. `released`: how many of `total` may have been rotated since `released_at`; `upto`: which."""

    id: str
    total: int
    wave: int = 0
    released: int = 0
    upto: str = ""
    released_at: datetime

    def covers(self, resource: ResourceId) -> bool:
        """Whether the resource's wave has begun."""
        return self.position(resource) <= self.upto

    def position(self, resource: ResourceId) -> str:
        """The resource's place in the order of this rollout: digits that compare as text."""
        return hashlib.sha256(f"{self.id}\n{resource.key}".encode()).hexdigest()[:16]

    def next_wave(self, due: Iterable[ResourceId], waves: Waves, now: datetime) -> Self | None:
        """With the next wave released; None where nothing is left to be held back."""
        waiting = sorted(self.position(each) for each in due if not self.covers(each))
        wave = self.wave + 1
        count = max(waves.target(wave, self.total) - self.released, 1) if wave < len(waves.steps) else len(waiting)
        if count >= len(waiting):
            return None
        released = self.released + count
        return self.model_copy(
            update={"wave": wave, "released": released, "upto": waiting[count - 1], "released_at": now}
        )


class RolloutState(Wire):
    """What all workers of an installation share about scheduled rotations. Fields of a newer version are kept.

    `failures`: the failures in a row, one for each resource. `outbox`: what is still to be announced.
    """

    model_config = ConfigDict(extra="allow")

    failures: tuple[FailedRotation, ...] = ()
    hold: Hold | None = None
    rollout: Rollout | None = None
    resumed: Resumption | None = None
    outbox: tuple[OutgoingEvent, ...] = ()

    @classmethod
    def unreadable(cls, now: datetime) -> Self:
        """In place of one that can't be read: it may have been a hold, so it counts as one."""
        return cls(hold=Hold(since=now, until=now + HELD_FOR, code=UNREADABLE))

    def held(self, now: datetime) -> Hold | None:
        """The hold, if one stands."""
        return self.hold if self.hold and now < self.hold.until else None

    def is_at(self, message: NextWave) -> bool:
        """Whether the wave that the message is about was released last."""
        return self.rollout is not None and (self.rollout.id, self.rollout.wave) == (message.rollout, message.wave)

    def standstill(self, resource: ResourceId, now: datetime) -> Standstill | None:
        """Why a scheduled rotation of the resource has to wait; None where it need not."""
        if hold := self.held(now):
            return Standstill(code=Code.ON_HOLD, until=hold.until)
        if self.rollout and not self.rollout.covers(resource):
            return Standstill(code=Code.LATER_WAVE)
        return None

    def with_failure(self, failure: FailedRotation, now: datetime) -> Self:
        """With one more scheduled rotation that failed: the third in a row is a hold, and ends the waves."""
        if self.held(now):
            return self
        shortened = failure.model_copy(update={"message": failure.message[:_MESSAGE_CHARACTERS]})
        failures = (*(each for each in self.failures if each.resource != failure.resource), shortened)
        if len(failures) < FAILURES_TO_HOLD:
            return self._with(failures=failures)
        hold = Hold(since=now, until=now + HELD_FOR, code=THREE_FAILED, failures=failures)
        return self._with(failures=(), hold=hold, rollout=None)

    def with_success(self) -> Self:
        """With a scheduled rotation that succeeded: no failures in a row."""
        return self._with(failures=()) if self.failures else self

    def resume(self, resumption: Resumption) -> Self:
        """Without the hold. The same where there is none."""
        return self._with(hold=None, failures=(), resumed=resumption) if self.held(resumption.at) else self

    def planned(
        self, fleet: Mapping[ResourceId, InventoryEntry | None], waves: Waves, *, now: datetime, rollout_id: str
    ) -> Self:
        """With waves begun where many resources are due, or with the next wave where the last one has ended.

        `fleet` are the managed resources; a new rollout gets this id.
        """
        if self.held(now):
            return self
        known = self._with(hold=None) if self.hold else self
        due = [resource for resource, entry in fleet.items() if awaits_rotation(entry, now)]
        rollout = self.rollout
        if waves.at_once:
            return known.model_copy(update={"rollout": None}) if rollout else known
        if rollout is None:
            if len(due) <= AT_ONCE_UP_TO:
                return known
            rollout = Rollout(id=rollout_id, total=len(due), released_at=now)
        elif not _has_ended(rollout, {each: fleet[each] for each in due}, waves, now):
            return known
        return known.model_copy(update={"rollout": rollout.next_wave(due, waves, now)})

    def announcing(self, event: OutgoingEvent) -> Self:
        """With this event to be sent; one that waits already is not added again."""
        waiting = any(each.id == event.id for each in self.outbox)
        return self if waiting else self._with(outbox=(*self.outbox, event))

    def announced(self, event: OutgoingEvent) -> Self:
        """With this event sent."""
        return self._with(outbox=tuple(each for each in self.outbox if each.id != event.id))

    def _with(self, **changes: object) -> Self:
        return self.model_copy(update=changes)


def awaits_rotation(entry: InventoryEntry | None, now: datetime) -> bool:
    """Whether a sweep would rotate the resource, as far as its record tells. One that was never looked at may be due.

    What can't be rotated now is no part of a rollout, and keeps no wave waiting: one whose rotation window is closed,
    one whose tag says a word that nobody knows, and one whose failure stands, which says nothing new.
    """
    if entry is None:
        return True
    snapshot = entry.snapshot
    if entry.standing_failure:
        return False
    if snapshot is None:
        return True
    left_alone = snapshot.paused or snapshot.unknown_word or snapshot.local_auth_disabled
    idle = left_alone or snapshot.provisioning_state in MOVING
    in_use = snapshot.overlap_until is not None and now < snapshot.overlap_until
    return snapshot.is_due(now) and not idle and not in_use and snapshot.opens_at(now) is None


def hold_id(hold: Hold) -> str:
    """The rotation id under which a hold is announced, always the same for the same hold."""
    return rotation_id(ResourceId.parse(hold.failures[-1].resource), f"hold:{hold.since.isoformat()}")


def _has_ended(rollout: Rollout, due: Mapping[ResourceId, InventoryEntry | None], waves: Waves, now: datetime) -> bool:
    """Whether the wave that was released last has ended, and the next one's time has come."""
    if now < rollout.released_at + waves.interval - _CLOCKS_DIFFER:
        return False

    def ended(entry: InventoryEntry | None) -> bool:
        last = entry.last if entry else None
        return last is not None and last.ended_at >= rollout.released_at

    pending = any(rollout.covers(each) and not ended(entry) for each, entry in due.items())
    return not pending or now >= rollout.released_at + LONGEST_WAVE
