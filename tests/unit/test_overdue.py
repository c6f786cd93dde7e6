"""What is past due by more than the grace, and why."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import events
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.overdue import find_overdue
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)  # a Monday
CHAT = fleet.resource("chat")


@pytest.mark.parametrize(("window", "code"), [("Wed 09:00-12:00 UTC", "OutsideWindow"), ("", "NotRotated")])
def test_a_window_that_does_not_open_within_the_grace_is_the_reason(window: str, code: str) -> None:
    age = timedelta(days=63)
    record = fleet.record("chat", NOW, age=age, snapshot=fleet.snapshot("chat", NOW, age=age, window=window))

    late = find_overdue([CHAT], {CHAT: InventoryEntry.of(record)}, {}, now=NOW, grace=timedelta(hours=48))

    assert [code] == [each.code for each in late]


@pytest.mark.parametrize(
    ("hours_ago", "facts", "codes"),
    [
        pytest.param(49, {}, ["RevocationPending"], id="past the grace"),
        pytest.param(49, {"paused": True}, ["Paused"], id="paused"),
        pytest.param(47, {}, [], id="within the grace"),
        pytest.param(49, {"retires_by_policy": True}, [], id="a replaced key that did not leak"),
    ],
)
def test_a_leaked_key_that_stays_valid_is_overdue(hours_ago: int, facts: dict[str, bool], codes: list[str]) -> None:
    """The rotation itself is not: another key was published a week ago."""
    age, promised = timedelta(days=7), NOW - timedelta(hours=hours_ago)
    snapshot = fleet.snapshot("chat", NOW, age=age, retire_after=promised, **facts)
    record = fleet.record("chat", NOW, age=age, snapshot=snapshot)

    late = find_overdue([CHAT], {CHAT: InventoryEntry.of(record)}, {}, now=NOW, grace=timedelta(hours=48))

    assert codes == [each.code for each in late]
    assert {promised} >= {each.due_at for each in late}


@pytest.mark.parametrize(("stands", "code"), [(True, "RetriesExhausted"), (False, "NotRotated")])
def test_only_a_failure_that_stands_is_the_reason(stands: bool, code: str) -> None:  # noqa: FBT001 - a parameter
    age = timedelta(days=63)
    failure = fleet.failure(NOW - timedelta(days=21), "RetriesExhausted", "could not be worked on for too long")
    past = {"format": 2, "history": (*fleet.rotations(NOW, age), failure), "failing": failure if stands else None}

    entry = InventoryEntry.of(fleet.record("chat", NOW, age=age, **past))
    [late] = find_overdue([CHAT], {CHAT: entry}, {}, now=NOW, grace=timedelta(hours=48))

    told = events.overdue(late).data
    assert entry.last
    assert ("RetriesExhausted", code) == (entry.last.code, told["code"])
    assert (failure.message if stands else None) == told["message"]
