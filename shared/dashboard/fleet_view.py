"""The fleet as the page lists it: how many are in which state, and one row per resource, filtered, sorted, paged.

Pure: from the inventory, the filters, and the time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.dashboard.filters import Filters, Held, Order, resource_link
from shared.dashboard.status import ATTENTION, ResourceStatus, State, status_of
from shared.dashboard.time_format import duration, relative
from shared.dashboard.timeline import Drawing, Window, around, draw
from shared.domain.inventory_entry import InventoryEntry, Last
from shared.domain.key_age import KeyAges, key_ages
from shared.domain.resources import ResourceId
from shared.domain.snapshot import Snapshot

ROWS_PER_PAGE = 50
STRIP_WIDTH = 240.0
MOST_URGENT = 5
_NEVER = datetime.max.replace(tzinfo=UTC)

type _Judged = tuple[InventoryEntry, ResourceStatus]


@dataclass(frozen=True, slots=True)
class Row:
    """One resource."""

    resource: ResourceId
    status: ResourceStatus
    snapshot: Snapshot | None
    last: Last | None
    age: str
    next_rotation: str
    retirement: str
    strip: Drawing
    ages: KeyAges

    @property
    def link(self) -> str:
        """The relative address of its own page."""
        return resource_link(self.resource)


@dataclass(frozen=True, slots=True)
class FleetView:
    """All that the fleet's page shows. `tiles`: label, slug and number of resources of each state there is."""

    filters: Filters
    total: int
    attention: int
    attention_by_state: str
    headline: str
    all_clear: str
    unseen: int
    urgent: tuple[Row, ...]
    tiles: tuple[tuple[str, str, int], ...]
    rows: tuple[Row, ...]
    found: int
    pages: int
    axis: str
    running: bool
    revoking: int
    states: tuple[State, ...] = tuple(State)
    orders: tuple[Order, ...] = tuple(Order)
    held: tuple[Held, ...] = tuple(Held)

    @property
    def all_good(self) -> bool:
        """Whether each resource was looked at, and none needs attention."""
        return bool(self.total) and not self.attention and not self.unseen


def fleet_view(
    entries: Iterable[InventoryEntry], filters: Filters, now: datetime, *, grace: timedelta, on_hold: bool = False
) -> FleetView:
    """Judge every resource, and lay out the part that the filters choose. `on_hold`: scheduled rotations are."""
    judged = [(entry, status_of(entry, now, grace=grace, on_hold=on_hold)) for entry in entries]
    counts = Counter(status.state for _, status in judged)
    chosen = [pair for pair in judged if _matches(*pair, filters)]
    if filters.policy:
        chosen = [pair for pair in chosen if filters.policy == Held.of(key_ages(pair[0], now, grace=grace).compliant)]
    found = sorted(chosen, key=_ORDERS[filters.order])
    pages = max(1, -(-len(found) // ROWS_PER_PAGE))
    filters = replace(filters, page=min(filters.page, pages))
    page = found[(filters.page - 1) * ROWS_PER_PAGE : filters.page * ROWS_PER_PAGE]
    window = around(now, [entry.snapshot for entry, _ in page if entry.snapshot], width=STRIP_WIDTH)
    attention = sum(counts[state] for state in ATTENTION)
    urgent = sorted((pair for pair in judged if pair[1].needs_attention), key=_ORDERS[Order.ATTENTION])
    states = (state for state in State if counts[state] or filters.state == state.slug)
    return FleetView(
        filters=filters,
        total=len(judged),
        attention=attention,
        attention_by_state=", ".join(f"{counts[s]} {s.value.lower()}" for s in State if s in ATTENTION and counts[s]),
        headline=_headline(len(judged), attention, counts[State.UNSEEN]),
        unseen=counts[State.UNSEEN],
        all_clear=_all_clear(len(judged), counts[State.UNSEEN], _paused_and_late(judged, now, grace)),
        urgent=tuple(_row(*pair, window, now, grace) for pair in urgent[:MOST_URGENT]),
        tiles=(
            ("All", "", len(judged)),
            ("Needs attention", "attention", attention),
            *((state.value, state.slug, counts[state]) for state in states),
        ),
        rows=tuple(_row(*pair, window, now, grace) for pair in page),
        found=len(found),
        pages=pages,
        axis=duration(window.end - now),
        running=bool(counts[State.ROTATING]),
        revoking=counts[State.REVOKING],
    )


def _matches(entry: InventoryEntry, status: ResourceStatus, filters: Filters) -> bool:
    if filters.state == "attention" and not status.needs_attention:
        return False
    if filters.state not in {"", "attention", status.state.slug}:
        return False
    return filters.text.casefold() in entry.resource.casefold()


def _name(entry: InventoryEntry) -> str:
    return entry.resource.rpartition("/")[2].casefold()


_ORDERS: dict[Order, Callable[[_Judged], Any]] = {
    Order.ATTENTION: lambda pair: (pair[1].state.urgency, _due(pair[0]), _name(pair[0])),
    Order.NAME: lambda pair: _name(pair[0]),
    Order.DUE: lambda pair: (_due(pair[0]), _name(pair[0])),
    Order.AGE: lambda pair: ((pair[0].snapshot.published_at if pair[0].snapshot else None) or _NEVER, _name(pair[0])),
}


def _due(entry: InventoryEntry) -> datetime:
    return (entry.snapshot.due_at if entry.snapshot else None) or _NEVER


def _row(entry: InventoryEntry, status: ResourceStatus, window: Window, now: datetime, grace: timedelta) -> Row:
    snapshot = entry.snapshot
    return Row(
        resource=ResourceId.parse(entry.resource),
        status=status,
        snapshot=snapshot,
        last=entry.last,
        age=duration(now - snapshot.published_at) if snapshot and snapshot.published_at else "",
        next_rotation=_next(snapshot, now) if snapshot else "",
        retirement=relative(snapshot.retire_after, now) if snapshot and snapshot.retire_after else "",
        strip=draw(entry.marks, snapshot, window, now),
        ages=key_ages(entry, now, grace=grace),
    )


def _next(snapshot: Snapshot, now: datetime) -> str:
    due_at = snapshot.due_at
    if due_at is None:
        return ""
    if due_at > now:
        return relative(due_at, now)
    opens_at = snapshot.opens_at(now)
    return f"was due {relative(due_at, now)}" + (f", window opens {relative(opens_at, now)}" if opens_at else "")


def _paused_and_late(judged: Iterable[_Judged], now: datetime, grace: timedelta) -> int:
    paused = (entry.snapshot for entry, status in judged if status.state is State.PAUSED)
    return sum(each is not None and each.due_at is not None and now > each.due_at + grace for each in paused)


def _all_clear(total: int, unseen: int, paused: int) -> str:
    """What may be said where nothing needs attention: of what was looked at, and not of what is paused."""
    if unseen == total:
        return "The next sweep looks at " + ("it." if total == 1 else "them.")
    valid = "Every published key that was looked at is valid" if unseen else "Every published key is valid"
    late = "no rotation is overdue"
    if paused:
        late += f" but {'those' if paused > 1 else 'that'} of {paused} paused resource{'s' if paused > 1 else ''}"
    return f"{valid}, and {late}."


def _headline(total: int, attention: int, unseen: int) -> str:
    if not total or (unseen == total and not attention):
        return "No resource has been checked yet"
    if unseen and not attention:
        return f"{unseen} of {total} resources not checked yet"
    if not attention:
        return "All resources healthy" if total > 1 else "The resource is healthy"
    verb = "needs" if attention == 1 else "need"
    return f"{attention} of {total} resources {verb} attention"
