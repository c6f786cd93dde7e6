"""What a second obstacle must not make the app forget: a move, a revocation, a failure, a longer overlap."""

from datetime import timedelta

import pytest

from shared.domain.keys import KeyType, Slot
from shared.domain.keys import fingerprint as fingerprint_of
from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.faults.asking import MOVED, ROTATE, ask, keys_in, looked_at, record
from tests.faults.history import NO_TROUBLE, SWEEP
from tests.faults.meddling import Meddling
from tests.faults.memory import RESOURCE, VAULT, Struck, Trouble

REVOKE = {"mode": Mode.REVOKE}


def two_names(history: Meddling) -> None:
    """The secret was renamed, rotated under the new name, and is named as before: clients read either."""
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.sweep()
    history.time_passes(hours=24 * 58)
    ask(history, ROTATE)
    history.time_passes(hours=30)
    history.rename_by_tag(secret="", vault=VAULT)


@pytest.mark.parametrize("trouble", ["forbidden", "lost before", "lost after"])
@pytest.mark.parametrize("call", ["publish", "newest", "made"])
def test_a_key_that_clients_of_the_other_name_hold_outlives_a_move_that_fails(
    history: Meddling, trouble: Trouble, call: str
) -> None:
    two_names(history)
    for _ in range(3):
        ask(history, SWEEP, (trouble, call))
        history.time_passes(hours=1)

    assert ["key-1", "key-5"] == [*history.cloud.resource.keys.values()]


def test_a_move_that_failed_is_made_up_for(history: Meddling) -> None:
    two_names(history)
    refused = ask(history, SWEEP, ("forbidden", "publish"))
    ask(history, SWEEP)

    assert refused
    assert Result.FAILED is refused.result
    assert ["key-1", "key-5"] == keys_in(history)


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


@pytest.mark.parametrize("lost", [1, 3])
@pytest.mark.parametrize("trouble", [NO_TROUBLE, ("killed after", "publish"), ("lost after", "publish")])
def test_a_published_key_that_is_replaced_while_a_regeneration_may_still_run_is_repaired(
    history: Meddling, lost: int, trouble: Struck
) -> None:
    ask(history, ROTATE, ("lost before", "regenerate"))
    for hours in (1.1, 2.1, 4.1) if lost == 3 else ():
        history.time_passes(hours=hours)
        history.work([(history.fresh(history.asked[-1]), ("lost before", "regenerate"))])
    history.renew_in_portal(Slot.PRIMARY)
    for struck in (trouble, NO_TROUBLE):
        history.time_passes(hours=0.1)
        history.sweep(trouble=struck)
    told = [each.kind for each in history.cloud.events if each.source == str(RESOURCE)]
    published = keys_in(history)[-1]
    history.renew_in_portal(Slot.SECONDARY)  # what the failure says that an operator does

    assert (history.cloud.resource.keys[Slot.PRIMARY], 1) == (published, told.count("KeyPublished") - 1)


def test_a_longer_overlap_that_a_rotation_was_requested_with_is_kept(history: Meddling) -> None:
    ask(history, {"mode": Mode.ROTATE, "key_type": KeyType.SECONDARY, "overlap_hours": 96.0})
    history.time_passes(hours=49)
    early = ask(history, ROTATE)
    history.time_passes(hours=48)
    ask(history, ROTATE)

    assert early
    assert "OverlapActive" == early.code
    assert history.cloud.resource.keys[Slot.PRIMARY] != "key-1"


def key_of(history: Meddling, fingerprint: str) -> str:
    return next(key for key in history.cloud.resource.keys.values() if fingerprint_of(key) == fingerprint)
