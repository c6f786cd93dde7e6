"""Which resources are past due by more than a grace, whatever the reason: from the fleet at a glance, and no service.

A rotator that fails tells so itself. One that cannot act at all (no worker takes messages, a right is missing, a tag
says paused) is found out here: by the next sweep, from what was last seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.requests import rotation_id
from shared.domain.resources import ResourceId
from shared.domain.summary import InventoryEntry


@dataclass(frozen=True, slots=True)
class Overdue:
    """One resource whose key is older than its policy allows. `due` is when the rotation was (UTC)."""

    resource: ResourceId
    due: datetime
    summary: InventoryEntry | None

    @property
    def rotation_id(self) -> str:
        """The same for the same resource and due date, however many sweeps find it."""
        return rotation_id(self.resource, f"overdue:{self.due.isoformat()}")

    @property
    def code(self) -> str:
        """Why it may be so, as far as the record tells."""
        seen, last = (self.summary.seen, self.summary.last) if self.summary else (None, None)
        if seen and seen.paused:
            return "Paused"
        if last and last.code:
            return last.code
        return "NotLookedAt" if seen is None else "NotRotated"


def overdue(
    managed: Iterable[ResourceId],
    summaries: Mapping[ResourceId, InventoryEntry],
    unseen: Mapping[str, datetime],
    *,
    now: datetime,
    grace: timedelta,
) -> list[Overdue]:
    """Those whose due date is further back than the grace. A resource that was never seen is due when it was found."""
    late = []
    for resource in managed:
        summary = summaries.get(resource)
        seen = summary.seen if summary else None
        if seen and seen.local_auth_disabled:  # there are no keys to grow old
            continue
        due = seen.due if seen and seen.due else unseen.get(resource.key)
        if due and now > due + grace:
            late.append(Overdue(resource, due, summary))
    return late


def still_unseen(
    managed: Iterable[ResourceId],
    summaries: Mapping[ResourceId, InventoryEntry],
    before: Mapping[str, datetime],
    *,
    now: datetime,
) -> dict[str, datetime]:
    """The managed resources of which no published version is known, and since when."""
    unseen = {}
    for resource in managed:
        seen = summaries[resource].seen if resource in summaries else None
        if seen is None or (seen.due is None and not seen.local_auth_disabled):
            unseen[resource.key] = before.get(resource.key, now)
    return unseen
