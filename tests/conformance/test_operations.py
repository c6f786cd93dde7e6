"""What the store of operations promises, held against the one in memory and the real adapter alike."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import KeyReused
from shared.domain.record import Result
from shared.domain.requests import Mode, RotationCommand
from tests.conformance.worlds import NOW, World, item, outcome


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


async def test_an_operation_that_has_ended_is_never_changed(world: World) -> None:
    asked = item(world)
    await world.services.operations.open(asked)
    first = await world.services.operations.close(world.resource, outcome(asked))
    other = outcome(asked).model_copy(update={"result": Result.FAILED, "code": "RetriesExhausted"})

    stored = await world.services.operations.close(world.resource, other)
    revised = await world.services.operations.revise(asked.rotation_id, lambda known: known.asked_again(NOW))

    assert [first] * 3 == [stored, revised, await world.services.operations.read(asked.rotation_id)]


async def test_an_operation_that_nobody_opened_tells_how_it_ended(world: World) -> None:
    asked = item(world)
    await world.services.operations.close(world.resource, outcome(asked), opened=False)

    known = await world.services.operations.read(asked.rotation_id)

    assert known
    assert (outcome(asked), str(world.resource)) == (known.outcome, known.resource)


async def test_an_operation_that_was_opened_after_all_keeps_what_was_asked(world: World) -> None:
    asked = item(world)
    await world.services.operations.open(asked)

    stored = await world.services.operations.close(world.resource, outcome(asked), opened=False)

    assert (asked, outcome(asked)) == (stored.item, stored.outcome)


async def test_an_operation_is_revised_while_it_is_open(world: World) -> None:
    asked = item(world)
    await world.services.operations.open(asked)

    await world.services.operations.revise(asked.rotation_id, lambda known: known.asked_again(NOW))

    known = await world.services.operations.read(asked.rotation_id)
    assert known
    assert (NOW, asked) == (known.asked_again_at, known.item)


async def test_what_nobody_asked_for_is_not_revised(world: World) -> None:
    assert await world.services.operations.revise(str(uuid.uuid4()), lambda known: known) is None


async def test_what_was_accepted_is_unfinished_until_it_ends(world: World) -> None:
    operations = world.services.operations
    asked, other = item(world), item(world)
    for each in (asked, other):
        await operations.accepted(await operations.open(each))
    later = world.services.clock() + timedelta(minutes=1)

    async def unfinished() -> set[str]:
        found = {each.rotation_id async for each in operations.unfinished(before=later)}
        return found & {asked.rotation_id, other.rotation_id}

    before = await unfinished()
    await operations.close(world.resource, outcome(asked))

    assert ({asked.rotation_id, other.rotation_id}, {other.rotation_id}) == (before, await unfinished())


async def test_what_was_accepted_just_now_is_not_unfinished_yet(world: World) -> None:
    operations, asked = world.services.operations, item(world)
    await operations.accepted(await operations.open(asked))
    earlier = world.services.clock() - timedelta(minutes=1)

    assert asked.rotation_id not in {each.rotation_id async for each in operations.unfinished(before=earlier)}


async def test_an_id_that_nobody_asked_under_is_unknown(world: World) -> None:
    assert await world.services.operations.read(str(uuid.uuid4())) is None


async def test_an_idempotency_key_belongs_to_its_first_command(world: World) -> None:
    key = str(uuid.uuid4())
    command = RotationCommand("http", world.resource, Mode.ROTATE, reason="audit")
    await world.services.operations.claim(key, command)
    await world.services.operations.claim(key, command)

    with pytest.raises(KeyReused):
        await world.services.operations.claim(key, replace(command, reason="another"))
