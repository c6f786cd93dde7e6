"""The figures: what is counted and timed, and under which names."""

from datetime import UTC, datetime, timedelta

from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Result
from shared.observability import telemetry
from tests.dashboard import fleet
from tests.telemetry.conftest import Engine, Told


async def test_a_success_is_counted_and_timed(engine: Engine, told: Told) -> None:
    await engine.work(await engine.ask(engine.resource()))

    said = {"rotation.result": "Succeeded", "rotation.kind": "rotate", "rotation.trigger": "http"}
    assert [(said, 1)] == told.figure("rotation.outcomes")
    assert [(said, 1)] == told.figure("rotation.duration")


async def test_a_refusal_is_counted_by_its_code_and_not_timed(engine: Engine, told: Told) -> None:
    resource = engine.resource()
    await engine.work(await engine.ask(resource))

    await engine.work(await engine.ask(resource))

    codes = [facts.get("rotation.code") for facts, _ in told.figure("rotation.outcomes")]
    assert "OverlapActive" in codes
    assert 1 == len(told.figure("rotation.duration"))


async def test_answers_of_429_are_counted_by_service(engine: Engine, told: Told) -> None:
    resource = engine.resource()
    request = await engine.ask(resource)
    engine.azure.fault("KeyVault.setSecret", status=429, times=20)

    await engine.work(request)

    assert [({"rotation.service": "Key Vault"}, 1)] == told.figure("rotation.throttles")


def test_the_fleet_is_measured_by_resource(told: Told) -> None:
    now = datetime.now(UTC)
    entries = [InventoryEntry.of(fleet.record("chat", now, age=timedelta(days=3)))]

    telemetry.fleet(entries, overdue=2, now=now)

    ((facts, seconds),) = told.figure("rotation.since_success")
    assert str(fleet.resource("chat")) == facts["rotation.resource"]
    assert 3 * 86_400 - 5 < seconds < 3 * 86_400 + 5
    assert [({}, 2)] == told.figure("rotation.overdue")
    assert [({}, 1)] == told.figure("rotation.resources")


def test_a_failure_alone_is_no_success(told: Told) -> None:
    now = datetime.now(UTC)
    failed = fleet.failure(now, "NotPermitted", "no")
    summary = InventoryEntry.of(fleet.record("chat", now, age=timedelta(days=3), history=(failed,)))

    telemetry.fleet([summary], overdue=0, now=now)

    assert Result.FAILED is failed.result
    assert [] == told.figure("rotation.since_success")
