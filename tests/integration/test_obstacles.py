"""What stands in a rotation's way, and what the operator is told about it."""

from collections.abc import Callable

import pytest

from shared.domain.errors import Unavailable
from shared.domain.journal import Step
from shared.domain.record import Result
from tests.integration.engine import Engine


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("Microsoft.SignalRService/SignalR/regeneratekey/action", "regenerateKey"),
        ("Microsoft.SignalRService/SignalR/listkeys/action", "listKeys"),
        ("Microsoft.KeyVault/vaults/secrets/setSecret/action", "Key Vault Secrets Officer"),
    ],
)
async def test_a_missing_right_is_named_and_nothing_is_repeated(engine: Engine, action: str, says: str) -> None:
    operation = "KeyVault.setSecret" if "KeyVault" in action else f"SignalR.{says}"
    engine.azure.fault(operation, status=403, resource=None if "Vault" in action else engine.resource)

    outcome = await engine.rotate()

    assert ("Failed", "NotPermitted") == (outcome.result, outcome.code)
    assert says in str(outcome.message)
    assert ["RotationFailed"] == engine.told


async def test_a_key_that_could_not_be_published_for_want_of_a_right_is_published_by_the_next_sweep(
    engine: Engine,
) -> None:
    engine.azure.fault("KeyVault.setSecret", status=403)
    await engine.rotate()

    await engine.sweep()

    assert (["Secondary"], "Secondary") == (engine.changes, engine.live_slot)
    assert ["RotationFailed", "KeyRotated"] == engine.told


async def test_how_far_a_rotation_came_is_seen_while_the_vault_is_out_of_reach(engine: Engine) -> None:
    engine.azure.fault("KeyVault.setSecret", status=503, times=9)

    with pytest.raises(Unavailable):
        await engine.rotate()

    record = await engine.record()
    assert record
    assert record.journal
    assert (Step.REGENERATED, "dataplane") == (record.journal.step, record.journal.verified)


async def test_a_soft_deleted_secret_is_named_with_what_to_do(engine: Engine) -> None:
    engine.azure.delete_secret(engine.secret)

    outcome = await engine.rotate()

    assert ("Failed", "SecretSoftDeleted") == (outcome.result, outcome.code)
    assert "purge" in str(outcome.message)
    assert [] == engine.changes


async def test_a_version_that_is_disabled_while_the_key_is_renewed_is_not_overruled(engine: Engine) -> None:
    """An operator's switch. Once it is set back, the next sweep goes on from where the rotation stood."""
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    with pytest.raises(Unavailable):
        await engine.works(engine.asks())
    engine.azure.disable_secret_version(engine.secret)

    swept = await engine.sweep()
    versions = len(engine.versions)
    engine.azure.enable_secret_version(engine.secret)
    await engine.sweep()

    assert "SecretDisabled" == swept.code
    assert 1 == versions
    assert (["Secondary"], "Secondary") == (engine.changes, engine.live_slot)


async def test_a_data_plane_out_of_reach_leaves_the_proof_to_arm(engine: Engine) -> None:
    engine.azure.fault("DataPlane.probe", status=403, times=20, resource=engine.resource)

    outcome = await engine.rotate()

    assert ("Succeeded", "arm") == (outcome.result, outcome.verified)
    assert "Secondary" == engine.live_slot


async def test_a_key_that_signalr_refuses_is_not_published(engine: Engine) -> None:
    before = engine.azure.valid_keys(engine.resource)["Primary"]
    engine.azure.configure(engine.resource, data_plane_lag=30)

    outcome = await engine.rotate()

    assert ("Failed", "KeyRefused") == (outcome.result, outcome.code)
    assert 1 == len(engine.versions)
    assert engine.azure.accepts(engine.resource, before)


@pytest.mark.parametrize(
    "stop",
    [
        lambda e: e.azure.update_signalr(e.resource, tags={"key-rotation": "paused"}),
        lambda e: e.azure.update_signalr(e.resource, disable_local_auth=True),
    ],
    ids=["paused", "local auth disabled"],
)
async def test_an_operators_stop_ends_a_plan_that_touched_nothing(
    engine: Engine, stop: Callable[[Engine], None]
) -> None:
    engine.azure.fault("SignalR.regenerateKey", status=429, headers={"Retry-After": "1"}, resource=engine.resource)
    request = engine.asks()
    assert await engine.app.worker.work(request) is None
    stop(engine)

    outcome = await engine.works(request)

    assert Result.REFUSED == outcome.result
    assert [] == engine.changes


async def test_a_topic_that_refuses_is_told_later(engine: Engine) -> None:
    """The key is out and published: that the topic refuses is no failure of the rotation's."""
    engine.azure.fault("EventGrid.publish", status=401, times=2)
    outcome = await engine.rotate()

    await engine.sweep()

    assert ("Succeeded", None) == (outcome.result, outcome.code)
    assert ["KeyRotated"] == engine.told
    assert ["Secondary"] == engine.changes


async def test_a_vault_that_knows_no_versions_of_a_new_secret_is_no_obstacle(engine: Engine) -> None:
    """The listing of what was never made may be empty, or not found."""
    engine.azure.fault("KeyVault.listVersions", status=404)

    outcome = await engine.rotate()

    assert "Succeeded" == outcome.result
