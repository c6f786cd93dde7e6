"""Two installations on one storage account: each leaves alone what is the other's, and both say so."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.adapters.azure_services import URGENT
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from tests.integration import queues
from tests.integration.engine import Engine


@pytest.fixture
async def other(azure_session: AzureEmulator, storage: Azurite, engine: Engine) -> AsyncIterator[Engine]:
    """A developer's machine: the same storage, another resource, another vault."""
    queues.cleared(storage)
    async with Engine.on(azure_session, engine.storage, KEY_VAULT_URL=azure_session.vaults[1]) as made:
        yield made


async def asked(engine: Engine, mode: Mode = Mode.REVOKE) -> str:
    [item] = await engine.app.rotations.submit(RotationCommand("http", ResourceId.parse(engine.resource), mode))
    return item.rotation_id


def test_each_has_a_name_of_its_own_that_what_it_manages_is_no_part_of(engine: Engine, other: Engine) -> None:
    narrowed = engine.app.settings.model_copy(update={"SIGNALR_RESOURCE_IDS": (other.resource,)})

    assert engine.app.settings.installation != other.app.settings.installation
    assert engine.app.settings.installation == narrowed.installation


async def test_a_message_of_the_other_is_put_back_and_done_by_its_owner(engine: Engine, other: Engine) -> None:
    rotation = await asked(engine)
    [message] = queues.taken(engine.storage, URGENT)
    before = len(engine.azure.requests())

    await other.app.messages.work(message)

    assert [] == [each for each in engine.azure.requests()[before:] if each["service"] != "identity"]
    [again] = queues.soon(lambda: queues.taken(engine.storage, URGENT))
    await engine.app.messages.work(again)
    status = await engine.app.rotations.status(rotation)
    assert status
    assert status.outcome
    assert ("Succeeded", ["Secondary"]) == (status.outcome.result, engine.changes)


async def test_the_other_is_named_in_the_log(engine: Engine, other: Engine, caplog: pytest.LogCaptureFixture) -> None:
    await asked(engine)
    [message] = queues.taken(engine.storage, URGENT)

    with caplog.at_level(logging.ERROR):
        await other.app.messages.work(message)

    [line] = [each for each in caplog.records if "another installation" in each.getMessage()]
    assert engine.app.settings.installation == vars(line)["installation"]


async def test_poison_of_the_other_is_not_given_up_here(engine: Engine, other: Engine) -> None:
    rotation = await asked(engine)
    [message] = queues.taken(engine.storage, URGENT)

    await other.app.messages.dead_letter(message)

    status = await engine.app.rotations.status(rotation)
    assert status
    assert (None, [], 1) == (status.outcome, engine.told, queues.count(engine.storage, URGENT))


async def test_a_sweep_closes_no_record_of_the_other(engine: Engine, other: Engine) -> None:
    await engine.sweep()
    before = await engine.record()
    queues.cleared(engine.storage)

    swept = {item.resource for item in await other.app.rotations.sweep()}

    assert ({other.resource}, before) == (swept, await engine.record())


async def test_a_resource_that_is_managed_is_ones_own_whoever_wrote_its_record(
    azure_session: AzureEmulator, engine: Engine
) -> None:
    """The vault was exchanged, and with it the name of the installation."""
    await engine.sweep()
    settings = {"KEY_VAULT_URL": azure_session.vaults[1], "SIGNALR_RESOURCE_IDS": engine.resource}
    async with Engine.on(azure_session, engine.storage, **settings) as moved:
        [swept] = [item for item in await moved.app.rotations.sweep() if item.resource == engine.resource]
        shown = [each.resource for each in (await moved.app.inventory.listing()).entries if each.snapshot]

    assert (engine.resource, [engine.resource]) == (swept.resource, shown)


async def test_what_the_other_accepted_is_not_asked_for_here(engine: Engine, other: Engine) -> None:
    rotation = await asked(engine)
    queues.cleared(engine.storage)
    other.ahead = timedelta(hours=1)

    await other.app.rotations.sweep()

    assert rotation not in {each["rotationId"] for each in queues.visible(engine.storage, URGENT)}


async def test_both_are_told_in_deep_health(engine: Engine, other: Engine) -> None:
    for each in (engine, other):
        await each.app.rotations.sweep()

    for one, neighbour in ((engine, other), (other, engine)):
        findings = [each for each in (await one.app.health.report()).findings if each.code == "ForeignInstallation"]
        named = [neighbour.app.settings.installation in each.message for each in findings]
        assert [True] == [each for each in named if each]


async def test_messages_that_name_no_installation_are_ones_own(engine: Engine) -> None:
    """Version f93f389 named none."""
    message = engine.asks(force=True).model_dump_json(by_alias=True, exclude_defaults=True)

    await engine.app.messages.work(message.encode())

    assert ["Secondary"] == engine.changes


async def test_each_has_a_heartbeat_of_its_own(engine: Engine, other: Engine) -> None:
    await engine.app.rotations.sweep()
    mine = await engine.app.services.records.heartbeat()

    await other.app.rotations.sweep()

    assert mine == await engine.app.services.records.heartbeat()
