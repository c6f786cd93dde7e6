"""What the store of records promises, held against the one in memory and the real adapter alike."""

import uuid

import pytest

from shared.domain.decision import Cause
from shared.domain.errors import Busy, LeaseLost
from shared.domain.heartbeat import Heartbeat
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Record
from shared.domain.snapshot import Snapshot
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
        with pytest.raises(Busy):
            async with world.services.records.lease(world.resource):
                pytest.fail("two runs hold one lease")


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
