"""Histories that are known by name: each is short, and shows one thing that a random history may or may not meet."""

import pytest

from shared.domain.keys import KeyType, Slot
from shared.domain.record import Result
from shared.domain.requests import Mode
from shared.rotation.submit import status_by
from tests.faults.asking import MOVED, RESYNC, ROTATE, again, ask, keys_in, looked_at, record, results, two_names
from tests.faults.consistency import Consistency
from tests.faults.history import NO_TROUBLE
from tests.faults.meddling import Meddling
from tests.faults.memory import NEIGHBOUR, OTHER_VAULT, RESOURCE, VAULT
from tests.faults.rules import PLACE

# -- keys


def test_a_dead_published_key_does_not_wait_for_the_schedule(history: Meddling) -> None:
    history.renew_in_portal(Slot.PRIMARY)
    history.sweep()

    assert history.cloud.resource.keys[Slot.PRIMARY] == history.judge.published


def test_a_rotation_that_is_due_leaves_the_published_key_alone(history: Meddling) -> None:
    history.time_passes(hours=24 * 61)
    history.sweep()

    assert ("key-1", "key-5") == (history.cloud.resource.keys[Slot.PRIMARY], history.judge.published)


def test_a_key_that_was_replaced_is_left_alone_for_the_overlap(history: Meddling) -> None:
    ask(history, ROTATE)
    history.time_passes(hours=1)

    refused = ask(history, ROTATE)

    assert refused
    assert (Result.REFUSED, "OverlapActive", "key-1") == (
        refused.result,
        refused.code,
        history.cloud.resource.keys[Slot.PRIMARY],
    )


def test_a_rejected_key_is_to_be_seen_twice_again_once_the_record_is_lost(history: Meddling) -> None:
    history.reject_a_listed_key(Slot.PRIMARY)
    history.sweep()
    history.lose_the_record()
    history.time_passes(hours=1)
    first = history.sweep()
    history.time_passes(hours=1)
    second = history.sweep()

    assert [Result.SKIPPED, Result.SUCCEEDED] == [each and each.result for each in (first, second)]
    assert "key-2" == history.judge.published


def test_a_leaked_key_is_invalidated_when_its_time_has_come_and_not_before(history: Meddling) -> None:
    ask(history, {"mode": Mode.REVOKE, "overlap_hours": 100})
    history.time_passes(hours=50)
    history.sweep()
    before = history.cloud.resource.keys[Slot.PRIMARY]
    history.time_passes(hours=51)
    history.sweep()

    assert ("key-1", "key-6") == (before, history.cloud.resource.keys[Slot.PRIMARY])


def test_a_retirement_that_takes_effect_hours_later_is_announced_then(history: Meddling) -> None:
    ask(history, {"mode": Mode.REVOKE, "overlap_hours": 1})
    history.lag(3 * 3600)
    history.time_passes(hours=1)
    history.sweep()
    looked_at(history)
    before = history.cloud.events[-1].kind
    history.time_passes(hours=4)
    history.sweep()

    assert ("RotationFailed", "KeyRetired") == (before, history.cloud.events[-1].kind)


def test_a_key_whose_retirement_was_promised_is_not_adopted_under_another_name(history: Meddling) -> None:
    ask(history, {"mode": Mode.REVOKE, "overlap_hours": 100})
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.renew_in_portal(Slot.SECONDARY)
    history.sweep()

    assert [history.cloud.resource.keys[Slot.SECONDARY]] == keys_in(history, (VAULT, MOVED))


def test_a_key_that_is_to_be_retired_lives_until_then_though_its_secret_is_purged(history: Meddling) -> None:
    ask(history, {**ROTATE, "key_type": KeyType.PRIMARY})  # Secondary is published, Primary ends in two days
    ask(history, {"mode": Mode.REVOKE, "force": True})  # Primary is renewed and published, Secondary ends in two days
    history.purge()
    history.renew_in_portal(Slot.PRIMARY)
    ask(history, ROTATE)

    assert "key-2" == history.cloud.resource.keys[Slot.SECONDARY]


def test_a_replaced_key_that_was_put_back_is_valid_for_the_overlap_after_it_was_taken_back(history: Meddling) -> None:
    history.change_the_policy("72", "always")
    ask(history, ROTATE)
    history.time_passes(hours=70)
    history.publish_by_hand("primary")
    history.sweep()  # takes it back
    history.time_passes(hours=40)
    history.sweep()
    kept = history.cloud.resource.keys[Slot.PRIMARY]
    history.time_passes(hours=9)
    history.sweep()

    assert ("key-1", "key-6") == (kept, history.cloud.resource.keys[Slot.PRIMARY])


def test_a_policy_retires_no_key_that_alone_is_accepted(history: Meddling) -> None:
    history.change_the_policy("72", "always")
    ask(history, ROTATE)
    history.reject_a_listed_key(Slot.SECONDARY)
    history.time_passes(hours=73)
    for _ in range(2):
        history.sweep()
        history.time_passes(hours=1)

    assert ["key-1", "key-5", "key-1"] == keys_in(history)


def test_a_secret_that_is_named_again_gets_the_newer_key_and_nobody_loses_the_older_one(history: Meddling) -> None:
    two_names(history, hours=49)
    for _ in range(2):
        history.sweep()
    refused = ask(history, ROTATE)

    assert refused
    assert (["key-1", "key-5"], "OverlapActive") == (keys_in(history), refused.code)
    assert ["key-1", "key-5"] == [*history.cloud.resource.keys.values()]


# -- versions and events


def test_a_run_that_was_killed_after_publishing_adds_no_second_version(history: Meddling) -> None:
    ask(history, ROTATE, ("killed after", "publish"))
    history.time_passes(hours=0.02)
    again(history)

    assert ["key-1", "key-5"] == keys_in(history)


def test_a_run_whose_secret_is_renamed_after_publishing_adds_no_second_version(history: Meddling) -> None:
    ask(history, ROTATE, ("killed after", "publish"))
    asked = history.asked[-1].rotation_id
    history.rename_by_tag(secret=MOVED, vault=OTHER_VAULT)
    history.time_passes(hours=0.02)
    history.sweep()

    moved = [version.rotation_id for version, _ in history.cloud.secrets[(OTHER_VAULT, MOVED)].versions]
    assert (["key-1", "key-5"], 1, False) == (keys_in(history), len(moved), asked in moved)


def test_a_run_whose_secret_is_renamed_twice_finds_its_version_under_the_name_between(history: Meddling) -> None:
    ask(history, ROTATE, ("killed before", "publish"))
    asked = history.asked[-1].rotation_id
    history.rename_by_tag(secret=MOVED, vault=OTHER_VAULT)
    history.time_passes(hours=0.02)
    history.sweep(trouble=("killed after", "publish"))
    history.rename_by_tag(secret="", vault=VAULT)
    history.time_passes(hours=0.02)
    history.sweep()

    between, now = (
        [version.rotation_id for version, _ in history.cloud.secrets[place].versions]
        for place in ((OTHER_VAULT, MOVED), PLACE)
    )
    assert ([asked], False) == (between, asked in now)
    assert "key-5" == keys_in(history)[-1], "clients of the name that is configured have the new key"


def test_after_a_lost_record_what_stands_under_the_name_of_before_counts(history: Meddling) -> None:
    """guarantees-and-limits.md, "What is not promised": nothing tells of the name between."""
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.sweep()
    history.time_passes(hours=24 * 61)
    ask(history, ROTATE)
    history.lose_the_record()
    history.rename_by_tag(secret="", vault=VAULT)
    history.sweep()
    looked_at(history)

    assert (keys_in(history, (VAULT, MOVED)), keys_in(history)) == (["key-1", "key-5"], ["key-1", "key-6"])
    assert {"key-1", "key-6"} == set(history.cloud.resource.keys.values())


def test_a_version_of_a_lost_record_is_announced(history: Meddling) -> None:
    ask(history, ROTATE, ("killed after", "publish"))
    asked = history.asked[-1].rotation_id
    history.lose_the_record()
    history.sweep()

    assert [f"{asked}-KeyRotated"] == [event.id for event in history.cloud.events if event.rotation_id == asked]


def test_a_sweep_finishes_what_another_worker_began(history: Meddling) -> None:
    ask(history, ROTATE, ("killed after", "regenerate"))
    history.time_passes(hours=0.02)
    history.sweep()

    assert (["key-1", "key-5"], None) == (keys_in(history), record(history).journal)


def test_a_worker_that_slept_through_its_lease_publishes_nothing(history: Meddling) -> None:
    for call in range(1, 24):
        history.work(
            [(history.wished({**ROTATE, "force": True}), ("suspended", call)), (history.wished(RESYNC), NO_TROUBLE)]
        )
        looked_at(history)
        history.time_passes(hours=49)

    assert len(keys_in(history)) == len({version.rotation_id for version, _ in history.cloud.secrets[PLACE].versions})


def test_a_publication_that_may_have_been_made_stays_open_while_the_vault_refuses(history: Meddling) -> None:
    history.publish_by_hand("dead")
    history.sweep(struck := RESOURCE, ("killed after", "publish"))
    history.time_passes(hours=0.02)
    history.sweep(struck, ("forbidden", "made_by"))
    refused = record(history).journal
    history.sweep()

    assert refused
    assert (None, ["key-1", "key-of-nowhere", "key-1"]) == (record(history).journal, keys_in(history))


# -- somebody else's secret


@pytest.mark.parametrize("foreign", ["hunter2", '{"user": "payments"}'])
def test_what_is_written_while_a_run_is_open_is_not_overwritten(history: Meddling, foreign: str) -> None:
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.lose_the_record()
    ask(history, ROTATE, ("forbidden", "publish"))
    history.write_something_foreign(foreign)
    history.sweep()

    assert [foreign] == [text for _, text in history.cloud.secrets[(VAULT, MOVED)].versions]
    assert record(history).failing


@pytest.mark.parametrize("known", [False, True])
def test_two_that_are_named_alike_are_refused_however_often_one_asks(history: Meddling, known: bool) -> None:  # noqa: FBT001
    if known:  # it was published, under another name
        history.sweep(NEIGHBOUR)
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.name_the_neighbour_alike(shared=True)
    for _ in range(2):
        history.work([(history.wished(ROTATE, NEIGHBOUR), NO_TROUBLE)])

    assert [] == history.cloud.secrets[(VAULT, MOVED)].versions


# -- what is told of it


def test_an_error_after_the_end_does_not_change_the_end(history: Meddling) -> None:
    history.publish_by_hand("dead")
    history.sweep(RESOURCE, ("forbidden", "close operation"))

    assert ([Result.SUCCEEDED] * 2, None) == (results(history), record(history).failing)


def test_an_error_after_the_end_whichever_call_met_it_does_not_change_the_end(history: Meddling) -> None:
    for call in range(1, 30):
        history.time_passes(hours=1)
        history.publish_by_hand("dead")
        history.sweep(RESOURCE, ("forbidden", call))
        looked_at(history)

        told = {event.rotation_id for event in history.cloud.events if event.kind == "KeyPublished"}
        assert told <= {each.rotation_id for each in record(history).history if each.result is Result.SUCCEEDED}
        history.sweep()
        assert record(history).failing is None


def test_a_close_that_is_refused_announces_nothing(history: Meddling) -> None:
    for write in range(1, 30):
        ask(history, {**ROTATE, "force": True}, ("forbidden", write))
        history.time_passes(hours=49)
        history.sweep()

    assert record(history).journal is None


def test_an_operation_that_ended_without_its_record_stays_as_it_ended(history: Meddling) -> None:
    ask(history, ROTATE, ("killed after", "regenerate"))
    history.cloud.leases[RESOURCE] = (object(), history.cloud.now().replace(year=2100))
    history.time_passes(hours=2)
    again(history)
    del history.cloud.leases[RESOURCE]
    history.sweep()
    looked_at(history)

    operation = history.cloud.operations[history.asked[1].rotation_id]
    told = status_by(operation, record(history)).outcome
    assert operation.outcome
    assert told
    assert ("LeaseHeld", "LeaseHeld") == (operation.outcome.code, told.code)
    assert Result.SUCCEEDED is results(history)[-1]


def test_a_lease_that_is_held_does_not_change_how_a_rotation_has_ended(history: Meddling) -> None:
    ask(history, ROTATE, ("killed before", "close operation"))
    history.cloud.leases[RESOURCE] = (object(), history.cloud.now().replace(year=2100))
    history.time_passes(hours=2)
    outcome = again(history)
    del history.cloud.leases[RESOURCE]

    assert outcome
    assert Result.SUCCEEDED is outcome.result


def test_a_request_that_was_refused_is_not_done_when_it_comes_again(history: Meddling) -> None:
    ask(history, ROTATE)
    ask(history, ROTATE)
    history.time_passes(hours=49)
    again(history)

    assert ["key-1", "key-5"] == keys_in(history)


def test_a_dead_published_key_is_not_shown_green(history: Meddling) -> None:
    seen = record(history).snapshot
    assert seen
    dead = record(history).with_snapshot(seen.model_copy(update={"published_slot": None}))

    assert [] == [*Consistency().look(dead, {}, history.world(RESOURCE), history.cloud.now())]


def test_a_salt_is_told_as_a_salt(history: Meddling) -> None:
    ask(history, {"mode": Mode.ROTATE, "key_type": KeyType.SALT})

    assert "SaltRegenerated" == history.cloud.events[-1].kind
