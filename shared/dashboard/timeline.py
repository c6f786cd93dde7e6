"""The life of one resource's two keys, drawn: a lane per slot, on an axis of time.

Pure geometry, in the units of an SVG view box; the template only writes it down. On each lane: when its key was
renewed, when it was the published one, the overlap in which clients may still hold it, when it is due, what failed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from shared.dashboard.time_format import stamp
from shared.domain.inventory_entry import TimelineMark
from shared.domain.keys import Slot
from shared.domain.record import Kind, Result
from shared.domain.snapshot import Snapshot

_LANES = {Slot.PRIMARY: 0, Slot.SECONDARY: 1}


class MarkerKind(StrEnum):
    """What a shape stands for; also its style."""

    PUBLISHED = "published"
    PLANNED = "planned"
    OVERLAP = "overlap"
    RENEWED = "renewed"
    SWITCHED = "switched"
    FAILED = "failed"
    DUE = "due"
    RETIRES = "retires"


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time on a lane."""

    sort: MarkerKind
    lane: int
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Point:
    """A moment on a lane."""

    sort: MarkerKind
    lane: int
    x: float
    title: str


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is drawn, and how wide it is drawn."""

    start: datetime
    end: datetime
    width: float

    def x(self, moment: datetime) -> float:
        """Where a moment is; what lies outside the window is at its edge."""
        share = (moment - self.start) / (self.end - self.start)
        return round(min(1.0, max(0.0, share)) * self.width, 1)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is inside."""
        return self.start <= moment <= self.end


@dataclass(frozen=True, slots=True)
class Drawing:
    """A timeline, ready to be written down. `label` says in words what it shows."""

    width: float
    now: float
    bars: tuple[Bar, ...]
    points: tuple[Point, ...]
    label: str
    ticks: tuple[tuple[float, str], ...] = ()


def around(now: datetime, snapshots: list[Snapshot], *, width: float) -> Window:
    """One window for many resources: now in its middle, and the longest of their periods on either side."""
    periods = [
        snapshot.due_at - snapshot.published_at for snapshot in snapshots if snapshot.due_at and snapshot.published_at
    ]
    reach = max([timedelta(days=7), *periods]) * 1.05
    return Window(now - reach, now + reach, width)


def whole(now: datetime, snapshot: Snapshot | None, marks: tuple[TimelineMark, ...], *, width: float) -> Window:
    """One resource's window: from its first mark to what lies ahead of it."""
    moments = [now, *(mark.at for mark in marks)]
    if snapshot:
        moments += [
            moment
            for moment in (snapshot.published_at, snapshot.due_at, snapshot.overlap_until, snapshot.retire_after)
            if moment
        ]
    start, end = min(moments), max(moments)
    margin = max((end - start) * 0.03, timedelta(minutes=1))
    return Window(start - margin, end + margin, width)


def draw(
    marks: tuple[TimelineMark, ...], snapshot: Snapshot | None, window: Window, now: datetime, *, ticks: int = 0
) -> Drawing:
    """Lay everything out."""
    bars = [*_published(marks, snapshot, window, now), *_ahead(snapshot, window, now)]
    # What failed is drawn last: nothing may hide it.
    points = sorted(
        [*_future(snapshot, window), *_past(marks, window)], key=lambda point: point.sort is MarkerKind.FAILED
    )
    return Drawing(
        width=window.width,
        now=window.x(now),
        bars=tuple(bar for bar in bars if bar.width > 0),
        points=tuple(points),
        label=_label(marks, snapshot, now),
        ticks=_ticks(window, ticks),
    )


def _published(marks: tuple[TimelineMark, ...], snapshot: Snapshot | None, window: Window, now: datetime) -> list[Bar]:
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


def _ahead(snapshot: Snapshot | None, window: Window, now: datetime) -> list[Bar]:
    if snapshot is None or snapshot.published_at is None or snapshot.published_slot is None:
        return []
    bars = []
    if snapshot.due_at:
        title = f"{snapshot.published_slot} stays published until {stamp(snapshot.due_at)}"
        bars.append(_bar(MarkerKind.PLANNED, snapshot.published_slot, now, snapshot.due_at, window, title))
    if snapshot.overlap_until:
        title = f"overlap: clients may still hold {snapshot.published_slot.other} until {stamp(snapshot.overlap_until)}"
        bars.append(
            _bar(
                MarkerKind.OVERLAP,
                snapshot.published_slot.other,
                snapshot.published_at,
                snapshot.overlap_until,
                window,
                title,
            )
        )
    return bars


def _past(marks: tuple[TimelineMark, ...], window: Window) -> list[Point]:
    points = []
    for mark in marks:
        if mark.result in {Result.FAILED, Result.UNKNOWN}:
            sort, said = MarkerKind.FAILED, f"{mark.result.value.lower()}"
        elif mark.kind in {Kind.ROTATE, Kind.RETIRE}:
            sort, said = MarkerKind.RENEWED, "renewed" if mark.kind is Kind.ROTATE else "renewed to retire its old key"
        else:
            sort, said = MarkerKind.SWITCHED, "published as it was" if mark.kind is Kind.PUBLISH else "salt renewed"
        if window.holds(mark.at):
            points.append(
                _point(sort, mark.slot, mark.at, window, f"{mark.slot or ''} {said} {stamp(mark.at)}".strip())
            )
    return points


def _future(snapshot: Snapshot | None, window: Window) -> list[Point]:
    if snapshot is None or snapshot.published_slot is None:
        return []
    other, points = snapshot.published_slot.other, []
    if snapshot.due_at:
        points.append(
            _point(MarkerKind.DUE, other, snapshot.due_at, window, f"{other} is due {stamp(snapshot.due_at)}")
        )
    if snapshot.retire_after:
        title = f"the old key of {other} is made worthless {stamp(snapshot.retire_after)}"
        points.append(_point(MarkerKind.RETIRES, other, snapshot.retire_after, window, title))
    return points


def _bar(sort: MarkerKind, slot: Slot, start: datetime, end: datetime, window: Window, title: str) -> Bar:
    x = window.x(start)
    return Bar(sort, _LANES[slot], x, round(window.x(end) - x, 1), title)


def _point(sort: MarkerKind, slot: Slot | None, at: datetime, window: Window, title: str) -> Point:
    return Point(sort, _LANES[slot] if slot else 0, window.x(at), title)


def _ticks(window: Window, count: int) -> tuple[tuple[float, str], ...]:
    step = (window.end - window.start) / (count + 1)
    form = "%d %b" if step >= timedelta(days=1) else "%d %b %H:%M" if step >= timedelta(minutes=2) else "%H:%M:%S"
    moments = [window.start + step * number for number in range(1, count + 1)]
    return tuple((window.x(moment), moment.strftime(form).lstrip("0")) for moment in moments)


def _label(marks: tuple[TimelineMark, ...], snapshot: Snapshot | None, now: datetime) -> str:
    renewed = sum(mark.kind is Kind.ROTATE and mark.result is Result.SUCCEEDED for mark in marks)
    failed = sum(mark.result in {Result.FAILED, Result.UNKNOWN} for mark in marks)
    said = [f"{renewed} rotations and {failed} failures" if marks else "nothing rotated yet"]
    if snapshot and snapshot.published_slot and snapshot.published_at and snapshot.due_at:
        verb = "is" if snapshot.due_at > now else "was"
        said += [
            f"{snapshot.published_slot} published since {stamp(snapshot.published_at)}",
            f"next rotation {verb} due {stamp(snapshot.due_at)}",
        ]
    return said[0] + ("; " + ", ".join(said[1:]) if said[1:] else "")
