"""Scheduled rotations that are held back by a window, a hold or a wave: what is not begun, and what is not over."""

from collections.abc import Iterator

import pytest

from tests.faults.meddling import Meddling
from tests.faults.memory import RESOURCE


@pytest.fixture
def history() -> Iterator[Meddling]:
    """A resource whose Primary was adopted two days ago. In the end sweeps must come to rest."""
    made = Meddling()
    made.begin(settled=True)
    yield made
    made.nobody_is_refused()
    made.all_tell_the_same()
    made.teardown()


def closed_window(history: Meddling) -> None:
    history.change_the_policy("0", "Mon 08:00-18:00 UTC")


HELD_BACK = {
    "OutsideWindow": closed_window,
    "OnHold": lambda history: history.others_fail(3),
    "LaterWave": lambda history: history.others_fall_due(),
}


@pytest.mark.parametrize("code", HELD_BACK)
@pytest.mark.parametrize(("call", "stands"), [("regenerate", True), ("keys", False)])
def test_a_run_that_failed_is_not_over_while_it_is_held_back_and_a_look_that_failed_is(
    history: Meddling, code: str, call: str, *, stands: bool
) -> None:
    history.time_passes(hours=24 * 61)
    history.sweep(trouble=("forbidden", call))
    HELD_BACK[code](history)

    held = history.sweep()

    assert held
    assert (code, stands) == (held.code, history.cloud.records[RESOURCE].failing is not None)


@pytest.mark.parametrize("code", HELD_BACK)
def test_a_rotation_that_was_planned_is_not_begun_once_it_has_to_wait(history: Meddling, code: str) -> None:
    history.time_passes(hours=24 * 61)
    history.sweep(trouble=("killed before", "regenerate"))
    planned = history.cloud.records[RESOURCE]
    assert planned.journal
    # As ARM's rejections, or a version that stored a plan before the request, leave it: nothing was touched.
    journal = planned.journal.model_copy(update={"attempts": 0, "unanswered": 0, "sent_at": None})
    history.cloud.records[RESOURCE] = planned.with_journal(journal)
    HELD_BACK[code](history)
    history.time_passes(hours=0.02)

    held = history.sweep()

    assert held
    assert (code, ["key-1", "key-2"]) == (held.code, [*history.cloud.resource.keys.values()])
