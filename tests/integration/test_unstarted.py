"""Nothing accepted is forgotten: a request whose message is gone is asked for again, or ends with a code of its own."""

from datetime import timedelta

import pytest

from shared.adapters.azure_services import NAME, URGENT
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.http.responses import OperationStatus
from tests.integration import queues
from tests.integration.engine import Engine


async def lost(engine: Engine, mode: Mode = Mode.REVOKE, **wish: object) -> WorkItem:
    """A request that was accepted, and whose message vanishes before a worker takes it."""
    command = RotationCommand("http", ResourceId.parse(engine.resource), mode, **wish)
    [item] = await engine.app.rotations.submit(command)
    queues.cleared(engine.storage)
    return item


async def hourly(engine: Engine, *, work: bool = True) -> None:
    """An hour passes, and a sweep. What it asks for is done, or gets lost as well."""
    engine.ahead += timedelta(hours=1)
    await engine.app.rotations.sweep()
    while work and (found := [m for n in (URGENT, NAME) for m in queues.taken(engine.storage, n)]):
        for message in found:
            await engine.app.messages.work(message)
    queues.cleared(engine.storage)


async def status(engine: Engine, item: WorkItem) -> OperationStatus:
    found = await engine.app.rotations.status(item.rotation_id)
    assert found
    return OperationStatus.of(found)


@pytest.mark.parametrize(("mode", "kinds"), [(Mode.REVOKE, ["Secondary"]), (Mode.ROTATE, ["Secondary"])])
async def test_a_request_whose_message_is_gone_is_done_under_its_id(
    engine: Engine, mode: Mode, kinds: list[str]
) -> None:
    leaked = engine.azure.valid_keys(engine.resource)["Primary"]
    item = await lost(engine, mode)

    await hourly(engine)

    assert ("Succeeded", kinds) == ((await status(engine, item)).status, engine.changes)
    assert leaked not in engine.versions[-1]["value"]


async def test_a_message_that_comes_late_after_all_does_nothing_more(engine: Engine) -> None:
    item = await lost(engine)
    await hourly(engine)

    await engine.app.messages.work(item.model_dump_json(by_alias=True, exclude_defaults=True).encode())

    assert ["Secondary"] == engine.changes


async def test_a_request_that_gets_lost_again_ends_and_says_so(engine: Engine) -> None:
    item = await lost(engine)

    await hourly(engine, work=False)
    await hourly(engine, work=False)

    told = await status(engine, item)
    assert told.error
    assert ("Failed", "NeverStarted", ["RotationFailed"]) == (told.status, told.error.code, engine.told)


async def test_what_ended_unstarted_is_not_done_when_its_message_comes_late(engine: Engine) -> None:
    item = await lost(engine)
    await hourly(engine, work=False)
    await hourly(engine, work=False)

    await engine.app.messages.work(item.model_dump_json(by_alias=True, exclude_defaults=True).encode())

    assert ([], "Failed") == (engine.changes, (await status(engine, item)).status)


async def test_what_was_asked_a_moment_ago_is_not_asked_for_again(engine: Engine) -> None:
    item = await lost(engine)

    await engine.app.rotations.sweep()

    assert item.rotation_id not in {each["rotationId"] for each in queues.visible(engine.storage, URGENT)}


async def test_what_is_scheduled_for_a_later_attempt_is_not_lost(engine: Engine) -> None:
    item = await lost(engine)
    engine.ahead += timedelta(minutes=50)
    engine.azure.fault("SignalR.listKeys", status=429, headers={"Retry-After": "1800"}, resource=engine.resource)
    await engine.app.worker.work(item)
    queues.cleared(engine.storage)
    engine.ahead += timedelta(minutes=10)

    await engine.app.rotations.sweep()

    assert item.rotation_id not in {each["rotationId"] for each in queues.visible(engine.storage, URGENT)}


async def test_a_request_whose_scheduled_attempt_gets_lost_is_asked_for_again(engine: Engine) -> None:
    item = await lost(engine)
    engine.azure.fault("KeyVault.getSecret", status=429, headers={"Retry-After": "60"})
    await engine.app.worker.work(item)
    queues.cleared(engine.storage)

    await hourly(engine)

    assert ("Succeeded", ["Secondary"]) == ((await status(engine, item)).status, engine.changes)


async def test_a_run_that_has_begun_is_left_to_the_sweep_of_its_resource(engine: Engine) -> None:
    engine.azure.fault("KeyVault.setSecret", status=403, times=1)
    item = await lost(engine)
    await engine.app.worker.work(item)

    await hourly(engine)

    assert ("Succeeded", ["Secondary"]) == ((await status(engine, item)).status, engine.changes)


async def test_a_request_that_ended_leaves_nothing_behind(engine: Engine) -> None:
    item = await lost(engine)
    marker = engine.blobs.get_blob_client(NAME, f"open/{item.rotation_id}")
    before = await marker.exists()

    await engine.app.worker.work(item)

    assert (True, False) == (before, await marker.exists())
