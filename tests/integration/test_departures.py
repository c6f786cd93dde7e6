"""A resource leaves the fleet: what was promised or begun is kept, and nothing else is done to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.environment import SUBSCRIPTION
from shared.domain.errors import Retryable
from shared.domain.requests import Mode
from tests.integration.engine import Engine
from tests.integration.test_rejected_keys import rejects
from tests.integration.test_retirements import write


@asynccontextmanager
async def opted_in(azure: AzureEmulator, storage: Azurite) -> AsyncIterator[Engine]:
    """A resource that is managed by its tag, and whose Primary is published."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/integration"
    settings = {"SIGNALR_RESOURCE_IDS": "", "SIGNALR_RESOURCE_GROUP_IDS": group}
    async with Engine.on(azure, storage, **settings) as made:
        made.azure.update_signalr(made.resource, tags={"key-rotation": "enabled"})
        made.publish("Primary", age_days=3)
        yield made
    azure.clear_faults()


@pytest.fixture
async def managed(azure_session: AzureEmulator, storage: Azurite) -> AsyncIterator[Engine]:
    """It was looked at once."""
    async with opted_in(azure_session, storage) as made:
        await made.sweep()
        yield made


@pytest.fixture
async def discovered(azure_session: AzureEmulator, storage: Azurite) -> AsyncIterator[Engine]:
    """Its Primary key was revoked."""
    async with opted_in(azure_session, storage) as made:
        await made.rotate(mode=Mode.REVOKE)
        yield made


def lose_tags(engine: Engine) -> None:
    engine.azure.update_signalr(engine.resource, tags={"environment": "production", "owner": "platform"})


async def test_a_tag_that_is_lost_does_not_undo_it(discovered: Engine) -> None:
    lose_tags(discovered)
    await discovered.sweep()
    before = list(discovered.changes)
    discovered.ahead = timedelta(hours=49)

    outcomes = [await discovered.sweep() for _ in range(2)]

    assert (["Secondary"], ["Secondary", "Primary"]) == (before, discovered.changes)
    assert (["KeyRotated", "KeyRetired"], "NotManaged") == (discovered.told, outcomes[-1].code)


async def test_a_tag_that_comes_back_after_the_time_has_it_done_by_one_sweep(discovered: Engine) -> None:
    lose_tags(discovered)
    await discovered.sweep()
    discovered.ahead = timedelta(days=4)
    discovered.azure.update_signalr(discovered.resource, tags={"key-rotation": "enabled"})

    await discovered.sweep()

    assert ["Secondary", "Primary"] == discovered.changes


async def test_what_leaves_for_another_reason_has_no_key_regenerated(discovered: Engine) -> None:
    discovered.ahead = timedelta(hours=49)
    await discovered.sweep()
    lose_tags(discovered)
    discovered.ahead = timedelta(days=70)

    await discovered.sweep()

    assert ["Secondary", "Primary"] == discovered.changes


async def test_a_leaked_key_that_is_published_on_a_resource_that_left_is_reported_once(discovered: Engine) -> None:
    leaked = next(each["value"] for each in discovered.versions).split("AccessKey=")[1].split(";")[0]
    write(discovered, leaked)
    lose_tags(discovered)

    for day in range(3):
        discovered.ahead = timedelta(days=day)
        await discovered.sweep()

    codes = [each["data"].get("code") for each in discovered.events]
    assert [None, "RetirementImpossible"] == codes
    assert ["Secondary"] == discovered.changes


# -- with something under way


async def test_a_revocation_whose_new_key_signalr_does_not_take_is_reported_and_not_forgotten(managed: Engine) -> None:
    rejects(managed, "Secondary")
    await managed.rotate(mode=Mode.REVOKE)
    lose_tags(managed)

    for _ in range(2):
        await managed.sweep()

    codes = [each["data"].get("code") for each in managed.events if "RotationFailed" in each["type"]]
    assert ["KeyRefused", "RetirementImpossible"] == codes


async def test_a_leaked_key_goes_where_another_writer_publishes_the_late_one(managed: Engine) -> None:
    leaked = managed.azure.valid_keys(managed.resource)["Primary"]
    rejects(managed, "Secondary")
    await managed.rotate(mode=Mode.REVOKE, overlap_hours=2)
    rejects(managed)
    write(managed, managed.azure.valid_keys(managed.resource)["Secondary"])
    lose_tags(managed)
    await managed.sweep()
    managed.ahead = timedelta(hours=3)

    await managed.sweep()

    assert not managed.azure.accepts(managed.resource, leaked)


async def test_a_promise_outlasts_local_authentication_that_is_off_when_it_leaves(managed: Engine) -> None:
    leaked = managed.azure.valid_keys(managed.resource)["Primary"]
    await managed.rotate(mode=Mode.REVOKE, overlap_hours=2)
    managed.azure.update_signalr(managed.resource, disable_local_auth=True)
    lose_tags(managed)
    await managed.sweep()
    managed.azure.update_signalr(managed.resource, disable_local_auth=False)
    managed.ahead = timedelta(hours=3)

    await managed.sweep()

    assert leaked not in managed.azure.valid_keys(managed.resource).values()


async def test_what_was_not_told_yet_is_told_after_it_has_left(managed: Engine) -> None:
    before = len(managed.told)
    managed.azure.fault("EventGrid.publish", status=404, times=1000)
    await managed.rotate(force=True)
    lose_tags(managed)
    await managed.sweep()
    managed.azure.clear_faults()
    waiting = {each.resource async for each in managed.app.services.records.entries()}
    await managed.sweep()
    done = {each.resource async for each in managed.app.services.records.entries()}

    assert ["KeyRotated"] == managed.told[before:]
    assert (True, False) == (managed.resource in waiting, managed.resource in done)


async def test_a_rotation_that_arm_has_refused_so_far_ends_with_the_tag(managed: Engine) -> None:
    managed.azure.fault("SignalR.regenerateKey", status=409, times=1000, resource=managed.resource)
    request = managed.asks(force=True)
    with suppress(Retryable):
        await managed.works(request)
    managed.azure.clear_faults()
    managed.azure.update_signalr(managed.resource, tags={"key-rotation": "off"})

    await managed.sweep()
    outcome = await managed.works(request)

    assert ("Failed", "NotManaged", []) == (outcome.result, outcome.code, managed.changes)


async def test_a_rotation_that_arm_has_refused_so_far_ends_without_a_look_at_its_vault(managed: Engine) -> None:
    """The role there may be gone as well, and nothing has come of the rotation."""
    managed.azure.fault("SignalR.regenerateKey", status=409, times=1000, resource=managed.resource)
    with suppress(Retryable):
        await managed.rotate(force=True)
    managed.azure.update_signalr(managed.resource, tags={"key-rotation": "off"})
    managed.azure.fault("KeyVault.getSecret", status=403, times=1000)

    outcome = await managed.sweep()

    assert ("Skipped", "NotManaged", True) == (outcome.result, outcome.code, (await managed.record()).removed)


async def test_a_run_that_has_begun_publishes_where_it_was_planned_for(managed: Engine) -> None:
    """Without its tags the resource would have another secret name: clients read the one that it had."""
    named = "clients-read-this"
    managed.azure.update_signalr(managed.resource, tags={"key-rotation": "enabled", "key-rotation-secret": named})
    await managed.sweep()
    managed.azure.fault("KeyVault.setSecret", status=503, times=1000)
    with suppress(Retryable):
        await managed.rotate(mode=Mode.REVOKE, force=True)
    managed.azure.clear_faults()
    others = len(managed.versions)
    lose_tags(managed)

    await managed.sweep()

    new = managed.azure.valid_keys(managed.resource)["Secondary"]
    assert new in managed.azure.secrets()[named][-1]["value"]
    assert others == len(managed.versions)
