"""One resource on a page of its own: how it is, its timeline, what runs, and every outcome that is remembered.

Pure: from its record and the time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.dashboard.fleet_view import Row, row_of
from shared.dashboard.progress import Progress, finished, running
from shared.dashboard.timeline import Drawing, draw, whole
from shared.domain.inventory_entry import InventoryEntry, marks_of
from shared.domain.record import Outcome, Record
from shared.domain.snapshot import Snapshot

TIMELINE_WIDTH = 960.0
_TICKS = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome of the history, and the way it took."""

    outcome: Outcome
    progress: Progress


@dataclass(frozen=True, slots=True)
class ResourceView:
    """All that a resource's page shows. `follow` is the rotation somebody just asked for."""

    row: Row
    snapshot: Snapshot | None
    timeline: Drawing
    current: Progress | None
    follow: Progress | None
    history: tuple[Entry, ...]
    now: datetime

    @property
    def changing(self) -> bool:
        """Whether to look again soon."""
        return self.current is not None or (self.follow is not None and not self.follow.ended)


def resource_view(
    record: Record, now: datetime, *, grace: timedelta, managed: bool = True, follow: Progress | None = None
) -> ResourceView:
    """Lay a record out, newest outcome first."""
    marks = marks_of(record.history)
    current = running(record.journal) if record.journal else None
    window = whole(now, record.snapshot, marks, width=TIMELINE_WIDTH)
    return ResourceView(
        row=row_of(InventoryEntry.of(record), now, grace=grace, managed=managed),
        snapshot=record.snapshot,
        timeline=draw(marks, record.snapshot, window, now, ticks=_TICKS),
        current=None if current and follow and current.rotation_id == follow.rotation_id else current,
        follow=follow,
        history=tuple(Entry(outcome, finished(outcome)) for outcome in reversed(record.history)),
        now=now,
    )
