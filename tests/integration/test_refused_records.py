"""Storage that takes no record: the message ends once, and log, event and operation say why and what to do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared import composition
from shared.adapters.azure_services import NAME
from shared.dashboard.fleet_cache import FleetCache
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import ResourceId
from shared.http.responses import OperationStatus
from shared.rotation.queue_messages import rotation_id_of
from tests.integration import queues
from tests.integration.engine import Ears, Engine

IMMUTABLE = (
    409,
    "BlobImmutableDueToPolicy",
    "This operation is not permitted as the blob is immutable due to a policy.",
)
FIREWALL = (403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # storage signs over headers


@dataclass
class Guard:
    """Stands before the blobs: what begins with `prefix` is refused so, other calls are let through."""

    blobs: str
    url: str = ""
    refusal: tuple[int, str, str] | None = None
    prefix: str = ""
    hold: bool = False  # a legal hold on the container

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The refusal, or the storage's own answer."""
        writes = request.method == "PUT" and "comp" not in request.query
        if self.refusal and self.prefix in request.path and (writes or self.refusal is FIREWALL):
            status, code, message = self.refusal
            text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            headers = {"x-ms-error-code": code}
            return web.Response(status=status, text=text, content_type="application/xml", headers=headers)
        parts = urlsplit(self.blobs)
        to = URL(f"{parts.scheme}://{parts.netloc}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(skip_auto_headers=_AUTOMATIC, auto_decompress=False) as session,
            session.request(request.method, to, headers=headers, data=await request.read()) as own,
        ):
            held = {"x-ms-has-legal-hold": "true"} if self.hold else {}
            kept = {k: v for k, v in own.headers.items() if k.lower() not in {"transfer-encoding", "content-length"}}
            return web.Response(status=own.status, headers=kept | held, body=await own.read())


@pytest.fixture
async def guard(storage: Azurite) -> AsyncIterator[Guard]:
    made = Guard(storage.blob_url)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}{urlsplit(storage.blob_url).path}"
        yield made
    finally:
        await runner.cleanup()


@pytest.fixture
async def engine(azure_session: AzureEmulator, storage: Azurite, guard: Guard) -> AsyncIterator[Engine]:
    """A resource whose rotation is due, and whose records pass the guard."""
    behind = storage.connection_string.replace(storage.blob_url, guard.url)
    async with Engine.on(azure_session, storage, AzureWebJobsStorage=behind) as made:
        made.publish("Primary", age_days=61)
        yield made


async def asked(engine: Engine) -> WorkItem:
    item = engine.asks()
    operation = await engine.app.services.operations.open(item)
    await engine.app.services.operations.accepted(operation)
    return item


async def done(engine: Engine, item: WorkItem) -> Outcome:
    """What comes of a message in one delivery: it is neither sent again, nor does it fail."""
    outcome = await engine.app.worker.work(item)
    assert outcome
    return outcome


async def test_a_record_that_is_immutable_ends_the_request_with_its_name_and_the_remedy(
    engine: Engine, guard: Guard, heard: Ears
) -> None:
    item = await asked(engine)
    guard.refusal, guard.prefix = IMMUTABLE, "/resources/"

    outcome = await done(engine, item)

    found = await engine.app.rotations.status(item.rotation_id)
    assert found
    told = OperationStatus.of(found)
    assert told.error
    assert ("Failed", "StorageImmutable", "Failed") == (outcome.result, outcome.code, told.status)
    assert ("immutable" in told.error.message, "Take the policy off" in told.error.message) == (True, True)
    assert ["StorageImmutable"] == [each["data"]["code"] for each in engine.events]
    assert any("rotation failed" in text and "Take the policy off" in text for _, text in heard.heard)
    assert [] == engine.changes


@pytest.mark.parametrize("recorded", [False, True], ids=["the first write", "a later write"])
async def test_a_record_that_cannot_be_written_is_a_finding_until_it_can(
    engine: Engine, guard: Guard, *, recorded: bool
) -> None:
    """No record can say so: deep health and the page do."""
    if recorded:
        await engine.rotate()
    guard.refusal, guard.prefix = IMMUTABLE, "/resources/"
    await done(engine, engine.asks(force=True, tracked=False))
    found = await seen(engine)
    guard.refusal = None
    await engine.rotate(force=True)

    assert [["StorageImmutable"], True] == found
    assert [[], False] == await seen(engine)


async def test_a_record_that_another_worker_could_write_since_is_no_finding(engine: Engine, guard: Guard) -> None:
    """A quiet resource is not written by this worker for weeks."""
    await engine.rotate()
    guard.refusal, guard.prefix = IMMUTABLE, "/resources/"
    await done(engine, engine.asks(force=True, tracked=False))
    guard.refusal = None
    other, found = composition.build(engine.app.settings), await seen(engine)
    async with asyncio.timeout(10), other.services.records.lease(ResourceId.parse(engine.resource)) as leased:
        while found != [[], False]:  # Last-Modified has whole seconds: a write within that of the refusal does not show
            await leased.write(leased.record)
            found = await seen(engine)
    await other.close()

    assert [[], False] == found


async def seen(engine: Engine) -> list[object]:
    """The codes of records that can't be written, as deep health tells them, and whether the fleet's page names one."""
    report = await engine.app.health.report(ResourceId.parse(engine.resource))
    page = FleetCache(engine.app.inventory, engine.app.services, engine.app.services.clock)
    return [
        [each.code for each in report.findings if each.code == "StorageImmutable"],
        "StorageImmutable" in (await page.current()).warning,
    ]


async def test_an_immutable_container_is_a_finding_before_anything_is_written(engine: Engine, guard: Guard) -> None:
    await engine.sweep()
    guard.hold = True

    assert [["StorageImmutable"], True] == await seen(engine)


async def test_an_immutable_record_is_reported_once_a_day_by_sweeps(engine: Engine, guard: Guard, heard: Ears) -> None:
    guard.refusal, guard.prefix = IMMUTABLE, "/resources/"
    now = datetime.now(UTC)
    one_o_clock = (now + timedelta(days=1)).replace(hour=1, minute=0, second=0, microsecond=0) - now

    events, lines = [], []
    for hours in (0, 1, 20, 24):
        engine.ahead = one_o_clock + timedelta(hours=hours)
        await done(engine, engine.asks(Mode.SWEEP, tracked=False))
        events.append(len({each["id"] for each in engine.events}))
        lines.append(sum("rotation failed" in text for _, text in heard.heard))

    assert ([1, 1, 1, 2], [1, 1, 1, 2]) == (events, lines)


async def test_poison_of_an_immutable_record_ends_too(engine: Engine, guard: Guard) -> None:
    item = await asked(engine)
    guard.refusal, guard.prefix = IMMUTABLE, "/resources/"

    outcome = await engine.app.worker.dead_letter(item)

    assert "StorageImmutable" == outcome.code


async def test_what_could_not_be_recorded_is_done_by_a_sweep_afterwards(engine: Engine, guard: Guard) -> None:
    guard.refusal, guard.prefix = IMMUTABLE, "/resources/"
    await done(engine, engine.asks(Mode.SWEEP, tracked=False))
    guard.refusal = None

    outcome = await engine.sweep()

    assert (Result.SUCCEEDED, ["Secondary"]) == (outcome.result, engine.changes)


async def test_operations_that_are_immutable_do_not_make_a_done_rotation_a_failed_one(
    engine: Engine, guard: Guard
) -> None:
    item = await asked(engine)
    guard.refusal, guard.prefix = IMMUTABLE, "/rotations/"

    outcome = await done(engine, item)

    assert (Result.SUCCEEDED, ["KeyRotated"]) == (outcome.result, engine.told)


async def test_a_storage_firewall_is_told_in_log_and_event_and_the_request_is_done_once_it_lets_the_app_in(
    engine: Engine, guard: Guard, heard: Ears
) -> None:
    queues.cleared(engine.storage)
    item = await asked(engine)
    guard.refusal = FIREWALL

    outcome = await done(engine, item)
    guard.refusal = None
    engine.ahead = timedelta(minutes=10)
    await engine.app.rotations.sweep()
    again: set[str | None] = set()
    while messages := queues.taken(engine.storage, NAME):
        again |= {rotation_id_of(each) for each in messages}

    assert ("NetworkDenied", ["NetworkDenied"]) == (outcome.code, [each["data"]["code"] for each in engine.events])
    assert any("rotation failed" in text and "firewall" in text and "role" not in text for _, text in heard.heard)
    assert item.rotation_id in again
