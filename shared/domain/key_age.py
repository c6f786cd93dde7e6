"""How old the keys of a resource are, and whether its policy holds. Pure: from its inventory entry and the time.

The age of a key is known where the app regenerated it. Of a key that it found, or that was regenerated elsewhere, only
a lower bound is known: since when it has been published. What is not known is not guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.inventory_entry import InventoryEntry
from shared.domain.keys import Slot
from shared.domain.snapshot import Snapshot

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyAges:
    """`days` since each listed key was regenerated; None: not known. `max_days`: what the policy allows, if known.

    `compliant`: whether the policy holds; None where that can't be told.
    """

    days: Mapping[Slot, float | None]
    max_days: float | None
    compliant: bool | None


def key_ages(entry: InventoryEntry, now: datetime, *, grace: timedelta) -> KeyAges:
    """Judge one resource. `grace`: how much later than promised is still in time, as for overdue rotations."""
    snapshot, limit = entry.snapshot, entry.max_age_days
    if snapshot is None or snapshot.local_auth_disabled:
        return KeyAges({}, limit, compliant=None if snapshot is None else True)  # no keys: none is too old
    days = {slot: _days(entry.created.get(slot), now) for slot in snapshot.fingerprints}
    return KeyAges(days, limit, _compliant(snapshot, days, limit, now, grace))


def _compliant(
    snapshot: Snapshot, days: Mapping[Slot, float | None], limit: float | None, now: datetime, grace: timedelta
) -> bool | None:
    promised = (snapshot.due_at, snapshot.retire_after)
    if any(moment and now > moment + grace for moment in promised):
        return False
    if limit is None:
        return None
    known = [*days.values(), _days(snapshot.published_at, now)]
    if any(age is not None and age > limit + grace / _DAY for age in known):
        return False
    judged = snapshot.published_slot is not None and all(days.get(slot) is not None for slot in Slot)
    return True if judged else None


def _days(since: datetime | None, now: datetime) -> float | None:
    return round(max((now - since) / _DAY, 0.0), 2) if since else None
