"""A published key that is no key any more, while a regeneration without an answer keeps a run open."""

from datetime import timedelta

import pytest

from shared.domain.keys import Slot
from tests.faults.asking import ROTATE, ask, keys_in
from tests.faults.history import NO_TROUBLE
from tests.faults.meddling import Meddling
from tests.faults.memory import RESOURCE, Struck

REPAIR_LOST = [("killed after", "publish"), ("lost after", "publish")]


def unanswered(history: Meddling, times: int) -> None:
    ask(history, ROTATE, ("lost before", "regenerate"))
    for hours in (1.1, 2.1, 4.1) if times > 1 else ():
        history.time_passes(hours=hours)
        history.work([(history.fresh(history.asked[-1]), ("lost before", "regenerate"))])


def told(history: Meddling) -> int:
    """How often a key was published that was not new, after the first sweep's adoption."""
    return sum(each.kind == "KeyPublished" for each in history.cloud.events if each.source == str(RESOURCE)) - 1


@pytest.mark.parametrize("lost", [1, 3])
@pytest.mark.parametrize("trouble", [NO_TROUBLE, *REPAIR_LOST])
def test_a_published_key_that_is_replaced_while_a_regeneration_may_still_run_is_repaired(
    history: Meddling, lost: int, trouble: Struck
) -> None:
    unanswered(history, lost)
    history.renew_in_portal(Slot.PRIMARY)
    for struck in (trouble, NO_TROUBLE):
        history.time_passes(hours=0.1)
        history.sweep(trouble=struck)
    published = keys_in(history)[-1]
    history.renew_in_portal(Slot.SECONDARY)  # what the failure says that an operator does

    assert (history.cloud.resource.keys[Slot.PRIMARY], 1) == (published, told(history))


@pytest.mark.parametrize("spoilt", ["overwritten", "purged"])
def test_a_secret_that_is_spoilt_while_a_regeneration_may_still_run_is_repaired(history: Meddling, spoilt: str) -> None:
    unanswered(history, 3)
    if spoilt == "overwritten":
        history.publish_by_hand("dead")
    else:
        history.purge()
    history.time_passes(hours=0.1)
    history.sweep()
    published = keys_in(history)[-1]
    history.renew_in_portal(Slot.SECONDARY)

    assert "key-1" == published


def test_a_key_that_signalr_does_not_take_yet_repairs_nothing(history: Meddling) -> None:
    ask(history, ROTATE, ("lost before", "regenerate"))
    history.cloud.lag = timedelta(hours=3)
    history.renew_in_portal(Slot.PRIMARY)
    history.time_passes(hours=0.1)
    history.sweep(trouble=("lost before", "probe"))

    assert ["key-1"] == keys_in(history)


def test_a_second_repair_of_one_run_has_a_version_and_an_event_of_its_own(history: Meddling) -> None:
    unanswered(history, 1)
    history.renew_in_portal(Slot.PRIMARY)
    history.time_passes(hours=0.1)
    history.sweep()
    history.write_an_old_value_back(0, tagged=False)
    history.time_passes(hours=0.1)
    history.sweep()

    assert (["key-1", "key-5", "key-1", "key-5"], 2) == (keys_in(history), told(history))


@pytest.mark.parametrize("lost", REPAIR_LOST)
@pytest.mark.parametrize("slot", Slot)
def test_a_repair_whose_record_is_lost_is_announced_whatever_comes_next(
    history: Meddling, slot: Slot, lost: Struck
) -> None:
    unanswered(history, 3)
    history.renew_in_portal(Slot.PRIMARY)
    history.sweep(trouble=lost)
    history.renew_in_portal(slot)
    for _ in range(2):
        history.time_passes(hours=0.1)
        history.sweep()
    history.renew_in_portal(Slot.SECONDARY)

    assert told(history) >= 1
