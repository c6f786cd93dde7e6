"""Rotation windows, held against an oracle that asks a clock on the wall minute by minute."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.rotation_window import rotation_window

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# West and east, both hemispheres, half an hour, and a day that begins at half past eleven.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
YEARS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
MINUTES = (YEARS[1] - YEARS[0]) // timedelta(minutes=1)
MINUTE = timedelta(minutes=1)


@cache
def changes(zone: str) -> list[int]:
    """The minutes, counted from the first, at which the clock is put forward or back."""
    offsets = [
        (YEARS[0] + timedelta(hours=hour)).astimezone(ZoneInfo(zone)).utcoffset() for hour in range(MINUTES // 60)
    ]
    return [60 * hour for hour in range(1, len(offsets)) if offsets[hour] != offsets[hour - 1]]


type Window = tuple[frozenset[int], int, int]


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """Any minute of the two years; every other time one in the days around a change of the clock."""
    near = [max(0, change + draw(st.integers(-9 * 1440, 1440))) for change in changes(zone)]
    anywhere = st.integers(0, MINUTES - 1)
    minute = draw(st.one_of(anywhere, st.sampled_from(near)) if near else anywhere)
    return YEARS[0] + minute * MINUTE + timedelta(seconds=draw(st.sampled_from((0, 0, 30.5))))


times = st.one_of(st.integers(0, 1439), st.integers(90, 210))  # clocks change at two or three in the night
windows = st.tuples(st.frozensets(st.integers(0, 6), min_size=1), times, times).filter(lambda each: each[1] != each[2])


def written(window: Window, zone: str) -> str:
    days, opens, closes = window
    clock = [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (opens, closes)]
    return f"{','.join(DAYS[day] for day in sorted(days))} {clock[0]}-{clock[1]} {zone}"


def shows(window: Window, zone: str, now: datetime) -> bool:
    """The oracle: what the clock on the wall shows is in the window."""
    days, opens, closes = window
    wall = now.astimezone(ZoneInfo(zone))
    minute, day = wall.hour * 60 + wall.minute, wall.weekday()
    if opens < closes:
        return day in days and opens <= minute < closes
    return (day in days and minute >= opens) or ((day - 1) % 7 in days and minute < closes)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[Window], datetime]:
    zone = draw(st.sampled_from(ZONES))
    return zone, draw(st.lists(windows, min_size=1, max_size=3)), draw(moments(zone))


@settings(max_examples=250, deadline=None, database=None, derandomize=True)
@given(case=cases())
def test_a_window_opens_when_the_clock_says_so(case: tuple[str, list[Window], datetime]) -> None:
    zone, made, now = case
    read = rotation_window("; ".join(written(each, zone) for each in made))

    moment = now if any(shows(each, zone, now) for each in made) else now.replace(second=0, microsecond=0)
    while not any(shows(each, zone, moment) for each in made):
        moment += MINUTE

    assert (moment == now) is read.is_open(now)
    assert (None if moment == now else moment) == read.opens_at(now)


@pytest.mark.parametrize(
    ("text", "now", "opens"),
    [
        ("Mon-Thu 09:00-16:00 Europe/Berlin", "2026-06-05T12:00", "2026-06-08T07:00"),
        ("Mon-Thu 09:00-16:00 Europe/Berlin", "2026-12-04T12:00", "2026-12-07T08:00"),
        ("Sat 22:00-04:00 UTC", "2026-06-07T03:59", None),
        ("Sat 22:00-04:00 UTC", "2026-06-07T04:00", "2026-06-13T22:00"),
        ("Sat-Mon 00:00-24:00 UTC", "2026-06-08T23:59", None),
        ("Sat-Mon 00:00-24:00 UTC", "2026-06-09T00:00", "2026-06-13T00:00"),
        ("Mon 09:00-10:00 UTC; Fri 09:00-10:00 Asia/Kolkata", "2026-06-02T00:00", "2026-06-05T03:30"),
        # Berlin, 29 March 2026: 02:00 becomes 03:00.
        ("Sun 02:30-04:00 Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("Sun 02:15-02:45 Europe/Berlin", "2026-03-29T00:00", "2026-04-05T00:15"),
        # Berlin, 25 October 2026: 03:00 becomes 02:00 again.
        ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T00:00", "2026-10-25T00:15"),
        ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T00:50", "2026-10-25T01:15"),
    ],
)
def test_examples(text: str, now: str, opens: str | None) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)

    expected = datetime.fromisoformat(opens).replace(tzinfo=UTC) if opens else None
    assert expected == rotation_window(text).opens_at(moment)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "Mon-Thu 09:00-16:00 Europe/Berlin"),
        ("09:00-16:00", "not a window"),
        ("Mon-Thu 09:00-16:00", "not a window"),
        ("Mo-Do 09:00-16:00 UTC", "not days"),
        ("Mon- 09:00-16:00 UTC", "not days"),
        ("Mon 9:00-16:00 UTC", "not a window"),
        ("Mon 09:60-16:00 UTC", "not a time"),
        ("Mon 09:00-25:00 UTC", "not a time"),
        ("Mon 09:00-09:00 UTC", "00:00-24:00"),
        ("Mon 24:00-04:00 UTC", "00:00-24:00"),
        ("Mon 09:00-16:00 Europe/Bielefeld", "IANA"),
        ("Mon 09:00-16:00 Europe", "IANA"),
        ("Mon 09:00-16:00 /etc/passwd", "IANA"),
        ("; ".join(["Mon 09:00-16:00 Europe/Berlin"] * 9), "256 characters"),
    ],
)
def test_what_is_no_window_is_refused_with_what_is_allowed(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        rotation_window(text)
