"""The history of one resource's two keys as a drawing: a lane per slot, on an axis of time.

Pure geometry, in the units of an SVG view box; the template only writes it. On each lane: when its key was regenerated,
when it was the published one, the overlap in which clients may still hold it, when it is due, what failed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import assert_never

from shared.dashboard.time_format import stamp
from shared.domain.inventory_entry import TimelineMark
from shared.domain.journal import Kind
from shared.domain.keys import Slot
from shared.domain.record import Result
from shared.domain.snapshot import Snapshot

_LANES = {Slot.PRIMARY: 0, Slot.SECONDARY: 1}


class MarkerKind(StrEnum):
    """What a marker stands for; also its CSS class."""

    PUBLISHED = "published"
    PLANNED = "planned"
    OVERLAP = "overlap"
    REGENERATED = "regenerated"
    SWITCHED = "switched"
    FAILED = "failed"
    DUE = "due"
    RETIRES = "retires"


@dataclass(frozen=True, slots=True)
class Marker:
    """Something on a lane: a stretch of time, or a moment (no width)."""

    kind: MarkerKind
    lane: int
    x: float
    title: str
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is drawn, and how wide it is drawn."""

    start: datetime
    end: datetime
    width: float

    def x(self, moment: datetime) -> float:
        """Where a moment is; a moment outside the window is at its edge."""
        share = (moment - self.start) / (self.end - self.start)
        return round(min(1.0, max(0.0, share)) * self.width, 1)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is inside."""
        return self.start <= moment <= self.end


@dataclass(frozen=True, slots=True)
class Drawing:
    """A timeline, ready to be written. `label` says as text what it shows."""

    width: float
    now: float
    bars: tuple[Marker, ...]
    points: tuple[Marker, ...]
    label: str
    ticks: tuple[tuple[float, str], ...] = ()


def around(now: datetime, snapshots: list[Snapshot], *, width: float) -> Window:
    """One window for many resources: now in its middle, and the longest of their periods on either side."""
    periods = [each.due_at - each.published_at for each in snapshots if each.due_at and each.published_at]
    reach = max([timedelta(days=7), *periods]) * 1.05
    return Window(now - reach, now + reach, width)


def whole(now: datetime, snapshot: Snapshot | None, marks: tuple[TimelineMark, ...], *, width: float) -> Window:
    """One resource's window: from its first mark to what lies ahead of it."""
    moments = [now, *(mark.at for mark in marks)]
    if snapshot:
        known = (snapshot.published_at, snapshot.due_at, snapshot.overlap_until, snapshot.retire_after)
        moments += [moment for moment in known if moment]
    start, end = min(moments), max(moments)
    margin = max((end - start) * 0.03, timedelta(minutes=1))
    return Window(start - margin, end + margin, width)


def draw(
    marks: tuple[TimelineMark, ...], snapshot: Snapshot | None, window: Window, now: datetime, *, ticks: int = 0
) -> Drawing:
    """Lay everything out."""
    bars = [*_published(marks, snapshot, window, now), *_ahead(snapshot, window, now)]
    # Failures are drawn last, so that no other point hides them.
    points = [*_future(snapshot, window), *_past(marks, window)]
    points.sort(key=lambda point: point.kind is MarkerKind.FAILED)
    return Drawing(
        width=window.width,
        now=window.x(now),
        bars=tuple(bar for bar in bars if bar.width > 0),
        points=tuple(points),
        label=_label(marks, snapshot, now),
        ticks=_ticks(window, ticks),
    )


def _published(
    marks: tuple[TimelineMark, ...], snapshot: Snapshot | None, window: Window, now: datetime
) -> list[Marker]:
    """When each slot was the published one: from one publication to the next."""
    times = [(mark.at, mark.slot) for mark in marks if mark.slot and mark.publishes]
    if snapshot and snapshot.published_at and snapshot.published_slot:
        # What was observed counts, whatever the history remembers: it is kept short.
        times = [
            *((at, slot) for at, slot in times if at < snapshot.published_at - timedelta(minutes=1)),
            (snapshot.published_at, snapshot.published_slot),
        ]
    ends = [*times, (now, None)]
    return [
        _bar(MarkerKind.PUBLISHED, slot, start, end, window, f"{slot} published from {stamp(start)}")
        for (start, slot), (end, _) in pairwise(ends)
        if slot
    ]


def _ahead(snapshot: Snapshot | None, window: Window, now: datetime) -> list[Marker]:
    if snapshot is None or snapshot.published_at is None or snapshot.published_slot is None:
        return []
    slot, bars = snapshot.published_slot, []
    if due := snapshot.due_at:
        title = f"{slot} stays published until {stamp(due)}"
        bars.append(_bar(MarkerKind.PLANNED, slot, now, due, window, title))
    if end := snapshot.overlap_until:
        title = f"overlap: clients may still hold {slot.other} until {stamp(end)}"
        bars.append(_bar(MarkerKind.OVERLAP, slot.other, snapshot.published_at, end, window, title))
    return bars


def _past(marks: tuple[TimelineMark, ...], window: Window) -> list[Marker]:
    points = []
    for mark in marks:
        if window.holds(mark.at):
            kind, text = _meaning(mark)
            title = f"{mark.slot or ''} {text} {stamp(mark.at)}".strip()
            points.append(_point(kind, mark.slot, mark.at, window, title))
    return points


def _meaning(mark: TimelineMark) -> tuple[MarkerKind, str]:
    if mark.result in {Result.FAILED, Result.UNKNOWN}:
        return MarkerKind.FAILED, mark.result.value.lower()
    match mark.kind:
        case Kind.ROTATE:
            return MarkerKind.REGENERATED, "regenerated"
        case Kind.RETIRE:
            return MarkerKind.REGENERATED, "regenerated to invalidate its old key"
        case Kind.PUBLISH:
            return MarkerKind.SWITCHED, "published as it was"
        case Kind.SALT | None:
            return MarkerKind.SWITCHED, "salt regenerated"
        case _:
            assert_never(mark.kind)


def _future(snapshot: Snapshot | None, window: Window) -> list[Marker]:
    if snapshot is None or snapshot.published_slot is None:
        return []
    other, points = snapshot.published_slot.other, []
    if due := snapshot.due_at:
        points.append(_point(MarkerKind.DUE, other, due, window, f"{other} is due {stamp(due)}"))
    if retire := snapshot.retire_after:
        title = f"the old key of {other} is invalidated {stamp(retire)}"
        points.append(_point(MarkerKind.RETIRES, other, retire, window, title))
    return points


def _bar(kind: MarkerKind, slot: Slot, start: datetime, end: datetime, window: Window, title: str) -> Marker:
    x = window.x(start)
    return Marker(kind, _LANES[slot], x, title, width=round(window.x(end) - x, 1))


def _point(kind: MarkerKind, slot: Slot | None, at: datetime, window: Window, title: str) -> Marker:
    return Marker(kind, _LANES[slot] if slot else 0, window.x(at), title)


def _ticks(window: Window, count: int) -> tuple[tuple[float, str], ...]:
    step = (window.end - window.start) / (count + 1)
    form = "%d %b" if step >= timedelta(days=1) else "%d %b %H:%M" if step >= timedelta(minutes=2) else "%H:%M:%S"
    moments = [window.start + step * number for number in range(1, count + 1)]
    return tuple((window.x(moment), moment.strftime(form).lstrip("0")) for moment in moments)


def _label(marks: tuple[TimelineMark, ...], snapshot: Snapshot | None, now: datetime) -> str:
    rotations = sum(mark.kind is Kind.ROTATE and mark.result is Result.SUCCEEDED for mark in marks)
    failed = sum(mark.result in {Result.FAILED, Result.UNKNOWN} for mark in marks)
    facts = [f"{rotations} rotations and {failed} failures" if marks else "nothing rotated yet"]
    if snapshot and snapshot.published_slot and snapshot.published_at and snapshot.due_at:
        verb = "is" if snapshot.due_at > now else "was"
        facts += [
            f"{snapshot.published_slot} published since {stamp(snapshot.published_at)}",
            f"next rotation {verb} due {stamp(snapshot.due_at)}",
        ]
    return facts[0] + ("; " + ", ".join(facts[1:]) if facts[1:] else "")
