"""Event Grid in the way, for a moment or for good: keys are secured, and all is announced when it is back."""

from datetime import timedelta

import pytest

from shared.dashboard.fleet_cache import FleetCache
from shared.domain.record import Result
from shared.domain.requests import Mode
from shared.rotation import leased_record
from tests.integration.engine import Engine


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
async def test_a_rotation_succeeds_whatever_the_topic_says(engine: Engine, status: int) -> None:
    engine.azure.fault("EventGrid.publish", status=status, times=1000, headers={"Retry-After": "0.01"})

    outcome = await engine.rotate()

    assert (Result.SUCCEEDED, "Secondary") == (outcome.result, engine.live_slot)


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_a_leaked_key_is_invalidated_with_the_topic_gone_for_good(engine: Engine, status: int) -> None:
    leaked = engine.azure.valid_keys(engine.resource)["Primary"]
    engine.azure.fault("EventGrid.publish", status=status, times=1000, headers={"Retry-After": "0.01"})
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=0)
    engine.ahead = timedelta(minutes=1)

    await engine.sweep()

    assert not engine.azure.accepts(engine.resource, leaked)
    assert ["Secondary", "Primary"] == engine.changes


async def test_all_is_announced_once_the_topic_is_back(engine: Engine) -> None:
    engine.azure.fault("EventGrid.publish", status=404, times=1000)
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=0)
    engine.ahead = timedelta(minutes=1)
    await engine.sweep()
    engine.azure.clear_faults()

    await engine.sweep()

    assert ["KeyRotated", "KeyRetired"] == engine.told
    assert 2 == len({event["id"] for event in engine.events})


async def test_what_was_announced_is_not_announced_again(engine: Engine) -> None:
    await engine.rotate()

    await engine.sweep()

    assert ["KeyRotated"] == engine.told


async def test_an_answer_that_was_lost_is_one_event_twice(engine: Engine) -> None:
    engine.azure.fault("EventGrid.publish", cut="after-effect", times=10)
    await engine.rotate()
    engine.azure.clear_faults()

    await engine.sweep()

    assert {"KeyRotated"} == {*engine.told}
    assert 1 == len({event["id"] for event in engine.events})


async def test_a_failure_is_recorded_with_the_topic_gone(engine: Engine) -> None:
    engine.azure.fault("EventGrid.publish", status=404, times=1000)
    engine.azure.fault("KeyVault.setSecret", status=403, times=1000)

    await engine.rotate()

    record = await engine.record()
    assert record
    assert ("NotPermitted", 1) == (record.failing.code, len(record.outbox))


async def test_a_failure_that_stands_is_one_event_a_day(engine: Engine) -> None:
    engine.azure.fault("KeyVault.setSecret", status=403, times=1000)
    await engine.rotate()

    for hours in (1, 2, 3, 26, 27):
        engine.ahead = timedelta(hours=hours)
        await engine.sweep()

    assert ["RotationFailed"] * 2 == engine.told
    assert 2 == len({event["id"] for event in engine.events})


async def test_two_different_failures_are_two_events(engine: Engine) -> None:
    engine.azure.fault("KeyVault.setSecret", status=403, times=1)
    await engine.rotate()
    engine.azure.disable_secret_version(engine.secret) if engine.versions else None
    engine.azure.fault("KeyVault.setSecret", status=400, times=1)

    await engine.sweep()

    assert ["RotationFailed"] * 2 == engine.told
    assert 2 == len({event["id"] for event in engine.events})


async def test_every_event_of_a_resource_names_its_secret(engine: Engine) -> None:
    """A failure of a run, and one of a request that never became a run, are found under the same subject."""
    await engine.rotate()
    engine.azure.fault("KeyVault.setSecret", status=403, times=1)
    await engine.rotate(force=True)
    await engine.sweep()
    engine.azure.fault("KeyVault.getSecret", status=403, times=1)

    await engine.rotate(force=True)

    assert ["KeyRotated", "RotationFailed", "KeyRotated", "RotationFailed"] == engine.told
    assert {engine.secret} == {event["subject"] for event in engine.events}


async def test_a_topic_that_hangs_is_waited_for_once_in_an_attempt(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits already, and what the run adds, share one bound."""
    engine.azure.fault("EventGrid.publish", status=404, times=2)
    await engine.rotate()
    monkeypatch.setattr(leased_record, "ANNOUNCING_SECONDS", 0.3)
    engine.azure.fault("EventGrid.publish", delay=5, times=10)
    caplog.clear()

    outcome = await engine.rotate(force=True)

    record = await engine.record()
    assert record
    assert (Result.SUCCEEDED, 2) == (outcome.result, len(record.outbox))
    assert 1 == [each.message for each in caplog.records].count("announcement pending")


async def test_an_event_that_waits_for_an_hour_is_a_finding_of_deep_health_and_of_the_page(engine: Engine) -> None:
    words = "Publishing to topic evgt by client 203.0.113.7 is rejected because of IpAddress filtering rules."
    refusal = {"error": {"code": "Forbidden", "message": words}}
    engine.azure.fault("EventGrid.publish", status=403, times=1000, body=refusal)
    await engine.rotate()
    engine.ahead = timedelta(hours=2)
    await engine.app.rotations.sweep()
    app = engine.app

    found = {each.code: each.message for each in (await app.health.report()).findings}
    page = (await FleetCache(app.inventory, app.services, app.services.clock).current()).warning

    assert "IP address" in found["AnnouncementPending"]
    assert "AnnouncementPending" in page
    assert "role" not in found["AnnouncementPending"]
