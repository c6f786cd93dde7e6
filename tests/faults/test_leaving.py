"""A resource leaves the fleet in the middle of something."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain.keys import Slot
from shared.domain.requests import Mode
from tests.faults.asking import MOVED, ROTATE, ask, keys_in, looked_at, record
from tests.faults.leaving import Leaving, Way
from tests.faults.memory import RESOURCE, VAULT

REVOKE, FORCED = {"mode": Mode.REVOKE}, {"mode": Mode.ROTATE, "force": True}


@pytest.fixture
def history() -> Iterator[Leaving]:
    """A resource whose Primary was adopted two days ago. In the end it is managed again, and sweeps come to rest."""
    made = Leaving()
    made.begin(settled=True)
    looked_at(made)
    yield made
    looked_at(made)
    made.teardown()


def told(history: Leaving, kind: str) -> int:
    return sum(each.kind == kind for each in history.cloud.events if each.source == str(RESOURCE))


@pytest.mark.parametrize("way", ["tags wiped", "opted out", "scope taken out"])
def test_a_promised_retirement_is_kept_after_it_has_left(history: Leaving, way: Way) -> None:
    ask(history, REVOKE)
    history.leave(way)
    for hours in (1, 49, 1):
        history.time_passes(hours)
        history.sweep()

    assert "key-1" not in history.cloud.resource.keys.values()
    assert 1 == told(history, "KeyRetired")


def test_a_retirement_that_signalr_follows_late_is_reported_behind_a_rotation_that_never_began(
    history: Leaving,
) -> None:
    ask(history, REVOKE)
    history.time_passes(49)
    history.cloud.lag = timedelta(hours=60)
    history.sweep()
    history.cloud.lag = timedelta()
    history.work([(history.wished(FORCED), ("throttled", "regenerate"))])
    history.leave("tags wiped")
    for _ in range(3):
        history.time_passes(49)
        history.sweep()

    assert (1, True) == (told(history, "KeyRetired"), record(history).removed)


def test_the_only_key_that_clients_hold_is_not_regenerated(history: Leaving) -> None:
    """It leaked, its replacement was replaced, and the secret was purged: there is nothing to publish any more."""
    history.cloud.lag = timedelta(hours=5)
    ask(history, REVOKE)
    history.cloud.lag = timedelta()
    history.time_passes(6)
    history.renew_in_portal(Slot.SECONDARY)
    history.purge()
    history.leave("opted out")
    for hours in (1, 49, 1):
        history.time_passes(hours)
        history.sweep()

    assert "key-1" == history.cloud.resource.keys[Slot.PRIMARY]
    assert "RetirementImpossible" == record(history).history[-1].code


def test_an_unanswered_regeneration_is_not_sent_again_after_the_opt_out(history: Leaving) -> None:
    ask(history, ROTATE, ("lost before", "regenerate"))
    history.leave("opted out")
    for hours in (1.1, 3, 9):
        history.time_passes(hours)
        history.sweep()

    assert ["key-1", "key-2"] == [*history.cloud.resource.keys.values()]
    assert record(history).removed


def test_a_regeneration_that_arm_carried_out_is_finished_after_the_opt_out(history: Leaving) -> None:
    ask(history, ROTATE, ("killed after", "regenerate"))
    history.leave("opted out")
    history.time_passes(1)
    history.sweep()

    assert history.cloud.resource.keys[Slot.SECONDARY] == keys_in(history)[-1]


def test_a_first_rotation_is_finished_where_it_was_planned_for(history: Leaving) -> None:
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.cloud.records.pop(RESOURCE)
    ask(history, FORCED, ("killed after", "regenerate"))
    before = keys_in(history)
    history.leave("tags wiped")
    history.time_passes(1)
    history.sweep()

    assert before == keys_in(history)
    assert 1 == len(keys_in(history, (VAULT, MOVED)))


@pytest.mark.parametrize("way", ["tags wiped", "opted out", "scope taken out", "deleted"])
def test_it_comes_back_under_another_name_without_a_client_rejected(history: Leaving, way: Way) -> None:
    ask(history, ROTATE)
    history.leave(way)
    for _ in range(2):
        history.time_passes(1)
        history.sweep()
    history.come_back(MOVED)
    history.sweep()

    assert keys_in(history)[-1] == keys_in(history, (VAULT, MOVED))[-1]
