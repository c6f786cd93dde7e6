"""What the ports to records and operations promise, held against the ports in memory and the real adapters alike."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.decision import Cause
from shared.domain.errors import Busy, KeyReused, LeaseLost
from shared.domain.heartbeat import Heartbeat
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Outcome, Record, Result
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.snapshot import Snapshot
from tests.conformance.worlds import World

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def item(world: World, **how: object) -> WorkItem:
    command = RotationCommand("http", world.resource, Mode.ROTATE, deduplication_key=str(uuid.uuid4()), **how)
    return command.for_resource(world.resource, NOW)


def outcome(of: WorkItem) -> Outcome:
    return Outcome(rotation_id=of.rotation_id, result=Result.SUCCEEDED, trigger="http", requested_at=NOW, ended_at=NOW)


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


# -- operations


async def test_an_operation_is_opened_once(world: World) -> None:
    asked = item(world)

    first = await world.services.operations.open(asked)
    await world.services.operations.close(world.resource, outcome(asked))
    again = await world.services.operations.open(asked)

    assert (False, True) == (first.final, again.final)


async def test_an_operation_tells_how_it_ended(world: World) -> None:
    asked = item(world)
    await world.services.operations.open(asked)
    await world.services.operations.close(world.resource, outcome(asked))

    known = await world.services.operations.read(asked.rotation_id)

    assert known
    assert (outcome(asked), str(world.resource)) == (known.outcome, known.resource)


async def test_an_id_that_nobody_asked_under_is_unknown(world: World) -> None:
    assert await world.services.operations.read(str(uuid.uuid4())) is None


async def test_an_idempotency_key_belongs_to_its_first_command(world: World) -> None:
    key = str(uuid.uuid4())
    command = RotationCommand("http", world.resource, Mode.ROTATE, reason="audit")
    await world.services.operations.claim(key, command)
    await world.services.operations.claim(key, command)

    with pytest.raises(KeyReused):
        await world.services.operations.claim(key, replace(command, reason="another"))
