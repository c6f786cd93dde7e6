"""How often a schedule fires."""

from datetime import timedelta

import pytest

from shared.domain.schedule import longest_gap

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ("0 7 * * * *", HOUR),
        ("7 * * * *", HOUR),
        ("0 */15 * * * *", timedelta(minutes=15)),
        ("* * * * * *", timedelta(minutes=1)),
        ("0 0 */6 * * *", 6 * HOUR),
        ("0 30 4 * * *", DAY),
        ("0 0 8-18 * * Mon-Fri", 2 * DAY + 14 * HOUR),
        ("0 0 6 * * 1,4", 4 * DAY),
        ("0 0 6 * * 7", 7 * DAY),
        ("0 0 0 1 * *", 31 * DAY),
        ("0 0 0 1 Jan *", 366 * DAY),
    ],
)
def test_longest_gap_is_between_two_firings(schedule: str, gap: timedelta) -> None:
    assert gap == longest_gap(schedule)


@pytest.mark.parametrize("schedule", ["", "hourly", "01:00:00", "0 61 * * * *", "0 */0 * * * *", "0 0 0 31 2 *"])
def test_what_cannot_be_read_or_never_fires_has_none(schedule: str) -> None:
    assert longest_gap(schedule) is None
