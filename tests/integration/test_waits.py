"""No wait inside an invocation is long but the operation itself; and a lease that is lost ends the run."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from azure.core.rest import HttpRequest
from azure.functions.decorators.queue import QueueTrigger
from azure.storage.blob.aio import BlobLeaseClient

from shared.adapters.azure_services import NAME, AzureServices
from shared.adapters.blob_records import BlobRecords
from shared.adapters.http_transport import CONNECTIONS, LONGEST_WAIT_SECONDS, plain_session
from shared.domain.errors import LeaseLost, Throttled
from shared.domain.resources import ResourceId
from shared.settings import FUNCTION_TIMEOUT_SECONDS
from tests.functions import FUNCTIONS
from tests.integration.engine import Engine
from tests.world import ROOT

LONG = {"status": 429, "headers": {"Retry-After": "300"}, "times": 5}
SHORT = {"status": 429, "headers": {"Retry-After": "1"}, "times": 1}


async def asked(engine: Engine, what: str) -> object:
    """One call of each service."""
    services, resource = engine.app.services, ResourceId.parse(engine.resource)
    match what:
        case "SignalR.get":
            return await services.signalr.get(resource)
        case "SignalR.listKeys":
            return await services.signalr.keys(resource, begun=True)
        case _:
            return await services.secrets.newest(engine.app.settings.KEY_VAULT_URL, engine.secret)


@pytest.mark.parametrize("what", ["SignalR.get", "SignalR.listKeys", "KeyVault.getSecret"])
async def test_a_long_retry_after_is_told_at_once_with_its_wait(engine: Engine, what: str) -> None:
    """azure-core would sleep all of it, the lease held."""
    engine.azure.fault(what, **LONG)

    async with asyncio.timeout(10):
        with pytest.raises(Throttled) as told:
            await asked(engine, what)

    assert told.value.retry_after == pytest.approx(300, abs=5)


async def test_while_arm_asks_to_wait_for_long_even_what_has_begun_is_told_so(engine: Engine) -> None:
    engine.azure.fault("SignalR.get", **LONG)
    with pytest.raises(Throttled):
        await asked(engine, "SignalR.get")

    async with asyncio.timeout(5):
        with pytest.raises(Throttled) as told:
            await asked(engine, "SignalR.get")

    assert told.value.retry_after is not None
    assert told.value.retry_after > LONGEST_WAIT_SECONDS


async def test_a_short_retry_after_is_waited_for(engine: Engine) -> None:
    engine.azure.fault("SignalR.get", **SHORT)

    assert await asked(engine, "SignalR.get")


async def test_looks_at_an_operation_go_on_while_reads_are_throttled(engine: Engine) -> None:
    """The operation is under way: its end is worth waiting for, and no failure."""
    engine.azure.configure(engine.resource, operation_seconds=(1, 1))
    engine.azure.fault("SignalR.operationStatus", status=429, headers={"Retry-After": "2"}, times=1)

    outcome = await engine.rotate()

    assert "Succeeded" == outcome.result
    assert ["Secondary"] == engine.changes


def test_the_settings_are_held_to_the_timeout_of_the_platform() -> None:
    """A run that outlasts it takes the worker process down, and all other runs with it."""
    text = json.loads((ROOT / "host.json").read_text())["functionTimeout"]
    hours, minutes, seconds = map(int, text.split(":"))
    limit = timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()

    assert limit == FUNCTION_TIMEOUT_SECONDS


# -- pools of connections


async def slow_server(seconds: float) -> tuple[web.AppRunner, str]:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", slow)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"


async def test_a_lease_is_renewed_in_time_while_every_other_connection_is_taken(engine: Engine) -> None:
    services: Any = engine.app.services
    assert isinstance(services, AzureServices)
    runner, url = await slow_server(3)
    async with services.records.lease(ResourceId.parse(engine.resource)) as leased:
        await services._transport.open()
        calls = [
            asyncio.create_task(services._transport.send(HttpRequest("GET", url))) for _ in range(CONNECTIONS + 10)
        ]
        await asyncio.sleep(0.5)
        began = asyncio.get_running_loop().time()
        await leased.renew()
        took = asyncio.get_running_loop().time() - began
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    await runner.cleanup()

    assert took < 2


async def test_each_pool_has_room_for_all_runs_that_the_platform_lets_in() -> None:
    limits = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    together = limits["batchSize"] + limits["newBatchThreshold"]  # the limit is one of each function

    triggers = [each.get_trigger() for each in FUNCTIONS.values()]
    rotating = [each for each in triggers if isinstance(each, QueueTrigger) and not each.queue_name.endswith("-poison")]
    assert 0 < len(rotating) * 2 * together <= CONNECTIONS


# -- a proxy


async def test_probes_go_through_the_proxy_that_all_other_requests_go_through(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        passed.append(request.host)
        return web.Response(status=401)

    runner = web.ServerRunner(web.Server(proxy))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with (
        plain_session(keep_open=False) as session,
        session.head("http://chat.service.signalr.invalid/") as answer,
    ):
        status = answer.status
    await runner.cleanup()

    assert (401, ["chat.service.signalr.invalid"]) == (status, passed)


# -- the lease


async def test_a_run_whose_lease_is_lost_is_cancelled_where_it_stands(engine: Engine) -> None:
    """It would go on to poll, probe and announce until its next write."""
    records = BlobRecords(engine.blobs.get_container_client(NAME), lease_seconds=15)
    resource = ResourceId.parse(engine.resource)
    went_on = False

    async def run() -> None:
        nonlocal went_on
        async with records.lease(resource):
            thief = BlobLeaseClient(engine.blobs.get_blob_client(NAME, engine.record_name))
            await thief.break_lease(lease_break_period=0)
            await thief.acquire(lease_duration=15)
            await asyncio.sleep(30)
            went_on = True

    with pytest.raises(LeaseLost):
        await asyncio.wait_for(run(), 12)

    assert not went_on


async def test_a_run_that_is_cancelled_from_outside_stays_cancelled(engine: Engine) -> None:
    """The platform ends a function: that is no lost lease."""
    services = engine.app.services

    async def run() -> None:
        async with services.records.lease(ResourceId.parse(engine.resource)):
            await asyncio.sleep(30)

    task = asyncio.create_task(run())
    await asyncio.sleep(0.5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
