"""What the probe promises besides its verdict, held against the port in memory and the real adapter alike."""

from tests.conformance.worlds import World


async def test_signalr_rejects_a_random_key(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)

    assert await world.services.probe.discriminates(keys.primary.endpoint)


async def test_a_data_plane_out_of_reach_does_not_discriminate(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)

    assert not await world.services.probe.discriminates(world.out_of_reach(keys.primary).endpoint)


async def test_a_clock_that_is_right_is_no_finding(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)
    await world.services.probe.probe(keys.primary)

    assert 0 == world.services.probe.clock_error_seconds
