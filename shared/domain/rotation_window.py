"""When scheduled rotations may begin: windows of the week, by the local time of a place. Pure.

`Mon-Thu 09:00-16:00 Europe/Berlin; Sat 22:00-04:00 UTC`: open whenever a clock on the wall there shows a time in one of
them. Over midnight a window belongs to the day on which it begins. Where the clock is put forward over its beginning,
it opens at that moment, and not at all if it is skipped as a whole; what the clock shows twice is open twice.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EXAMPLE = "Mon-Thu 09:00-16:00 Europe/Berlin"
ALLOWED = f"days, from-to and an IANA time zone, such as {EXAMPLE!r}; several are separated by ';'"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(?P<days>[A-Za-z,-]+)\s+(?P<opens>\d\d:\d\d)\s*-\s*(?P<closes>\d\d:\d\d)\s+(?P<zone>[\w+/-]+)")
_LONGEST_TEXT = 256  # a tag's value holds no more
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_HORIZON = timedelta(days=22)  # a weekly window can be skipped twice at most, where the clock is put forward


@dataclass(frozen=True, slots=True)
class _Window:
    """One window: the days on which it opens (0: Monday), and when it opens and closes, counted from their midnight."""

    days: frozenset[int]
    opens: timedelta
    closes: timedelta
    zone: ZoneInfo

    def holds(self, now: datetime) -> bool:
        """Whether it is open."""
        shown = now.astimezone(self.zone).replace(tzinfo=None)
        return any(start <= shown < end for start, end in self._between(shown, shown))

    def next(self, now: datetime) -> datetime:
        """When it opens next (UTC), of a window that is closed now."""
        for begin, end, offset in _stretches(self.zone, now):
            first, last = begin + offset, end + offset
            for start, stop in self._between(first, last):
                if (opens := max(start, first)) < min(stop, last):
                    return (opens - offset).replace(tzinfo=UTC)
        raise AssertionError(f"{self} never opens")

    def _between(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Those that begin on the day before `first`, to the day of `last`: from when to when, in local time."""
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0) - _DAY
        while midnight <= last:
            if midnight.weekday() in self.days:
                yield midnight + self.opens, midnight + self.closes
            midnight += _DAY


@dataclass(frozen=True, slots=True)
class RotationWindow:
    """The windows of one resource, as they were written (`text`)."""

    text: str
    _windows: tuple[_Window, ...]

    def is_open(self, now: datetime) -> bool:
        """Whether one of them is open."""
        return any(window.holds(now) for window in self._windows)

    def opens_at(self, now: datetime) -> datetime | None:
        """When one of them opens next (UTC); None while one is open."""
        return None if self.is_open(now) else min(window.next(now) for window in self._windows)


@lru_cache(maxsize=256)
def rotation_window(text: str) -> RotationWindow:
    """Read windows. Raises `ValueError` that says what is wrong."""
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if not parts or len(text) > _LONGEST_TEXT:
        raise ValueError(f"expected at most {_LONGEST_TEXT} characters: {ALLOWED}")
    return RotationWindow("; ".join(parts), tuple(map(_window, parts)))


def _window(text: str) -> _Window:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"not a window: {text!r}; expected {ALLOWED}")
    opens, closes = _time(match["opens"]), _time(match["closes"])
    if opens in {closes, _DAY}:
        raise ValueError(f"{text!r} begins when it ends; the whole day is 00:00-24:00")
    return _Window(
        days=frozenset(_days(match["days"])),
        opens=opens,
        closes=closes if opens < closes else closes + _DAY,
        zone=_zone(match["zone"]),
    )


def _days(text: str) -> Iterator[int]:
    for part in text.lower().split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"not days: {text!r}; expected such as Mon, Mon-Thu or Mon,Wed,Fri")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        yield from (day % 7 for day in range(begin, (end if begin <= end else end + 7) + 1))


def _time(text: str) -> timedelta:
    hour, minute = map(int, text.split(":"))
    time = timedelta(hours=hour, minutes=minute)
    if minute > 59 or time > _DAY:  # noqa: PLR2004 - a clock's minutes
        raise ValueError(f"not a time: {text!r}; expected 00:00 to 24:00")
    return time


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (
        ValueError,
        OSError,
        KeyError,
    ):  # a folder of the database, a name that would lead out of it, an unknown one
        raise ValueError(f"not a time zone: {name!r}; expected an IANA name such as Europe/Berlin or UTC") from None


def _stretches(zone: ZoneInfo, now: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The time ahead (UTC, written without a zone) in stretches in which the place has one offset, and that offset."""

    def offset(moment: datetime) -> timedelta:
        return moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()

    def changed(begin: datetime, minutes: int) -> bool:
        return offset(begin + minutes * _MINUTE) != offset(begin)

    # Offsets change, and windows open, at full minutes.
    begin = now.astimezone(UTC).replace(tzinfo=None, second=0, microsecond=0)
    until = begin + _HORIZON
    while begin < until:
        end, before = begin + _DAY, offset(begin)
        if offset(end) != before:
            end = begin + _MINUTE * bisect_left(range(_DAY // _MINUTE), 1, key=lambda m: changed(begin, m))
        yield begin, end, before
        begin = end
