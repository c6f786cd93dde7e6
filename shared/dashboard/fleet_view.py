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
from shared.domain.resources import ResourceId
from shared.domain.summary import InventoryEntry

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
    since: datetime | None
    due: datetime | None
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


def fleet_view(summaries: Iterable[InventoryEntry], choice: Filters, now: datetime, *, grace: timedelta) -> FleetView:
    """Judge every resource, and lay out the part that was asked for."""
    judged = [(s, status_of(s, now, grace=grace)) for s in summaries]
    counts = Counter(condition.state for _, condition in judged)
    wanted = [pair for pair in judged if _matches(*pair, choice)]
    wanted.sort(key=_ORDERS[choice.order])
    pages = max(1, -(-len(wanted) // ROWS_PER_PAGE))
    choice = replace(choice, page=min(choice.page, pages))
    shown = wanted[(choice.page - 1) * ROWS_PER_PAGE : choice.page * ROWS_PER_PAGE]
    window = around(now, [s.seen for s, _ in shown if s.seen], width=STRIP_WIDTH)
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


def row_of(summary: InventoryEntry, now: datetime, *, grace: timedelta, managed: bool) -> Row:
    """One resource as a row of its own: what its page opens with."""
    window = around(now, [summary.seen] if summary.seen else [], width=STRIP_WIDTH)
    return _row(summary, status_of(summary, now, grace=grace, managed=managed), window, now)


def _matches(summary: InventoryEntry, condition: ResourceStatus, choice: Filters) -> bool:
    if choice.state == "attention" and not condition.needs_attention:
        return False
    if choice.state not in {"", "attention", condition.state.slug}:
        return False
    return choice.text.casefold() in summary.resource.casefold()


def _name(summary: InventoryEntry) -> str:
    return summary.resource.rpartition("/")[2].casefold()


_ORDERS: dict[Order, Callable[[Judged], Any]] = {
    Order.ATTENTION: lambda pair: (pair[1].state.urgency, _due(pair[0]), _name(pair[0])),
    Order.NAME: lambda pair: _name(pair[0]),
    Order.DUE: lambda pair: (_due(pair[0]), _name(pair[0])),
    Order.AGE: lambda pair: ((pair[0].seen.since if pair[0].seen else None) or _NEVER, _name(pair[0])),
}


def _due(summary: InventoryEntry) -> datetime:
    return (summary.seen.due if summary.seen else None) or _NEVER


def _row(summary: InventoryEntry, condition: ResourceStatus, window: Window, now: datetime) -> Row:
    seen, last = summary.seen, summary.last
    return Row(
        resource=ResourceId.parse(summary.resource),
        condition=condition,
        live=seen.live_slot.value if seen and seen.live_slot else "",
        fingerprint=(seen.fingerprint if seen else None) or "",
        age=duration(now - seen.since) if seen and seen.since else "",
        since=seen.since if seen else None,
        due=seen.due if seen else None,
        next_rotation=_next(seen.due, now) if seen and seen.due else "",
        retirement=relative(seen.retire_after, now) if seen and seen.retire_after else "",
        last=f"{last.kind.value if last.kind else 'request'} {relative(last.ended_at, now)}" if last else "",
        last_result=last.result.value if last else "",
        strip=draw(summary.marks, seen, window, now),
    )


def _next(due: datetime, now: datetime) -> str:
    return relative(due, now) if due > now else f"was due {relative(due, now)}"


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
