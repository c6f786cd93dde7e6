"""What the store of records promises, held against the one in memory and the real adapter alike."""

import uuid
from datetime import timedelta

import pytest

from shared.domain.decision import Cause
from shared.domain.errors import Busy, LeaseLost
from shared.domain.heartbeat import Heartbeat
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Record
from shared.domain.snapshot import Snapshot
from shared.domain.swept_fleet import ManagedResource, SweptFleet
from tests.conformance.worlds import NOW, World, item, outcome


def journal() -> Journal:
    return Journal(
        rotation_id=str(uuid.uuid4()),
        kind=Kind.PUBLISH,
        slot=Slot.PRIMARY,
        cause=Cause.ADOPT,
        trigger="timer",
        requested_at=NOW,
        overlap_hours=24,
        times={Step.PLANNED: NOW},
    )


# -- records


async def test_what_is_written_under_the_lease_is_read_without_it(world: World) -> None:
    async with world.services.records.lease(world.resource) as leased:
        await leased.write(leased.record.with_journal(journal()))
        written = leased.record

    assert written == await world.services.records.read(world.resource)


async def test_a_resource_that_nobody_worked_on_has_an_empty_record(world: World) -> None:
    async with world.services.records.lease(world.resource) as leased:
        assert Record(resource=str(world.resource)) == leased.record


async def test_what_is_staged_is_stored_by_the_next_write_alone(world: World) -> None:
    async with world.services.records.lease(world.resource) as leased:
        await leased.write(leased.record)
        leased.stage(leased.record.with_journal(journal()))
        before = await world.services.records.read(world.resource)
        await leased.update(leased.journal)

    after = await world.services.records.read(world.resource)
    assert before
    assert after
    assert (None, True) == (before.journal, after.journal is not None)


async def test_a_second_run_does_not_get_the_lease(world: World) -> None:
    async with world.services.records.lease(world.resource):
        with pytest.raises(Busy) as busy:
            async with world.services.records.lease(world.resource):
                pytest.fail("two runs hold one lease")

    assert "ledger" == busy.value.step


async def test_the_lease_is_given_back(world: World) -> None:
    async with world.services.records.lease(world.resource):
        pass

    async with world.services.records.lease(world.resource) as leased:
        assert 0 < leased.timeout_seconds


async def test_a_worker_that_lost_the_lease_writes_nothing(world: World) -> None:
    async with world.services.records.lease(world.resource) as leased:
        await leased.write(leased.record)
        await world.steal_lease()
        with pytest.raises(LeaseLost):
            await leased.write(leased.record.with_journal(journal()))
        with pytest.raises(LeaseLost):
            await leased.renew()

    record = await world.services.records.read(world.resource)
    assert record
    assert record.journal is None


async def test_the_list_shows_what_the_record_tells_until_the_resource_leaves(world: World) -> None:
    snapshot = Snapshot(
        secret_name=world.policy.secret_name, vault_url=world.policy.vault_url, provisioning_state="Succeeded"
    )
    ended = outcome(item(world))
    shown = []
    async with world.services.records.lease(world.resource) as leased:
        await leased.write(leased.record.with_snapshot(snapshot))
        shown.append([e.snapshot async for e in world.services.records.entries() if e.resource_id == world.resource])
        await leased.write(leased.record.closed_as_removed(ended))
        shown.append([e.snapshot async for e in world.services.records.entries() if e.resource_id == world.resource])

    assert [[snapshot], []] == shown


async def test_the_last_sweep_is_kept(world: World) -> None:
    beat = Heartbeat(started_at=NOW, ended_at=NOW, resources=3, enqueued=2, unobserved={"chat": NOW})

    await world.services.records.write_heartbeat(beat)

    assert beat == await world.services.records.heartbeat()


async def test_a_page_tells_where_it_ends(world: World) -> None:
    snapshot = Snapshot(secret_name="chat", vault_url="https://vault", provisioning_state="Succeeded")  # noqa: S106 - a name
    async with world.services.records.lease(world.resource) as leased:
        await leased.write(leased.record.with_snapshot(snapshot))
    entries, marker, places = [], "", []
    while marker is not None:
        page = await world.services.records.page(most=2, marker=marker)
        entries += page.entries
        places.append(page.last)
        marker = page.marker

    assert 1 == sum(each.resource_id == world.resource for each in entries)
    assert sorted(places) == places
    assert world.resource.order <= places[-1]


# -- what the last sweep found


def swept(world: World, minutes: int = 0, settings: str = "these") -> SweptFleet:
    """A look that many minutes before now."""
    managed = ManagedResource.of(world.resource, timedelta(days=120))
    as_of = world.services.clock() - timedelta(minutes=minutes)
    return SweptFleet.of([managed], [], as_of=as_of, settings=f"{settings} {world.resource}")


async def test_what_a_sweep_found_is_read_as_it_was_written(world: World) -> None:
    found = swept(world)

    assert await world.services.swept.write(found)
    assert [found] * 2 == [await world.services.swept.read() for _ in range(2)]


async def test_a_sweep_that_looked_earlier_does_not_replace_a_later_look(world: World) -> None:
    later, earlier = swept(world, 1), swept(world, 2)
    await world.services.swept.write(later)

    assert not await world.services.swept.write(earlier)
    assert later == await world.services.swept.read()


async def test_a_sweep_by_other_settings_replaces_any_look(world: World) -> None:
    await world.services.swept.write(swept(world, 1))
    other = swept(world, 2, "others")

    assert await world.services.swept.write(other)
    assert other == await world.services.swept.read()


async def test_a_look_in_the_future_stands_in_nobodys_way(world: World) -> None:
    """The clock of another worker was wrong."""
    await world.services.swept.write(swept(world, -60))
    mine = swept(world)

    assert await world.services.swept.write(mine)
    assert mine == await world.services.swept.read()
