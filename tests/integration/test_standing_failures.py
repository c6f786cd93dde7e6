"""Failures that are over, failures that stand, and what ARM says for a moment only."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.dashboard.status import State, status_of
from shared.domain.errors import Unavailable
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.integration.engine import Engine


async def state(engine: Engine, *, days: float = 0) -> State:
    record = await engine.record()
    assert record
    now = datetime.now(UTC) + engine.ahead + timedelta(days=days)
    return status_of(InventoryEntry.of(record), now, grace=timedelta(hours=48)).state


async def test_a_failure_that_is_over_does_not_stay_on_the_dashboard(engine: Engine) -> None:
    await engine.rotate()
    engine.azure.fault("KeyVault.getSecret", status=403, times=2)
    await engine.sweep()
    failed = await state(engine)

    await engine.sweep()

    assert (State.FAILED, State.HEALTHY) == (failed, await state(engine))


async def test_a_failure_that_stands_stays_on_the_dashboard(engine: Engine) -> None:
    engine.azure.fault("KeyVault.getSecret", status=403, times=100)
    await engine.sweep()
    engine.ahead = timedelta(days=3)

    await engine.sweep()

    assert State.FAILED is await state(engine)


async def test_a_failure_of_fifty_days_pushes_no_success_out(engine: Engine) -> None:
    await engine.rotate()
    engine.azure.fault("KeyVault.getSecret", status=403, times=1000)
    for day in range(1, 53):
        engine.ahead = timedelta(days=day)
        await engine.sweep()
    engine.azure.clear_faults()

    await engine.sweep()

    record = await engine.record()
    assert record
    assert 1 == [each.result for each in record.history].count(Result.SUCCEEDED)
    assert 52 == next(each.count for each in record.history if each.result is Result.FAILED)
    assert 1 == engine.told.count("KeyRotated")


@pytest.mark.parametrize("resting", ["Failed", "Canceled"])
async def test_a_resource_whose_last_change_failed_is_rotated_all_the_same(engine: Engine, resting: str) -> None:
    engine.azure.update_signalr(engine.resource, provisioning_state=resting)

    outcome = await engine.rotate(mode=Mode.REVOKE, overlap_hours=0, force=True)

    assert (Result.SUCCEEDED, ["Secondary"]) == (outcome.result, engine.changes)


async def test_a_resource_that_is_being_changed_is_waited_for(engine: Engine) -> None:
    engine.azure.update_signalr(engine.resource, provisioning_state="Updating")

    assert await engine.app.worker.work(engine.asks()) is None
    assert [] == engine.changes


# -- 404 for a moment


async def test_an_open_run_survives_a_404_of_a_moment(engine: Engine) -> None:
    leaked = engine.azure.valid_keys(engine.resource)["Primary"]
    request = engine.asks(Mode.REVOKE, overlap_hours=0)
    engine.azure.fault("KeyVault.setSecret", status=503, times=1)
    with pytest.raises(Unavailable):
        await engine.works(request)
    engine.azure.fault("SignalR.get", status=404, times=1, resource=engine.resource)

    assert await engine.app.worker.work(request) is None
    await engine.app.worker.work(request)
    engine.ahead = timedelta(minutes=2)
    await engine.sweep()

    assert ["KeyRotated", "KeyRetired"] == engine.told
    assert ["Secondary", "Primary"] == engine.changes
    assert not engine.azure.accepts(engine.resource, leaked)


async def test_a_404_that_a_sweep_meets_loses_nothing(engine: Engine) -> None:
    await engine.rotate()
    engine.azure.fault("SignalR.get", status=404, times=99, resource=engine.resource)

    missing = await engine.sweep()
    again = await engine.sweep()
    engine.azure.clear_faults()
    found = await engine.sweep()

    record = await engine.record()
    assert record
    assert ("ResourceMissing", "ResourceMissing", "NotDue") == (missing.code, again.code, found.code)
    assert (False, None, "Secondary") == (record.removed, record.missing_since, record.snapshot.published_slot)
    assert ["KeyRotated"] == engine.told


@pytest.mark.parametrize("operation", ["SignalR.listKeys", "SignalR.regenerateKey"])
async def test_a_404_of_any_call_to_arm_is_a_moments(engine: Engine, operation: str) -> None:
    engine.azure.fault(operation, status=404, times=1, resource=engine.resource)
    request = engine.asks()

    assert await engine.app.worker.work(request) is None
    await engine.app.worker.work(request)

    assert (["KeyRotated"], ["Secondary"]) == (engine.told, engine.changes)


async def test_a_resource_that_is_gone_is_reported_once(engine: Engine) -> None:
    await engine.rotate()
    engine.azure.fault("SignalR.get", status=404, times=1000, resource=engine.resource)

    for hours in range(24):
        engine.ahead = timedelta(hours=hours)
        await engine.sweep()

    record = await engine.record()
    assert record
    assert (True, "NotFound") == (record.removed, record.history[-1].code)
    assert ["KeyRotated", "RotationFailed"] == engine.told


# -- access keys switched off


async def test_where_access_keys_are_off_none_are_read(engine: Engine) -> None:
    engine.azure.update_signalr(engine.resource, disable_local_auth=True)
    engine.azure.fault("SignalR.listKeys", status=400, times=100, resource=engine.resource)

    swept, asked = await engine.sweep(), await engine.rotate()

    assert (Result.SKIPPED, "LocalAuthDisabled") == (swept.result, swept.code)
    assert (Result.REFUSED, "LocalAuthDisabled") == (asked.result, asked.code)
    assert [] == engine.told


async def test_keys_that_are_switched_on_again_are_published_by_one_sweep(engine: Engine) -> None:
    await engine.rotate()
    engine.azure.update_signalr(engine.resource, disable_local_auth=True)
    await engine.sweep()
    engine.azure.update_signalr(engine.resource, disable_local_auth=False)
    for slot in ("Primary", "Secondary"):
        engine.azure.regenerate_in_portal(engine.resource, slot)

    await engine.sweep()

    assert engine.live_slot is not None
