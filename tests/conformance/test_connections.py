"""What cutting a hub's connections promises, held against the port in memory and the real adapter alike."""

import pytest

from shared.domain.errors import Unavailable
from shared.domain.keys import AccessKey, Slot
from tests.conformance.worlds import World


@pytest.mark.parametrize("hub", ["chat", "Chat.v2_`a,b[0]"])
async def test_a_hub_is_cut_with_a_valid_key(world: World, hub: str) -> None:
    keys = await world.services.signalr.keys(world.resource)

    await world.services.connections.close(keys.secondary, hub)

    assert [hub.lower()] == world.closings()


async def test_a_key_that_is_rejected_cuts_nothing_and_may_be_tried_again(world: World) -> None:
    endpoint = (await world.services.signalr.keys(world.resource)).primary.endpoint

    with pytest.raises(Unavailable):
        await world.services.connections.close(AccessKey(Slot.PRIMARY, endpoint, "r" * 44), "chat")

    assert [] == world.closings()


async def test_a_data_plane_out_of_reach_is_unavailable(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)

    with pytest.raises(Unavailable):
        await world.services.connections.close(world.out_of_reach(keys.primary), "chat")
