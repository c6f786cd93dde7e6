"""How often a schedule fires: NCRONTAB as the platform reads it (six fields, or five without seconds), in UTC."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

_FIELDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))  # second, minute, hour, day, month, day of the week
_NAMES = {
    name: number
    for names, first in (("jan feb mar apr may jun jul aug sep oct nov dec", 1), ("sun mon tue wed thu fri sat", 0))
    for number, name in enumerate(names.split(), first)
}
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")
_A_LEAP_YEAR = datetime(2028, 1, 1)  # noqa: DTZ001 - days of the calendar, of no zone
_DAYS = 2 * 366


def longest_gap(schedule: str) -> timedelta | None:
    """The longest time between two firings. None for what cannot be read, and for what never fires twice."""
    try:
        seconds, minutes, hours, days, months, weekdays = _read(schedule)
    except ValueError:
        return None
    times = [timedelta(hours=hour, minutes=minute) for hour in hours for minute in minutes]  # to the minute
    of_a_day = max((later - earlier for earlier, later in pairwise(times)), default=timedelta())
    if len(seconds) > 1:
        of_a_day = max(of_a_day, timedelta(minutes=1))
    fires = [
        day
        for day in (_A_LEAP_YEAR + timedelta(days=number) for number in range(_DAYS))
        if day.day in days and day.month in months and day.isoweekday() % 7 in weekdays
    ]
    gaps = [later + times[0] - earlier - times[-1] for earlier, later in pairwise(fires)]
    return max(of_a_day, *gaps) if gaps else None


def _read(schedule: str) -> list[list[int]]:
    fields = schedule.split()
    if len(fields) == len(_FIELDS) - 1:
        fields = ["0", *fields]
    if len(fields) != len(_FIELDS):
        raise ValueError("five or six fields")
    return [sorted({*_numbers(field, *bounds)}) for field, bounds in zip(fields, _FIELDS, strict=True)]


def _numbers(field: str, lowest: int, highest: int) -> Iterator[int]:
    for text in field.lower().split(","):
        part = _PART.fullmatch(text)
        if part is None:
            raise ValueError("not a number, a range, a step or a star")
        first = _number(part["first"]) if part["first"] else lowest
        open_end = part["first"] is None or (part["step"] is not None and part["last"] is None)
        last = _number(part["last"]) if part["last"] else highest if open_end else first
        step = int(part["step"] or 1)
        if not lowest <= first <= last <= highest + (highest == 6) or step == 0:  # noqa: PLR2004 - Sunday is 0, or 7
            raise ValueError("out of its bounds")
        yield from (number % 7 if highest == 6 else number for number in range(first, last + 1, step))  # noqa: PLR2004 - likewise


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)
