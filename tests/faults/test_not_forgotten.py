"""What a second obstacle must not make the app forget: a move, a revocation, a failure, a longer overlap."""

from datetime import datetime, timedelta

import pytest

from shared.domain.keys import KeyType, Slot
from shared.domain.keys import fingerprint as fingerprint_of
from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.faults.asking import MOVED, ROTATE, ask, keys_in, looked_at, record, two_names
from tests.faults.history import SWEEP
from tests.faults.meddling import Meddling
from tests.faults.memory import RESOURCE, VAULT, Trouble

REVOKE = {"mode": Mode.REVOKE}


def there_and_back(history: Meddling, *, hours: float) -> None:
    """The secret got another name, fifty days later a sweep moved its key there, and it has its first name again."""
    history.rename_by_tag(MOVED, VAULT)
    history.time_passes(hours=50 * 24)
    history.sweep()
    history.rename_by_tag("", VAULT)
    history.time_passes(hours=hours)
    history.sweep()


@pytest.mark.parametrize("trouble", ["forbidden", "lost before", "lost after"])
@pytest.mark.parametrize("call", ["publish", "newest", "made"])
def test_a_key_that_clients_of_the_other_name_hold_outlives_a_move_that_fails(
    history: Meddling, trouble: Trouble, call: str
) -> None:
    two_names(history, hours=30)
    for _ in range(3):
        ask(history, SWEEP, (trouble, call))
        history.time_passes(hours=1)

    assert ["key-1", "key-5"] == [*history.cloud.resource.keys.values()]


def test_a_key_that_came_to_another_name_lately_is_no_older_than_what_was_written_here_meanwhile(
    history: Meddling,
) -> None:
    """Its age is counted from its first name; its clients hold it since the last one."""
    history.publish_by_hand("secondary")
    there_and_back(history, hours=30)
    refused = ask(history, ROTATE)

    assert refused
    assert ("OverlapActive", ["key-1", "key-2", "key-1"]) == (refused.code, keys_in(history))
    assert ["key-1", "key-2"] == [*history.cloud.resource.keys.values()]


def test_a_key_that_was_seen_under_its_first_name_again_is_as_late_as_under_the_second(history: Meddling) -> None:
    history.rename_by_tag("taken", VAULT)
    history.publish_by_hand("secondary")
    there_and_back(history, hours=1)
    history.rename_by_tag("taken", VAULT)
    history.sweep()
    refused = ask(history, ROTATE)

    assert refused
    assert ("OverlapActive", ["key-2", "key-1"]) == (refused.code, keys_in(history, (VAULT, "taken")))
    assert ["key-1", "key-2"] == [*history.cloud.resource.keys.values()]


def test_a_move_that_failed_is_made_up_for(history: Meddling) -> None:
    two_names(history, hours=30)
    refused = ask(history, SWEEP, ("forbidden", "publish"))
    ask(history, SWEEP)

    assert refused
    assert Result.FAILED is refused.result
    assert ["key-1", "key-5"] == keys_in(history)


def test_force_helps_where_signalr_rejects_the_key_that_is_to_be_moved(history: Meddling) -> None:
    two_names(history, hours=30)
    history.reject_a_listed_key(Slot.SECONDARY)
    refused = ask(history, SWEEP)
    ask(history, {"mode": Mode.ROTATE, "force": True})

    assert refused
    assert "KeyRefused" == refused.code
    assert history.cloud.resource.keys[Slot.SECONDARY] == keys_in(history)[-1]


@pytest.mark.parametrize("wish", [ROTATE, REVOKE])
def test_the_only_key_that_works_is_not_regenerated_where_the_published_one_is_gone_with_its_secret(
    history: Meddling, wish: dict[str, Mode]
) -> None:
    ask(history, ROTATE)
    history.time_passes(hours=49)
    ask(history, ROTATE)
    before = history.cloud.resource.keys[Slot.SECONDARY]
    history.purge()
    history.renew_in_portal(Slot.PRIMARY)
    history.time_passes(hours=0.1)
    ask(history, wish)

    assert before == history.cloud.resource.keys[Slot.SECONDARY]
    assert history.cloud.resource.keys[Slot.PRIMARY] == keys_in(history)[-1]


@pytest.mark.parametrize("hours", [1, 26])
def test_a_revocation_that_signalr_follows_days_later_is_carried_out(history: Meddling, hours: int) -> None:
    history.cloud.lag = timedelta(hours=50)
    ask(history, REVOKE)
    for _ in range(12):
        history.time_passes(hours=hours)
        history.sweep()
    history.cloud.lag = timedelta()
    for _ in range(4):
        history.time_passes(hours=49)
        history.sweep()

    assert "key-1" not in history.cloud.resource.keys.values()
    assert keys_in(history)[-1] in history.cloud.resource.keys.values()


def test_a_revocation_stays_one_where_a_rotation_is_requested_meanwhile(history: Meddling) -> None:
    history.cloud.lag = timedelta(hours=50)
    ask(history, REVOKE)
    history.cloud.lag = timedelta()
    history.time_passes(hours=25)
    ask(history, ROTATE)
    history.time_passes(hours=49)
    history.sweep()

    assert "key-1" not in history.cloud.resource.keys.values()


def test_a_revocation_outlasts_a_day_in_which_nothing_can_be_done(history: Meddling) -> None:
    history.cloud.lag = timedelta(hours=50)
    ask(history, REVOKE)
    history.change_state("Updating")
    history.time_passes(hours=25)
    history.sweep()
    history.change_state("Succeeded")
    history.cloud.lag = timedelta()
    for _ in range(3):
        history.time_passes(hours=49)
        history.sweep()

    assert "key-1" not in history.cloud.resource.keys.values()


def test_a_late_key_of_a_policy_leaves_the_other_one_a_scheduled_retirement(history: Meddling) -> None:
    history.change_the_policy("72", "always")
    history.cloud.lag = timedelta(hours=2)
    ask(history, ROTATE)
    history.time_passes(hours=3)
    history.sweep()
    retirement = record(history).retirement

    assert retirement
    assert ("key-1", True) == (key_of(history, retirement.fingerprint), retirement.by_policy)


def test_a_failure_that_comes_back_after_a_good_look_is_reported_again(history: Meddling) -> None:
    for happens in ("unreadable", "mended", "unreadable", "nothing"):
        match happens:
            case "unreadable":
                history.write_something_foreign('{"user": "payments"}')
            case "mended":
                history.publish_by_hand("primary")
        history.time_passes(hours=1)
        history.sweep()
        looked_at(history)
    told = [each.kind for each in history.cloud.events if each.source == str(RESOURCE)]
    failing = record(history).failing
    history.publish_by_hand("primary")

    assert failing
    assert (2, "SecretNotUnderstood") == (told.count("RotationFailed"), failing.code)


def test_a_longer_overlap_that_a_rotation_was_requested_with_is_kept(history: Meddling) -> None:
    ask(history, {"mode": Mode.ROTATE, "key_type": KeyType.SECONDARY, "overlap_hours": 96.0})
    history.time_passes(hours=49)
    early = ask(history, ROTATE)
    history.time_passes(hours=48)
    ask(history, ROTATE)

    assert early
    assert "OverlapActive" == early.code
    assert history.cloud.resource.keys[Slot.PRIMARY] != "key-1"


def test_a_requested_overlap_that_outlasts_the_period_makes_nothing_overdue(history: Meddling) -> None:
    ask(history, {"mode": Mode.ROTATE, "key_type": KeyType.SECONDARY, "overlap_hours": 2160.0})
    for _ in range(6):
        history.time_passes(hours=24 * 12)
        history.sweep()
        looked_at(history)

    assert "key-1" in history.cloud.resource.keys.values()


def test_a_requested_overlap_is_kept_where_signalr_follows_late(history: Meddling) -> None:
    history.cloud.lag = timedelta(hours=2)
    ask(history, {"mode": Mode.ROTATE, "key_type": KeyType.SECONDARY, "overlap_hours": 96.0})
    history.cloud.lag = timedelta()
    history.time_passes(hours=3)
    history.sweep()
    history.time_passes(hours=49)
    early = ask(history, ROTATE)

    assert early
    assert "OverlapActive" == early.code


def test_the_overlap_of_a_request_says_nothing_of_the_move_before_it(history: Meddling) -> None:
    two_names(history, hours=30)
    ask(history, {"mode": Mode.ROTATE, "key_type": KeyType.SECONDARY, "overlap_hours": 96.0})
    [moved] = [each for each in history.cloud.events if each.data.get("cause") == "move"][-1:]

    valid_until = datetime.fromisoformat(moved.data["previous_key_valid_until"])
    assert timedelta(hours=48) == valid_until - moved.time


def test_a_rejected_key_that_a_request_does_not_look_at_stays_reported_once(history: Meddling) -> None:
    for slot in Slot:
        history.reject_a_listed_key(slot)
    for _ in range(6):
        history.time_passes(hours=1)
        history.sweep()
        ask(history, {"mode": Mode.RESYNC})
    told = [each.kind for each in history.cloud.events if each.source == str(RESOURCE)]

    assert 1 == told.count("RotationFailed")


def test_clients_of_a_name_that_was_left_again_keep_their_overlap(history: Meddling) -> None:
    two_names(history, hours=30)
    history.sweep()
    history.time_passes(hours=25)
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    early = ask(history, REVOKE)
    history.time_passes(hours=24)
    ask(history, REVOKE)

    assert early
    assert "OverlapActive" == early.code
    assert "key-1" not in history.cloud.resource.keys.values()


def test_a_late_key_whose_leaked_one_is_gone_invalidates_no_other(history: Meddling) -> None:
    history.cloud.lag = timedelta(hours=5)
    ask(history, REVOKE)
    history.cloud.lag = timedelta()
    history.time_passes(hours=1)
    history.renew_in_portal(Slot.PRIMARY)
    for _ in range(3):
        history.sweep()
        history.time_passes(hours=6)

    assert record(history).retirement is None


@pytest.mark.parametrize("by_hand", ["renewed", "published", "renewed and purged"])
def test_a_leaked_key_goes_whatever_becomes_of_the_late_one(history: Meddling, by_hand: str) -> None:
    history.cloud.lag = timedelta(hours=5)
    ask(history, REVOKE)
    history.cloud.lag = timedelta()
    history.time_passes(hours=6)
    if by_hand == "published":
        history.publish_by_hand("secondary")
    else:
        history.renew_in_portal(Slot.SECONDARY)
    if by_hand.endswith("purged"):
        history.purge()
    for _ in range(4):
        history.sweep()
        history.time_passes(hours=49)

    assert "key-1" not in history.cloud.resource.keys.values()


def key_of(history: Meddling, fingerprint: str) -> str:
    return next(key for key in history.cloud.resource.keys.values() if fingerprint_of(key) == fingerprint)
