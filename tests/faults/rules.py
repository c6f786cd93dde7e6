"""What must hold of `memory.Cloud` at every change, watched from outside the engine.

The judge sees what the services see, and nothing of the engine but its requests: which of them were forced, and with
which overlap.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.domain.keys import KeyType, Slot, fingerprint
from shared.rotation.ports import NewSecretVersion
from tests.faults.memory import Cloud, Worker
from tests.faults.memory_records import MemoryLease

OVERLAP = timedelta(hours=48)


@dataclass
class Judge:
    """Invariants 1, 2, 3, 4 and 7, and when connections are cut.

    `excused`: the published value is dead by somebody else's doing, or by force.
    """

    cloud: Cloud
    excused: bool = True  # nothing is published yet
    forced: set[str] = field(default_factory=set)
    overlap: timedelta = OVERLAP
    replaced: dict[str, datetime] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    untold: set[str] = field(default_factory=set)
    leases: dict[int, MemoryLease] = field(default_factory=dict)

    def watch(self, what: str, worker: Worker, detail: Any) -> None:
        """Judge a change that is about to be made."""
        if what == "leased":
            self.leases[id(worker)] = detail
        elif what == "regenerate":
            self._holding(worker, "regenerates")
            if detail is KeyType.SALT:
                self._count_change()
            else:
                self._may_regenerate(Slot(detail))
        elif what == "changed":
            self._changed()
        elif what == "publish":
            self._holding(worker, "publishes")
            self._publishes(detail)
        elif what == "close":
            self._holding(worker, "closes connections")
            self._cuts()

    @property
    def published(self) -> str | None:
        """The newest value, disabled or not."""
        return self.cloud.versions[-1][1] if self.cloud.versions else None

    @property
    def _rotation(self) -> str:
        """The rotation id under way, as the record tells it."""
        return self.cloud.record.journal.rotation_id if self.cloud.record and self.cloud.record.journal else "lost"

    def live(self) -> None:
        """1 Live: what readers get opens the service."""
        if not self.excused and not self.cloud.disabled:
            assert self.published in self.cloud.keys.values(), "1 Live: the published key is dead"

    def meddled(self) -> None:
        """Somebody else changed a key or a version."""
        self._note_replaced()
        self.excused = self.published not in self.cloud.keys.values()

    def told(self) -> None:
        """4 Told: every version that was added is announced, under one id."""
        ids = {
            rotation: {e for r, e in self.cloud.events if r == rotation and "RotationFailed" not in e}
            for rotation in self.versions
        }
        assert {} == {r: found for r, found in ids.items() if len(found) != 1 and r not in self.untold}, "4 Told"

    def record_lost(self) -> None:
        """The blob is gone: of what was not announced, only the newest version still tells of itself."""
        self.changes.clear()  # what was changed under an open journal, and not published yet, nobody can tell any more
        newest = self.cloud.versions[-1][0].rotation_id if self.cloud.versions else None
        self.untold |= self._unannounced - {newest}

    def overtaken(self) -> None:
        """Somebody else's version comes on top: what the record does not know of can't be known of any more."""
        record = self.cloud.record
        self.untold |= {made for made in self._unannounced if record is None or not record.is_announced(made)}

    @property
    def _unannounced(self) -> set[str]:
        return set(self.versions) - {made for made, event in self.cloud.events if "RotationFailed" not in event}

    def _holding(self, worker: Worker, does: str) -> None:
        assert self.leases[id(worker)].holds, f"7 Fenced: a worker without the lease {does}"

    def _may_regenerate(self, slot: Slot) -> None:
        key, now = self.cloud.keys[slot], self.cloud.now()
        if self._rotation in self.forced or self.cloud.disabled:
            return
        assert key != self.published, "2 One at a time: the published key is regenerated"
        newest = self.cloud.versions[-1][0] if self.cloud.versions else None
        retirement = newest.retirement if newest else None
        if retirement and not retirement.by_policy and retirement.fingerprint == fingerprint(key):
            assert now >= retirement.after, "2 One at a time: retired before its time"
        elif key in self.replaced:
            assert now >= self.replaced[key] + OVERLAP - timedelta(seconds=1), "2 One at a time: inside the overlap"

    def _cuts(self) -> None:
        """Its holder would come back with a key that is still valid."""
        journal = self.cloud.record.journal if self.cloud.record else None
        if journal and journal.slot and not journal.cause:
            replaced = journal.before[journal.slot]
            assert replaced not in {fingerprint(key) for key in self.cloud.keys.values()}, "cut before it was rejected"

    def _changed(self) -> None:
        self._count_change()
        if self._rotation in self.forced:
            self.excused = True

    def _count_change(self) -> None:
        rotation = self._rotation
        self.changes[rotation] += 1
        assert rotation == "lost" or self.changes[rotation] <= 1, "3 Once: two changes under one rotation id"

    def _publishes(self, edition: NewSecretVersion) -> None:
        self.versions[edition.rotation_id] += 1
        assert self.versions[edition.rotation_id] <= 1, "3 Once: two versions under one rotation id"
        assert edition.key.reveal() in self.cloud.keys.values(), "1 Live: a dead key is published"
        before = self.published
        if before and before != edition.key.reveal():
            self.replaced[before] = self.cloud.now()
        self.excused = False

    def _note_replaced(self) -> None:
        newest = self.published
        if len(self.cloud.versions) > 1 and (before := self.cloud.versions[-2][1]) != newest:
            self.replaced.setdefault(before, self.cloud.now())
