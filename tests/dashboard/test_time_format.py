"""Times as a person says them."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.dashboard.time_format import duration, relative, stamp, took

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (36 * 3600, "36 hours"),
        (48 * 3600, "2 days"),
        (60 * 86_400, "60 days"),
    ],
)
def test_a_length_is_said_in_the_largest_unit_that_holds_two(seconds: int, said: str) -> None:
    assert said == duration(timedelta(seconds=seconds))


def test_a_moment_is_said_from_now() -> None:
    assert ("in 3 days", "3 days ago", "now") == (
        relative(NOW + timedelta(days=3), NOW),
        relative(NOW - timedelta(days=3), NOW),
        relative(NOW, NOW),
    )


def test_a_stamp_has_no_fraction() -> None:
    assert "2026-11-23 07:41:03" == stamp(NOW + timedelta(milliseconds=7))


def test_a_step_that_took_long_is_said_in_minutes() -> None:
    assert ("+0.8 s", "+2 min 5 s", "+0.0 s") == tuple(took(timedelta(seconds=s)) for s in (0.8, 125, -1))
