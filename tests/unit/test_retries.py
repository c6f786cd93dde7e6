"""When a message that met an error is attempted again, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import Busy, Retryable, Throttled, Unavailable
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import ResourceId
from shared.rotation.retries import backoff_seconds, next_attempt

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(**known: object) -> WorkItem:
    resource = str(ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", "chat"))
    facts = {"rotation_id": "1", "resource": resource, "mode": Mode.ROTATE, "trigger": "http", "requested_at": NOW}
    return WorkItem.model_validate(facts | known)


@pytest.mark.parametrize(
    ("error", "attempts", "least", "most"),
    [
        (Unavailable("no answer"), 0, 30, 37.5),
        (Unavailable("no answer"), 1, 60, 75),
        (Unavailable("no answer"), 3, 240, 300),
        (Unavailable("no answer"), 9, 480, 600),
        (Unavailable("no answer"), 4000, 480, 600),
        (Unavailable("in a minute", retry_after=60), 0, 60, 75),
        (Throttled("429", retry_after=1), 0, 1, 1.25),
        (Throttled("429", retry_after=1), 6, 64, 80),
        (Throttled("429"), 0, 15, 18.75),
        (Throttled("429", retry_after=1800), 0, 1800, 2250),
        (Busy("another run", retry_after=10), 1, 20, 25),
    ],
)
def test_waits_double_up_to_ten_minutes_and_are_never_shorter_than_was_asked(
    error: Retryable, attempts: int, least: float, most: float
) -> None:
    waits = [backoff_seconds(error, attempts) for _ in range(50)]

    assert all(least <= wait <= most for wait in waits), waits


def test_waits_differ_from_message_to_message() -> None:
    assert 1 < len({backoff_seconds(Unavailable("no answer"), 0) for _ in range(20)})


@pytest.mark.parametrize(
    ("error", "hours", "again"),
    [
        (Unavailable("no answer"), 0.99, True),
        (Unavailable("no answer"), 1.01, False),
        (Busy("another run"), 1.01, False),
        (Throttled("429"), 1.01, True),
        (Throttled("429"), 11.99, True),
        (Throttled("429"), 12.01, False),
    ],
)
def test_patience_is_an_hour_and_twelve_for_the_rate_limit(error: Retryable, hours: float, again: bool) -> None:  # noqa: FBT001 - a row of the table
    retry = next_attempt(item(), error, requested_at=NOW, now=NOW + hours * HOUR)

    assert again == (retry is not None)


def test_hours_in_line_use_up_no_patience_with_anything_else() -> None:
    """Five hours of 429, then one 503: that is a blip, and not the end."""
    at = NOW + 5 * HOUR
    waited = next_attempt(item(), Throttled("429"), requested_at=NOW, now=at)
    assert waited

    assert next_attempt(waited.message, Unavailable("no answer"), requested_at=NOW, now=at + HOUR / 2)


def test_a_wait_beyond_patience_ends_with_it() -> None:
    retry = next_attempt(item(), Unavailable("tomorrow", retry_after=86400), requested_at=NOW, now=NOW + HOUR / 2)

    assert retry
    assert HOUR / 2 == retry.delay


def test_each_attempt_is_counted() -> None:
    message = item()
    for _ in range(3):
        retry = next_attempt(message, Unavailable("no answer"), requested_at=NOW, now=NOW)
        assert retry
        message = retry.message

    assert 3 == message.attempts
