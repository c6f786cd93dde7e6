"""What is written down, and what becomes of it when it is lost, unreadable or somebody else's."""

from datetime import timedelta

import pytest
from azure.storage.blob.aio import BlobLeaseClient

from shared.adapters.azure_services import NAME
from shared.domain.errors import Unavailable
from shared.domain.keys import KeyType
from shared.domain.operation import Operation
from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.integration.engine import Engine


async def test_a_second_delivery_gives_the_first_ones_outcome(engine: Engine) -> None:
    request = engine.asks(force=True)

    first, again = await engine.works(request), await engine.works(request)

    assert first == again
    assert ["Secondary"] == engine.changes


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"resource": 7}', b"[]", b""], ids=repr)
async def test_an_unreadable_record_is_as_good_as_lost(engine: Engine, content: bytes) -> None:
    await engine.rotate()
    await engine.overwrite(engine.record_name, content)

    outcome = await engine.sweep()

    assert (Result.SKIPPED, "NotDue") == (outcome.result, outcome.code)
    assert ["Secondary"] == engine.changes


async def test_an_unreadable_ticket_is_as_good_as_lost(engine: Engine) -> None:
    request = engine.asks()
    await engine.overwrite(f"rotations/{request.rotation_id}.json", b"{")

    assert await engine.app.rotations.status(request.rotation_id) is None
    assert "Succeeded" == (await engine.works(request)).result


async def test_a_redelivery_after_the_record_was_lost_changes_nothing(engine: Engine) -> None:
    """The vault remembers which rotation made which version. What can't be known is told again, under the same id."""
    request = engine.asks(force=True, tracked=False)
    await engine.works(request)
    await engine.lose_record()

    outcome = await engine.works(request)

    assert (Result.SUCCEEDED, request.rotation_id) == (outcome.result, outcome.rotation_id)
    assert ["Secondary"] == engine.changes
    assert ["KeyRotated", "KeyRotated"] == engine.told
    assert 1 == len({event["id"] for event in engine.events})


async def test_a_redelivery_after_record_and_newest_version_are_gone_changes_nothing(engine: Engine) -> None:
    """Somebody else's version came on top, and the record is lost: the version of this rotation is still there."""
    request = engine.asks(force=True, tracked=False)
    await engine.works(request)
    await engine.lose_record()
    engine.publish("Primary")

    outcome = await engine.works(request)

    assert (Result.SKIPPED, "AlreadyRotated") == (outcome.result, outcome.code)
    assert ["Secondary"] == engine.changes


async def test_another_resources_version_is_not_announced_in_its_name(engine: Engine) -> None:
    """A resource that takes over a secret finds the version of the one before it."""
    before = engine.resource.replace("integration", "elsewhere")
    engine.publish("Primary", age_days=1, RotationId="theirs", ProviderAddress=before)

    await engine.sweep()

    assert [] == engine.told


async def test_a_version_that_was_overtaken_before_its_answer_came_is_not_made_again(engine: Engine) -> None:
    """`set_secret` was carried out and its answer lost; then somebody else added a version."""
    engine.azure.fault("KeyVault.setSecret", cut="after-effect")
    request = engine.asks()
    with pytest.raises(Unavailable):
        await engine.works(request)
    engine.publish("Primary")

    outcome = await engine.works(request)

    assert "Succeeded" == outcome.result
    made = [version for version in engine.versions if version["tags"].get("RotationId") == request.rotation_id]
    assert 1 == len(made)
    assert ["KeyRotated"] == engine.told


async def test_a_retirement_survives_the_loss_of_record_and_message(engine: Engine) -> None:
    """It stands in the version's tags: a leaked key does not stay alive because a blob was deleted."""
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=0)
    await engine.lose_record()

    outcome = await engine.sweep()

    assert ("retire", "Primary") == (outcome.kind, outcome.slot)
    assert ["Secondary", "Primary"] == engine.changes
    assert "Secondary" == engine.live_slot


async def test_a_retirement_is_carried_over_by_a_version_that_comes_before_it(engine: Engine) -> None:
    """The published key is renewed by force while the leaked one waits: it must not be forgotten."""
    leaked = engine.azure.valid_keys(engine.resource)["Primary"]
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=48)
    await engine.rotate(key_type=KeyType.SECONDARY, force=True)
    engine.ahead = timedelta(hours=49)

    outcome = await engine.sweep()

    assert "retire" == outcome.kind
    assert not engine.azure.accepts(engine.resource, leaked)
    assert engine.live_slot is not None


async def test_a_longer_overlap_that_was_asked_for_outlasts_the_policys(engine: Engine) -> None:
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=96)
    engine.ahead = timedelta(hours=49)

    outcome = await engine.rotate()

    assert (Result.REFUSED, "OverlapActive") == (outcome.result, outcome.code)
    assert ["Secondary"] == engine.changes


async def test_a_longer_overlap_that_was_asked_for_outlasts_the_record_too(engine: Engine) -> None:
    """The version's tags tell of it as well."""
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=96)
    await engine.lose_record()
    engine.ahead = timedelta(hours=49)

    outcome = await engine.rotate()

    assert (Result.REFUSED, "OverlapActive") == (outcome.result, outcome.code)
    assert ["Secondary"] == engine.changes


async def test_a_resource_that_is_worked_on_puts_the_request_off(engine: Engine) -> None:
    """Its message comes again later: waiting in line burns none of the platform's five deliveries."""
    await engine.sweep()
    lease = BlobLeaseClient(engine.blobs.get_blob_client(NAME, engine.record_name))
    await lease.acquire(lease_duration=60)

    put_off = await engine.app.worker.work(engine.asks())
    await lease.release()

    assert put_off is None
    assert [] == engine.changes


async def test_a_rotation_that_ended_without_its_ticket_is_told_by_the_record(engine: Engine) -> None:
    """The worker died between the record and the ticket."""
    request = engine.asks()
    await engine.works(request)
    ticket = Operation(rotation_id=request.rotation_id, resource=request.resource, requested_at=request.requested_at)
    await engine.overwrite(f"rotations/{request.rotation_id}.json", ticket.model_dump_json(by_alias=True).encode())

    status = await engine.app.rotations.status(request.rotation_id)

    assert status
    assert status.outcome
    assert "Succeeded" == status.outcome.result


async def test_a_salt_whose_ticket_is_lost_is_not_renewed_again(engine: Engine) -> None:
    """It leaves no trace in the vault: the record alone remembers."""
    request = engine.asks(key_type=KeyType.SALT)
    await engine.works(request)
    await engine.overwrite(f"rotations/{request.rotation_id}.json", b"")

    await engine.works(request)

    assert ["Salt"] == engine.changes


async def test_giving_up_ends_a_plan_that_touched_nothing(engine: Engine) -> None:
    """Its caller is told that it failed: it must not be carried out hours later all the same."""
    request = engine.asks()
    engine.azure.fault("SignalR.regenerateKey", status=429, times=2, resource=engine.resource)
    assert await engine.app.worker.work(request) is None

    outcome = await engine.app.worker.dead_letter(request)
    record = await engine.record()

    assert ("Failed", "RetriesExhausted") == (outcome.result, outcome.code)
    assert record
    assert record.journal is None
    assert "Skipped" == (await engine.sweep()).result


async def test_giving_up_keeps_the_journal_of_a_key_that_changed(engine: Engine) -> None:
    """The next sweep finishes it: the new key is as good as published."""
    request = engine.asks()
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    with pytest.raises(Unavailable):
        await engine.works(request)
    await engine.app.worker.dead_letter(request)

    await engine.sweep()

    record = await engine.record()
    assert record
    assert "Succeeded" == next(each for each in record.history if each.rotation_id == request.rotation_id).result
    assert (["Secondary"], "Secondary") == (engine.changes, engine.live_slot)
