"""What a blip, an outage and a lease that never ends come to: retried in silence, reported once, never for ever."""

import json
from datetime import timedelta

import pytest
from azure.storage.blob.aio import BlobLeaseClient

from shared.adapters.azure_services import NAME, URGENT
from shared.domain.record import Result
from shared.domain.requests import Mode, WorkItem
from shared.http.responses import OperationStatus
from tests.integration import queues
from tests.integration.engine import Engine


async def accepted(engine: Engine, **wish: object) -> WorkItem:
    """A request as the worker finds it: its operation is open."""
    item = engine.asks(**wish)
    await engine.app.services.operations.open(item)
    return item


def down(engine: Engine, status: int = 503) -> None:
    """ARM answers so from now on: at once, however often the SDK tries."""
    engine.azure.fault(
        "SignalR.listKeys", status=status, headers={"Retry-After": "0.01"}, resource=engine.resource, times=1000
    )


async def status(engine: Engine, item: WorkItem) -> OperationStatus:
    found = await engine.app.rotations.status(item.rotation_id)
    assert found
    return OperationStatus.of(found)


async def test_a_blip_is_retried_later_and_reported_to_nobody(engine: Engine) -> None:
    queues.cleared(engine.storage)
    down(engine)
    item = await accepted(engine)

    assert await engine.app.worker.work(item) is None

    assert (1, [], []) == (queues.count(engine.storage), queues.visible(engine.storage), engine.told)


async def test_an_operation_that_waits_for_its_next_attempt_says_why(engine: Engine) -> None:
    down(engine)
    item = await accepted(engine)
    await engine.app.worker.work(item)

    told = await status(engine, item)

    assert told.note
    assert ("Running", "Unavailable", None) == (told.status, told.note.code, told.error)


async def test_a_request_out_of_patience_ends_with_its_last_error(engine: Engine) -> None:
    down(engine)
    item = await accepted(engine)
    engine.ahead = timedelta(hours=1, minutes=1)

    outcome = await engine.app.worker.work(item)

    told = await status(engine, item)
    assert outcome
    assert outcome.message
    assert (Result.FAILED, "RetriesExhausted", True) == (outcome.result, outcome.code, "503" in outcome.message)
    assert (["RotationFailed"], "Failed") == (engine.told, told.status)


async def test_another_directory_is_waited_for_and_then_reported_as_what_it_is(engine: Engine) -> None:
    """A subscription that was moved is known everywhere within an hour."""
    ours, theirs = "0a110000-0000-4000-8000-00000000aaaa", "0a110000-0000-4000-8000-00000000bbbb"
    message = (
        f"The access token is from the wrong issuer 'https://sts.windows.net/{ours}/'. It must match the tenant "
        f"'https://sts.windows.net/{theirs}/' associated with this subscription."
    )
    refusal = {"error": {"code": "InvalidAuthenticationTokenTenant", "message": message}}
    engine.azure.fault("SignalR.get", status=401, body=refusal, resource=engine.resource, times=1000)
    item = await accepted(engine)
    first = await engine.app.worker.work(item)
    waiting, told = await status(engine, item), list(engine.told)
    engine.ahead = timedelta(hours=1, minutes=1)

    await engine.app.worker.work(item)

    ended = await status(engine, item)
    assert waiting.note
    assert ended.error
    assert (None, [], "WrongDirectory") == (first, told, waiting.note.code)
    assert all(words in ended.error.message for words in ("directory (tenant)", ours, theirs))
    assert "role" not in ended.error.message
    assert (["RotationFailed"], []) == (engine.told, engine.changes)


async def test_an_outage_of_days_is_reported_once_a_day_however_often_it_is_looked_at(engine: Engine) -> None:
    """The texts differ from hour to hour; the incident is one."""
    for hour in range(30):
        engine.ahead = timedelta(hours=hour)
        item = engine.asks(Mode.SWEEP, tracked=False)
        engine.ahead += timedelta(hours=1, minutes=1)
        engine.azure.clear_faults()
        down(engine, 503 + hour % 2)
        await engine.app.worker.work(item)

    assert ["RotationFailed"] * 2 == engine.told


async def test_a_topic_that_is_down_as_well_keeps_no_failure_from_being_recorded(engine: Engine) -> None:
    item = engine.asks(Mode.SWEEP, tracked=False)
    engine.ahead = timedelta(hours=1, minutes=1)
    down(engine)
    engine.azure.fault("EventGrid.publish", status=503, headers={"Retry-After": "0.01"}, times=50)

    outcome = await engine.app.worker.work(item)

    record = await engine.record()
    assert outcome
    assert record
    assert (outcome, [outcome.rotation_id]) == (record.failing, [each.rotation_id for each in record.outbox])


async def test_a_lease_that_never_ends_ends_the_request_and_says_so(engine: Engine) -> None:
    await engine.sweep()
    item = await accepted(engine)
    engine.ahead = timedelta(hours=1, minutes=1)
    lease = BlobLeaseClient(engine.blobs.get_blob_client(NAME, engine.record_name))
    await lease.acquire(lease_duration=-1)
    before = list(engine.told)

    await engine.app.worker.work(item)
    told = await status(engine, item)
    await lease.release()

    assert told.error
    assert ("Failed", "LeaseHeld", True) == (told.status, told.error.code, "lease break" in told.error.message)
    assert [*before, "RotationFailed"] == engine.told


async def test_a_request_that_ended_over_a_held_lease_is_not_done_later(engine: Engine) -> None:
    await engine.sweep()
    item = await accepted(engine)
    engine.ahead = timedelta(hours=1, minutes=1)
    lease = BlobLeaseClient(engine.blobs.get_blob_client(NAME, engine.record_name))
    await lease.acquire(lease_duration=-1)
    await engine.app.worker.work(item)
    await lease.release()

    outcome = await engine.works(item)

    assert ("LeaseHeld", []) == (outcome.code, engine.changes)


async def test_sweeps_report_a_held_lease_once_a_day(engine: Engine) -> None:
    await engine.sweep()
    lease = BlobLeaseClient(engine.blobs.get_blob_client(NAME, engine.record_name))
    await lease.acquire(lease_duration=-1)
    before = len(engine.told)
    start = timedelta(hours=1, minutes=1)

    for minutes in (0, 1, 2):
        item = engine.asks(Mode.SWEEP, tracked=False).model_copy(update={"expected": True})
        engine.ahead += start + timedelta(minutes=minutes)
        await engine.app.worker.work(item)
        engine.ahead -= start
    await lease.release()

    assert 1 == len({each["id"] for each in engine.events[before:]})


@pytest.mark.parametrize(("wish", "queue"), [({}, NAME), ({"force": True}, URGENT), ({"mode": Mode.REVOKE}, URGENT)])
async def test_a_retry_stays_in_its_lane(engine: Engine, wish: dict[str, object], queue: str) -> None:
    queues.cleared(engine.storage)
    down(engine)

    await engine.app.worker.work(engine.asks(**wish))

    assert (1, 1) == (queues.count(engine.storage, queue), sum(queues.count(engine.storage, n) for n in (NAME, URGENT)))


async def test_an_event_met_by_an_outage_is_looked_at_later(engine: Engine) -> None:
    queues.cleared(engine.storage)
    vault = engine.app.settings.KEY_VAULT_URL.lower()
    await engine.sweep()
    event = {
        "eventId": "e1",
        "about": "secret-expiry",
        "type": "Microsoft.KeyVault.SecretNearExpiry",
        "vaultUrl": vault,
        "secretName": engine.secret,
        "version": engine.versions[-1]["version"],
    }
    engine.azure.fault("SignalR.get", status=503, headers={"Retry-After": "0.01"}, resource=engine.resource, times=1000)

    await engine.app.messages.work(json.dumps(event).encode())

    assert 1 == queues.count(engine.storage)
