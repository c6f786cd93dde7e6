"""Waves and the hold: what the shared state says may be rotated, and when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.domain.decision import Code
from shared.domain.inventory_entry import InventoryEntry, Last
from shared.domain.record import Result
from shared.domain.resources import ResourceId
from shared.domain.rollout import (
    ALL_AT_ONCE,
    HELD_FOR,
    LONGEST_WAVE,
    FailedRotation,
    Resumption,
    RolloutState,
    Waves,
    awaits_rotation,
)
from shared.domain.snapshot import Snapshot

NOW = datetime(2026, 6, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WAVES = Waves.parse("1,10%,100%", QUARTER)

type Known = dict[ResourceId, InventoryEntry | None]


def named(number: int) -> ResourceId:
    return ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", f"chat{number}")


def entry(
    resource: ResourceId, *, due: timedelta = timedelta(), failing: bool = False, **more: object
) -> InventoryEntry:
    snapshot = Snapshot(
        secret_name="chat",  # noqa: S106 - a name
        vault_url="https://vault",
        provisioning_state="Succeeded",
        due_at=NOW + due,
    ).model_copy(update=more)
    failed = Last(rotation_id="id", result=Result.FAILED, code="KeyUnchanged", ended_at=NOW) if failing else None
    return InventoryEntry(resource=str(resource), format=2, snapshot=snapshot, failing=failed)


def fleet(size: int) -> Known:
    """So many resources that are due."""
    return {each: entry(each) for each in map(named, range(size))}


def rotated(known: Known, state: RolloutState) -> Known:
    """What is left of it once all that may be rotated is."""
    later = timedelta(days=60)
    return {each: entry(each, due=timedelta() if state.standstill(each, NOW) else later) for each in known}


def planned(state: RolloutState, known: Known, *, after: timedelta = timedelta(), waves: Waves = WAVES) -> RolloutState:
    return state.planned(known, waves, now=NOW + after, rollout_id="rollout")


def free(state: RolloutState, known: Known) -> int:
    """How many may be rotated."""
    return sum(state.standstill(each, NOW) is None for each in known)


def failure(number: int) -> FailedRotation:
    return FailedRotation(
        resource=str(named(number)), rotation_id="id", code="KeyUnchanged", message="same key", at=NOW
    )


def failed(*numbers: int) -> RolloutState:
    state = RolloutState()
    for number in numbers:
        state = state.with_failure(failure(number), NOW)
    return state


# -- waves


def test_a_large_fleet_is_released_one_then_a_tenth_then_all() -> None:
    known, state, seen = fleet(30), RolloutState(), []
    for wave in range(3):
        state = planned(state, known, after=wave * QUARTER)
        seen.append(free(state, known))
        known = rotated(known, state)

    assert [1, 3, 30] == seen
    assert state.rollout is None


def test_ten_resources_need_no_waves() -> None:
    assert [10, 1] == [free(planned(RolloutState(), fleet(size)), fleet(size)) for size in (10, 11)]


def test_one_wave_is_all_at_once() -> None:
    assert RolloutState() == planned(RolloutState(), fleet(30), waves=ALL_AT_ONCE)


def test_waves_end_where_the_setting_asks_for_none_any_more() -> None:
    begun = planned(RolloutState(), fleet(30))

    assert 30 == free(planned(begun, fleet(30), waves=ALL_AT_ONCE), fleet(30))


def test_the_next_wave_waits_for_the_interval() -> None:
    known = fleet(30)
    begun = planned(RolloutState(), known)
    left = rotated(known, begun)

    assert begun == planned(begun, left, after=QUARTER / 2)


def test_the_next_wave_waits_for_the_end_of_the_one_before() -> None:
    known = fleet(30)
    begun = planned(RolloutState(), known)

    assert begun == planned(begun, known, after=QUARTER)


def test_what_never_ends_keeps_the_others_waiting_no_longer_than_two_hours() -> None:
    known = fleet(30)
    begun = planned(RolloutState(), known)

    assert free(planned(begun, known, after=LONGEST_WAVE), known) > 1


def test_a_failed_resource_has_ended() -> None:
    known = fleet(30)
    begun = planned(RolloutState(), known)
    ended = {each: entry(each, failing=begun.standstill(each, NOW) is None) for each in known}

    assert 3 == free(planned(begun, ended, after=QUARTER), known)


def test_another_rollout_begins_with_another_resource() -> None:
    known = fleet(30)
    first = {
        next(each for each in known if not state.standstill(each, NOW))
        for state in (RolloutState().planned(known, WAVES, now=NOW, rollout_id=str(number)) for number in range(20))
    }

    assert len(first) > 1


def test_what_is_released_stays_so_while_others_come() -> None:
    known = fleet(30)
    begun = planned(RolloutState(), known)
    more = {**rotated(known, begun), **{each: entry(each) for each in map(named, range(30, 60))}}
    second = planned(begun, more, after=QUARTER)

    assert {each for each in known if not begun.standstill(each, NOW)} <= {
        each for each in known if not second.standstill(each, NOW)
    }


@pytest.mark.parametrize(
    ("awaits", "of"),
    [
        (True, None),
        (True, InventoryEntry(resource=str(named(1)))),
        (True, entry(named(1))),
        (False, entry(named(1), due=timedelta(hours=1))),
        (False, entry(named(1), failing=True)),
        (False, entry(named(1), paused=True)),
        (False, entry(named(1), unknown_word=True)),
        (False, entry(named(1), local_auth_disabled=True)),
        (False, entry(named(1), provisioning_state="Updating")),
        (False, entry(named(1), overlap_until=NOW + timedelta(hours=1))),
        (True, entry(named(1), window="Mon 00:00-12:00 UTC")),  # NOW is a Monday
        (False, entry(named(1), window="Tue 09:00-12:00 UTC")),
    ],
)
def test_what_a_sweep_would_not_rotate_is_no_part_of_a_rollout(of: InventoryEntry | None, *, awaits: bool) -> None:
    assert awaits == awaits_rotation(of, NOW)


def test_a_tag_that_nobody_understands_keeps_no_wave_waiting() -> None:
    known = fleet(30)
    begun = planned(RolloutState(), known)
    refused = {each: entry(each, unknown_word=begun.standstill(each, NOW) is None) for each in known}

    assert 3 == free(planned(begun, refused, after=QUARTER), known)


def test_a_snapshot_of_the_version_before_says_of_no_tag_that_it_is_not_understood() -> None:
    before = entry(named(1)).snapshot.model_dump_json(by_alias=True, exclude={"unknown_word"})

    assert not Snapshot.model_validate_json(before).unknown_word


@pytest.mark.parametrize(
    "text", ["", "1", "1,10%", "0,100%", "1,10%,110%", "10%,1%,100%", "5,2,100%", "ten,100%", "100"]
)
def test_waves_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the last 100%"):
        Waves.parse(text, QUARTER)


def test_every_wave_releases_more_than_the_one_before() -> None:
    """Whatever the numbers are: 5 and 10 % of 20 are fewer than 5."""
    waves, known, state, seen = Waves.parse("5,10%,50%,100%", QUARTER), fleet(20), RolloutState(), [0]
    for wave in range(4):
        state = planned(state, known, after=wave * QUARTER, waves=waves)
        seen.append(free(state, fleet(20)))
        known = rotated(known, state)

    assert all(earlier < later for earlier, later in pairwise(seen))
    assert 20 == seen[-1]


# -- hold


def test_three_failures_in_a_row_are_a_hold() -> None:
    held = failed(1, 2, 3).held(NOW)

    assert held
    assert ["chat1", "chat2", "chat3"] == [each.name for each in held.failures]
    assert Code.ON_HOLD == failed(1, 2, 3).standstill(named(9), NOW).code


def test_failures_of_two_resources_are_none() -> None:
    assert failed(1, 2, 1, 2, 2).held(NOW) is None


def test_a_success_in_between_begins_the_count_anew() -> None:
    assert failed(1, 2).with_success().with_failure(failure(3), NOW).held(NOW) is None


def test_a_hold_ends_the_waves() -> None:
    begun = planned(RolloutState(), fleet(30))
    for number in range(3):
        begun = begun.with_failure(failure(number), NOW)

    assert begun.rollout is None
    assert begun == planned(begun, fleet(30), after=QUARTER)


def test_a_hold_ends_after_a_day() -> None:
    state = failed(1, 2, 3)

    assert state.standstill(named(9), NOW + HELD_FOR - timedelta(seconds=1))
    assert state.standstill(named(9), NOW + HELD_FOR) is None
    assert planned(state, {}, after=HELD_FOR).hold is None


def test_failures_during_a_hold_make_it_no_longer() -> None:
    state = failed(1, 2, 3)

    assert state == state.with_failure(failure(4), NOW + timedelta(hours=1))


def test_who_resumed_is_kept_and_a_second_time_changes_nothing() -> None:
    first = failed(1, 2, 3).resume(Resumption(at=NOW, by="ada"))
    again = first.resume(Resumption(at=NOW, by="bob"))

    assert (None, "ada") == (first.held(NOW), first.resumed.by)
    assert first == again


def test_after_a_hold_a_large_fleet_begins_with_one_again() -> None:
    state = failed(1, 2, 3).resume(Resumption(at=NOW, by="ada"))

    assert 1 == free(planned(state, fleet(30)), fleet(30))


def test_what_cannot_be_read_counts_as_a_hold() -> None:
    state = RolloutState.unreadable(NOW)

    assert Code.ON_HOLD == state.standstill(named(1), NOW).code
    assert "could not be read" in state.held(NOW).message


def test_fields_of_a_newer_version_are_kept() -> None:
    newer = RolloutState.model_validate_json('{"pace": {"perHour": 4}}')

    assert '"perHour":4' in newer.with_failure(failure(1), NOW).model_dump_json(exclude_defaults=True)
