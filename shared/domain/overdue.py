"""Which resources are past due by more than a grace, whatever the reason. Pure: from the last snapshots alone.

Due is the next rotation, and the invalidation of a leaked key. A rotation that fails is reported by itself. One that
cannot run at all (no worker takes messages, a permission is missing, a tag says paused) is found here, by the next
sweep, from what was last observed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import REVOCATION_PENDING
from shared.domain.requests import rotation_id
from shared.domain.resources import ResourceId
from shared.domain.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Overdue:
    """One resource whose key is older than its policy allows, or has leaked and is valid still.

    `due_at` is when the rotation, or the invalidation, was due (UTC).
    """

    resource: ResourceId
    due_at: datetime
    entry: InventoryEntry | None
    closed: bool = False  # its rotation window, now

    @property
    def rotation_id(self) -> str:
        """The same for the same resource and due date, however many sweeps find it."""
        return rotation_id(self.resource, f"overdue:{self.due_at.isoformat()}")

    @property
    def code(self) -> str:
        """Why it may be so, as far as the record tells. A failure that is over is no reason."""
        snapshot, failure = (self.entry.snapshot, self.entry.standing_failure) if self.entry else (None, None)
        if snapshot and snapshot.paused:
            return "Paused"
        if failure and failure.code:
            return failure.code
        if snapshot and self.due_at == snapshot.revoke_at:
            return REVOCATION_PENDING
        if self.closed:
            return "OutsideWindow"
        return "NotLookedAt" if snapshot is None else "NotRotated"


def find_overdue(
    managed: Iterable[ResourceId],
    entries: Mapping[ResourceId, InventoryEntry],
    unobserved: Mapping[str, datetime],
    *,
    now: datetime,
    grace: timedelta,
) -> list[Overdue]:
    """Those due further back than the grace. A resource that was never observed is due from when it was found.

    `managed` is without what does not exist: its absence is reported once, by its own message.
    """
    late = []
    for resource in managed:
        entry = entries.get(resource)
        snapshot = entry.snapshot if entry else None
        if snapshot and snapshot.local_auth_disabled:  # there are no keys to grow old
            continue
        due_at = (snapshot and _due_at(snapshot)) or unobserved.get(resource.key)
        if due_at and now > due_at + grace:
            closed = snapshot is not None and snapshot.opens_at(now) is not None
            late.append(Overdue(resource, due_at, entry, closed))
    return late


def _due_at(snapshot: Snapshot) -> datetime | None:
    return min(filter(None, (snapshot.due_at, snapshot.revoke_at)), default=None)


def still_unobserved(
    managed: Iterable[ResourceId],
    entries: Mapping[ResourceId, InventoryEntry],
    before: Mapping[str, datetime],
    *,
    now: datetime,
) -> dict[str, datetime]:
    """The managed resources of which no published version is known, and since when."""
    unobserved = {}
    for resource in managed:
        snapshot = entries[resource].snapshot if resource in entries else None
        if snapshot is None or (snapshot.due_at is None and not snapshot.local_auth_disabled):
            unobserved[resource.key] = before.get(resource.key, now)
    return unobserved
