"""The fleet as the page lists it: how many are in which state, and one row per resource, filtered, sorted, paged.

Pure: from every resource's summary, what was asked for, and the time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from shared.dashboard.filters import Filters, Order
from shared.dashboard.status import ATTENTION, ResourceStatus, State, status_of
from shared.dashboard.time_format import duration, relative
from shared.dashboard.timeline import Drawing, Window, around, draw
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.resources import ResourceId

ROWS_PER_PAGE = 50
STRIP_WIDTH = 240.0
MOST_URGENT = 5
_NEVER = datetime.max.replace(tzinfo=UTC)

type Judged = tuple[InventoryEntry, ResourceStatus]


@dataclass(frozen=True, slots=True)
class Row:
    """One resource, in words."""

    resource: ResourceId
    condition: ResourceStatus
    live: str
    fingerprint: str
    age: str
    published_at: datetime | None
    due_at: datetime | None
    next_rotation: str
    retirement: str
    last: str
    last_result: str
    strip: Drawing

    @property
    def link(self) -> str:
        """The relative address of its own page."""
        return "?" + urlencode({"resource": str(self.resource)})


@dataclass(frozen=True, slots=True)
class Tile:
    """How many resources are in a state."""

    label: str
    slug: str
    count: int
    link: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FleetView:
    """All that the fleet's page shows."""

    choice: Filters
    total: int
    attention: int
    attention_told: str
    headline: str
    urgent: tuple[Row, ...]
    tiles: tuple[Tile, ...]
    rows: tuple[Row, ...]
    found: int
    pages: int
    axis: str
    now: datetime
    running: bool
    states: tuple[State, ...] = tuple(State)
    orders: tuple[Order, ...] = tuple(Order)


def fleet_view(entries: Iterable[InventoryEntry], choice: Filters, now: datetime, *, grace: timedelta) -> FleetView:
    """Judge every resource, and lay out the part that was asked for."""
    judged = [(s, status_of(s, now, grace=grace)) for s in entries]
    counts = Counter(condition.state for _, condition in judged)
    wanted = [pair for pair in judged if _matches(*pair, choice)]
    wanted.sort(key=_ORDERS[choice.order])
    pages = max(1, -(-len(wanted) // ROWS_PER_PAGE))
    choice = replace(choice, page=min(choice.page, pages))
    shown = wanted[(choice.page - 1) * ROWS_PER_PAGE : choice.page * ROWS_PER_PAGE]
    window = around(now, [s.snapshot for s, _ in shown if s.snapshot], width=STRIP_WIDTH)
    attention = sum(counts[state] for state in ATTENTION)
    urgent = sorted((pair for pair in judged if pair[1].needs_attention), key=_ORDERS[Order.ATTENTION])
    return FleetView(
        choice=choice,
        total=len(judged),
        attention=attention,
        attention_told=", ".join(f"{counts[s]} {s.value.lower()}" for s in State if s in ATTENTION and counts[s]),
        headline=_headline(len(judged), attention),
        urgent=tuple(_row(s, condition, window, now) for s, condition in urgent[:MOST_URGENT]),
        tiles=_tiles(counts, attention, len(judged), choice),
        rows=tuple(_row(s, condition, window, now) for s, condition in shown),
        found=len(wanted),
        pages=pages,
        axis=duration(window.end - now),
        now=now,
        running=bool(counts[State.ROTATING]),
    )


def row_of(entry: InventoryEntry, now: datetime, *, grace: timedelta, managed: bool) -> Row:
    """One resource as a row of its own: what its page opens with."""
    window = around(now, [entry.snapshot] if entry.snapshot else [], width=STRIP_WIDTH)
    return _row(entry, status_of(entry, now, grace=grace, managed=managed), window, now)


def _matches(entry: InventoryEntry, condition: ResourceStatus, choice: Filters) -> bool:
    if choice.state == "attention" and not condition.needs_attention:
        return False
    if choice.state not in {"", "attention", condition.state.slug}:
        return False
    return choice.text.casefold() in entry.resource.casefold()


def _name(entry: InventoryEntry) -> str:
    return entry.resource.rpartition("/")[2].casefold()


_ORDERS: dict[Order, Callable[[Judged], Any]] = {
    Order.ATTENTION: lambda pair: (pair[1].state.urgency, _due(pair[0]), _name(pair[0])),
    Order.NAME: lambda pair: _name(pair[0]),
    Order.DUE: lambda pair: (_due(pair[0]), _name(pair[0])),
    Order.AGE: lambda pair: ((pair[0].snapshot.published_at if pair[0].snapshot else None) or _NEVER, _name(pair[0])),
}


def _due(entry: InventoryEntry) -> datetime:
    return (entry.snapshot.due_at if entry.snapshot else None) or _NEVER


def _row(entry: InventoryEntry, condition: ResourceStatus, window: Window, now: datetime) -> Row:
    snapshot, last = entry.snapshot, entry.last
    return Row(
        resource=ResourceId.parse(entry.resource),
        condition=condition,
        live=snapshot.published_slot.value if snapshot and snapshot.published_slot else "",
        fingerprint=(snapshot.fingerprint if snapshot else None) or "",
        age=duration(now - snapshot.published_at) if snapshot and snapshot.published_at else "",
        published_at=snapshot.published_at if snapshot else None,
        due_at=snapshot.due_at if snapshot else None,
        next_rotation=_next(snapshot.due_at, now) if snapshot and snapshot.due_at else "",
        retirement=relative(snapshot.retire_after, now) if snapshot and snapshot.retire_after else "",
        last=f"{last.kind.value if last.kind else 'request'} {relative(last.ended_at, now)}" if last else "",
        last_result=last.result.value if last else "",
        strip=draw(entry.marks, snapshot, window, now),
    )


def _next(due_at: datetime, now: datetime) -> str:
    return relative(due_at, now) if due_at > now else f"was due {relative(due_at, now)}"


def _headline(total: int, attention: int) -> str:
    if not total:
        return "No resource has been seen yet"
    if not attention:
        return "All is well" if total > 1 else "It is well"
    verb = "needs" if attention == 1 else "need"
    return f"{attention} of {total} resources {verb} attention"


def _tiles(counts: Counter[State], attention: int, total: int, choice: Filters) -> tuple[Tile, ...]:
    def tile(label: str, slug: str, count: int) -> Tile:
        return Tile(label, slug, count, choice.link(state=slug, page=1), chosen=choice.state == slug)

    states = (state for state in State if counts[state] or choice.state == state.slug)
    return (
        tile("All", "", total),
        tile("Needs attention", "attention", attention),
        *(tile(state.value, state.slug, counts[state]) for state in states),
    )
