"""One resource on its own page: its status, its timeline, what runs, and its history.

Pure: from its record and the time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.dashboard.progress import Progress, finished, running
from shared.dashboard.status import ResourceStatus, status_of
from shared.dashboard.timeline import Drawing, draw, whole
from shared.domain.inventory_entry import InventoryEntry, marks_of
from shared.domain.key_age import KeyAges, key_ages
from shared.domain.record import Outcome, Record
from shared.domain.resources import ResourceId
from shared.domain.snapshot import Snapshot

TIMELINE_WIDTH = 960.0
_TICKS = 6


@dataclass(frozen=True, slots=True)
class ResourceView:
    """All that a resource's page shows. `progress`: the rotation that is followed, and the one that runs."""

    resource: ResourceId
    status: ResourceStatus
    snapshot: Snapshot | None
    ages: KeyAges
    timeline: Drawing
    progress: tuple[Progress, ...]
    history: tuple[tuple[Outcome, Progress], ...]

    @property
    def changing(self) -> bool:
        """Whether a rotation is running."""
        return not all(each.ended for each in self.progress)


def resource_view(
    record: Record,
    now: datetime,
    *,
    grace: timedelta,
    managed: bool = True,
    on_hold: bool = False,
    followed: Progress | None = None,
    max_age_days: float | None = None,
) -> ResourceView:
    """Lay a record out, newest outcome first.

    `followed` is the rotation that was just requested; `max_age_days` what the policy allows.
    `on_hold`: scheduled rotations are.
    """
    marks = marks_of(record.history)
    current = running(record.journal) if record.journal else None
    if current and followed and current.rotation_id == followed.rotation_id:
        current = None
    entry = InventoryEntry.of(record).model_copy(update={"max_age_days": max_age_days})
    window = whole(now, record.snapshot, marks, width=TIMELINE_WIDTH)
    return ResourceView(
        resource=ResourceId.parse(record.resource),
        status=status_of(entry, now, grace=grace, managed=managed, on_hold=on_hold),
        snapshot=record.snapshot,
        ages=key_ages(entry, now, grace=grace),
        timeline=draw(marks, record.snapshot, window, now, ticks=_TICKS),
        progress=tuple(each for each in (followed, current) if each),
        history=tuple((outcome, finished(outcome)) for outcome in reversed(record.history)),
    )
