"""What the store of the rollout's state promises, held against the one in memory and the real adapter alike."""

import asyncio
from functools import partial

import pytest

from shared.domain.requests import rotation_id
from shared.domain.resources import ResourceId
from shared.domain.rollout import FailedRotation, Resumption, RolloutState
from tests.conformance.worlds import NOW, World


@pytest.fixture
async def empty(world: World) -> World:
    """A world whose state says nothing."""
    await world.services.rollouts.change(lambda _: RolloutState())
    return world


def failure(number: int) -> FailedRotation:
    resource = ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", f"chat{number}")
    return FailedRotation(
        resource=str(resource), rotation_id=rotation_id(resource, "test"), code="KeyUnchanged", message="same", at=NOW
    )


async def test_what_is_changed_is_read(empty: World) -> None:
    stored = await empty.services.rollouts.change(lambda known: known.with_failure(failure(1), NOW))

    assert stored == await empty.services.rollouts.read()
    assert (failure(1),) == stored.failures


async def test_changes_at_once_are_all_kept(empty: World) -> None:
    rollouts = empty.services.rollouts
    await asyncio.gather(
        *(rollouts.change(partial(RolloutState.with_failure, failure=failure(n), now=NOW)) for n in range(3))
    )

    state = await rollouts.read()
    assert state.held(NOW)
    assert 3 == len(state.hold.failures)


async def test_what_a_change_leaves_as_it_is_is_given_as_it_is(empty: World) -> None:
    rollouts = empty.services.rollouts
    before = await rollouts.change(lambda known: known.with_failure(failure(1), NOW))

    assert before == await rollouts.change(lambda known: known.resume(Resumption(at=NOW, by="ada")))
