"""Moments and durations as text for a person. All times are UTC, and are shown so."""

from datetime import datetime, timedelta

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_PREFER_FROM = 2  # "36 hours" tells more than "1 day"


def duration(length: timedelta) -> str:
    """A length of time in the largest unit that holds at least two of it: "36 hours", "12 days", "1 second"."""
    seconds = abs(length.total_seconds())
    for name, size in _UNITS:
        if seconds >= _PREFER_FROM * size or size == 1:
            count = int(seconds // size)
            return f"{count} {name}" + ("" if count == 1 else "s")
    raise AssertionError("the last unit always fits")


def relative(moment: datetime, now: datetime) -> str:
    """A moment relative to now: "in 12 days", "3 hours ago", "now" within a second."""
    if abs(moment - now) < timedelta(seconds=1):
        return "now"
    return f"in {duration(moment - now)}" if moment > now else f"{duration(now - moment)} ago"


def stamp(moment: datetime) -> str:
    """A moment to the second: `2026-11-23 07:32:01`."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def took(length: timedelta) -> str:
    """How long a step took: `+0.8 s`, `+2 min 5 s`."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 60:  # noqa: PLR2004 - a minute's seconds
        return f"+{seconds:.1f} s"
    return f"+{int(seconds // 60)} min {int(seconds % 60)} s"
