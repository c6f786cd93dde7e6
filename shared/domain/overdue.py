"""Which resources are past due by more than a grace, whatever the reason: from the fleet at a glance, and no service.

A rotator that fails tells so itself. One that cannot act at all (no worker takes messages, a right is missing, a tag
says paused) is found out here: by the next sweep, from what was last seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.inventory_entry import InventoryEntry
from shared.domain.requests import rotation_id
from shared.domain.resources import ResourceId


@dataclass(frozen=True, slots=True)
class Overdue:
    """One resource whose key is older than its policy allows. `due` is when the rotation was (UTC)."""

    resource: ResourceId
    due: datetime
    entry: InventoryEntry | None

    @property
    def rotation_id(self) -> str:
        """The same for the same resource and due date, however many sweeps find it."""
        return rotation_id(self.resource, f"overdue:{self.due.isoformat()}")

    @property
    def code(self) -> str:
        """Why it may be so, as far as the record tells."""
        snapshot, last = (self.entry.snapshot, self.entry.last) if self.entry else (None, None)
        if snapshot and snapshot.paused:
            return "Paused"
        if last and last.code:
            return last.code
        return "NotLookedAt" if snapshot is None else "NotRotated"


def overdue(
    managed: Iterable[ResourceId],
    entries: Mapping[ResourceId, InventoryEntry],
    unseen: Mapping[str, datetime],
    *,
    now: datetime,
    grace: timedelta,
) -> list[Overdue]:
    """Those whose due date is further back than the grace. A resource that was never seen is due when it was found."""
    late = []
    for resource in managed:
        entry = entries.get(resource)
        snapshot = entry.snapshot if entry else None
        if snapshot and snapshot.local_auth_disabled:  # there are no keys to grow old
            continue
        due = snapshot.due_at if snapshot and snapshot.due_at else unseen.get(resource.key)
        if due and now > due + grace:
            late.append(Overdue(resource, due, entry))
    return late


def still_unseen(
    managed: Iterable[ResourceId],
    entries: Mapping[ResourceId, InventoryEntry],
    before: Mapping[str, datetime],
    *,
    now: datetime,
) -> dict[str, datetime]:
    """The managed resources of which no published version is known, and since when."""
    unseen = {}
    for resource in managed:
        snapshot = entries[resource].snapshot if resource in entries else None
        if snapshot is None or (snapshot.due_at is None and not snapshot.local_auth_disabled):
            unseen[resource.key] = before.get(resource.key, now)
    return unseen
