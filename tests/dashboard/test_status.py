"""The status of a resource, and what a person does about it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.dashboard.status import ATTENTION, ResourceStatus, State, status_of
from shared.domain.decision import Code
from shared.domain.errors import KeyReused, ServiceRejectsKeys, Terminal
from shared.domain.inventory_entry import InventoryEntry, Last
from shared.domain.journal import Step
from shared.domain.keys import Slot
from shared.domain.record import Record, Result
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)
GRACE = timedelta(hours=48)
DAY = timedelta(days=1)


def judged(record: Record, *, managed: bool = True) -> ResourceStatus:
    return status_of(InventoryEntry.of(record), NOW, grace=GRACE, managed=managed)


def test_each_of_the_sample_fleet_is_what_its_name_says() -> None:
    states = {record.resource.rpartition("/")[2]: judged(record).state for record in fleet.fleet(NOW)}

    assert {
        "chat-eu": State.FAILED,
        "board-eu": State.FAILED,
        "telemetry": State.OVERDUE,
        "orders": State.INVALID,
        "legacy": State.BLOCKED,
        "presence": State.ROTATING,
        "tracking": State.DUE_SOON,
        "auction": State.REVOKING,
        "archive": State.PAUSED,
        "intranet": State.KEYLESS,
        "brand-new": State.UNSEEN,
    } == {name: state for name, state in states.items() if state is not State.HEALTHY}


def test_the_page_lists_every_state_in_the_order_of_attention() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "dashboard-states.md").read_text()
    rows = re.findall(r"^\| ([A-Z][\w ]+) \| .* \| (yes|no) \|$", page, re.MULTILINE)

    assert [(state.value, "yes" if state in ATTENTION else "no") for state in State] == rows


def test_every_attention_comes_with_something_to_do() -> None:
    calling = [judged(record) for record in fleet.fleet(NOW) if judged(record).needs_attention]

    assert 5 == len(calling)
    assert [] == [status for status in calling if not (status.why and status.to_do)]


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (52.9, State.HEALTHY),
        (53.1, State.DUE_SOON),
        (60.5, State.DUE_SOON),
        (61.9, State.DUE_SOON),
        (62.1, State.OVERDUE),
    ],
)
def test_a_key_grows_from_healthy_to_due_to_overdue(age: float, state: State) -> None:
    assert state is judged(fleet.record("chat", NOW, age=age * DAY)).state


def test_what_is_past_due_within_the_grace_is_left_to_the_next_sweep() -> None:
    assert "due 24 hours ago: the next sweep rotates it" == judged(fleet.record("chat", NOW, age=61 * DAY)).why


# NOW is a Monday.
CLOSED = "Wed 09:00-12:00 UTC"


def in_window(age: float, window: str) -> Record:
    return fleet.record("chat", NOW, age=age * DAY, snapshot=fleet.snapshot("chat", NOW, age=age * DAY, window=window))


def test_what_is_due_says_when_its_window_opens() -> None:
    waits = "due 24 hours ago: it waits for its rotation window, which opens in 2 days"

    assert waits == judged(in_window(61, CLOSED)).why


def test_an_open_window_is_not_waited_for() -> None:
    assert "due 24 hours ago: the next sweep rotates it" == judged(in_window(61, "Mon 00:00-24:00 UTC")).why


def test_what_its_window_makes_overdue_says_so() -> None:
    status = judged(in_window(63, CLOSED))

    assert (State.OVERDUE, "OutsideWindow") == (status.state, status.code)
    assert "its rotation window opens in 2 days" in status.why


def test_a_retry_under_way_is_no_failure_any_more() -> None:
    """An earlier rotation failed; another one runs now."""
    past = (fleet.failure(NOW - DAY, "Unavailable", "no answer"),)
    record = fleet.record("chat", NOW, age=60 * DAY, history=past, journal=fleet.journal(NOW, Slot.SECONDARY))

    assert State.ROTATING is judged(record).state


def test_a_failed_rotation_whose_journal_is_open_is_a_failure() -> None:
    journal = fleet.journal(NOW, Slot.SECONDARY)
    past = (fleet.failure(NOW, "NotPermitted", "no right", rotation_id=journal.rotation_id),)
    record = fleet.record("chat", NOW, age=60 * DAY, history=past, journal=journal)

    assert State.FAILED is judged(record).state


def test_an_unknown_salt_needs_a_person() -> None:
    past = (fleet.failure(NOW, "SaltOutcomeUnknown", "lost", result="Unknown"),)

    assert State.FAILED is judged(fleet.record("chat", NOW, age=DAY, history=past)).state


def test_a_code_that_nobody_foresaw_still_says_where_to_look() -> None:
    past = (fleet.failure(NOW, "SomethingNew", "hm"),)

    assert "Look up its rotation id in the log." == judged(fleet.record("chat", NOW, age=DAY, history=past)).to_do


def invalid(**facts: object) -> Record:
    snapshot = fleet.snapshot("chat", NOW, age=DAY, slot=None)
    return fleet.record("chat", NOW, age=DAY, snapshot=snapshot, **facts)


def test_an_invalid_key_is_the_most_urgent_state() -> None:
    assert (State.INVALID, 0) == (judged(invalid()).state, judged(invalid()).state.urgency)


def test_a_failure_does_not_hide_that_clients_are_rejected_now() -> None:
    past = (fleet.failure(NOW, "NotPermitted", "no permission"),)

    assert State.INVALID is judged(invalid(history=past)).state


def test_a_value_that_is_not_ours_is_not_judged_as_a_key_of_ours() -> None:
    past = (fleet.failure(NOW, "SecretNotOwned", "it is of another service"),)

    assert State.FAILED is judged(invalid(history=past)).state


def test_a_resource_in_change_is_blocked() -> None:
    snapshot = fleet.snapshot("chat", NOW, age=DAY, provisioning_state="Updating")
    status = judged(fleet.record("chat", NOW, age=DAY, snapshot=snapshot))

    assert (State.BLOCKED, Code.NOT_READY) == (status.state, status.code)


def test_what_is_seen_but_not_published_awaits_adoption() -> None:
    snapshot = fleet.snapshot(
        "chat", NOW, age=DAY, slot=None, version=None, fingerprint=None, published_at=None, due_at=None
    )

    assert State.UNSEEN is judged(fleet.record("chat", NOW, age=DAY, snapshot=snapshot, history=())).state


def test_who_is_not_managed_calls_for_nothing() -> None:
    status = judged(fleet.record("chat", NOW, age=300 * DAY), managed=False)

    assert (State.LEFT, False) == (status.state, status.needs_attention)


def test_a_rotation_under_way_says_its_last_step() -> None:
    journal = fleet.journal(NOW, Slot.SECONDARY, Step.PLANNED)

    assert "last step: planned" in judged(fleet.record("chat", NOW, age=60 * DAY, journal=journal)).why


@pytest.mark.parametrize("error", [each for each in Terminal.__subclasses__() if each is not KeyReused])
def test_each_failure_comes_with_what_to_do(error: type[Terminal]) -> None:
    last = Last(rotation_id="id", result=Result.FAILED, code=error.code, message="why", ended_at=NOW)
    entry = InventoryEntry(resource=fleet.fleet(NOW)[0].resource, format=2, last=last, failing=last)

    status = status_of(entry, NOW, grace=GRACE)

    state = State.INVALID if error is ServiceRejectsKeys else State.FAILED  # clients are rejected now
    assert (state, error.code) == (status.state, status.code)
    assert "Look up its rotation id in the log." != status.to_do


@pytest.mark.parametrize(
    ("hours", "state", "why"),
    [
        (9, State.REVOKING, "until 2026-11-23 16:41:03 UTC, in 9 hours: the leaked key stays valid until then"),
        (-1, State.REVOKING, "a leaked key is valid until the next sweep, which invalidates it"),
        (-49, State.OVERDUE, "a leaked key was to be invalidated 2 days ago, and is still valid"),
    ],
)
def test_while_a_leaked_key_is_valid_nothing_is_healthy(hours: int, state: State, why: str) -> None:
    snapshot = fleet.snapshot("chat", NOW, age=DAY, retire_after=NOW + timedelta(hours=hours))

    status = judged(fleet.record("chat", NOW, age=DAY, snapshot=snapshot))

    assert (state, why) == (status.state, status.why)


@pytest.mark.parametrize(
    ("hours", "state", "why"),
    [
        (9, State.PAUSED, "a leaked key stays valid for as long, also after 2026-11-23 16:41:03 UTC"),
        (-49, State.OVERDUE, "a leaked key that was to be invalidated 2 days ago is still valid"),
    ],
)
def test_a_pause_does_not_hide_that_a_leaked_key_is_valid(hours: int, state: State, why: str) -> None:
    snapshot = fleet.snapshot("chat", NOW, age=DAY, retire_after=NOW + timedelta(hours=hours), paused=True)

    status = judged(fleet.record("chat", NOW, age=DAY, snapshot=snapshot))

    assert state is status.state
    assert why in status.why


def paused(slot: Slot | None = None, age: timedelta = DAY, **facts: object) -> Record:
    snapshot = fleet.snapshot("chat", NOW, age=age, slot=slot, paused=True)
    changes = {name: facts.pop(name) for name in ("local_auth_disabled", "retire_after") if name in facts}
    return fleet.record("chat", NOW, age=age, snapshot=snapshot.model_copy(update=changes), **facts)


REJECTED = (fleet.failure(NOW, "ServiceRejectsKeys", "SignalR rejects the key"),)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (paused(), "the published value is not a valid key: clients that read it get 401."),
        (paused(retire_after=NOW - 3 * DAY), "the published value is not a valid key: clients that read it get 401."),
        (paused(Slot.PRIMARY, history=REJECTED), "SignalR rejects the published key: clients that read it get 401."),
    ],
)
def test_a_pause_does_not_hide_that_clients_are_rejected_and_nothing_is_repaired(record: Record, why: str) -> None:
    status = judged(record)

    assert (State.INVALID, Code.PAUSED, True) == (status.state, status.code, status.needs_attention)
    assert f"{why} Nothing is repaired, for its tag key-rotation is set to paused" == status.why
    assert "Set the tag to enabled." == status.to_do
    assert "get 401 until the tag is enabled again" in status.guide.clients


@pytest.mark.parametrize(
    "record",
    [
        paused(Slot.PRIMARY),
        paused(Slot.PRIMARY, history=(fleet.failure(NOW, "NotPermitted", "no permission"),)),
        paused(history=(fleet.failure(NOW, "SecretNotOwned", "it is of another service"),)),
        paused(local_auth_disabled=True),
        paused(Slot.PRIMARY, local_auth_disabled=True, history=REJECTED),
    ],
)
def test_what_is_paused_and_rejects_no_client_is_only_paused(record: Record) -> None:
    assert (State.PAUSED, False) == (judged(record).state, judged(record).needs_attention)


def on_hold(record: Record) -> ResourceStatus:
    return status_of(InventoryEntry.of(record), NOW, grace=GRACE, on_hold=True)


def test_what_is_due_waits_for_the_end_of_a_hold() -> None:
    due, late = (on_hold(fleet.record("chat", NOW, age=age * DAY)) for age in (61, 63))

    assert (State.DUE_SOON, "due 24 hours ago: it waits, for scheduled rotations are on hold") == (due.state, due.why)
    assert (State.OVERDUE, Code.ON_HOLD) == (late.state, late.code)
    assert "due 3 days ago, and no sweep has rotated it: scheduled rotations are on hold" == late.why
    assert "Rotate it now, or resume scheduled rotations." == late.to_do


def test_a_hold_says_nothing_of_what_it_does_not_keep_back() -> None:
    records = [fleet.record("chat", NOW, age=age * DAY) for age in (3, 56)]
    records += [in_window(61, CLOSED), in_window(63, CLOSED), invalid(), paused(Slot.PRIMARY, age=70 * DAY)]

    assert [judged(record) for record in records] == [on_hold(record) for record in records]
