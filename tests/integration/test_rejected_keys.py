"""Keys that ARM lists and SignalR rejects: a new one that takes effect late, the published one, all of them."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.dashboard.status import State, status_of
from shared.domain.errors import Unavailable
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Record, Result
from shared.domain.requests import Mode
from shared.domain.resources import ResourceId
from shared.rotation.health import HealthReport
from tests.integration.engine import Ears, Engine

HOUR = timedelta(hours=1)


@pytest.fixture
async def engine(azure_session: AzureEmulator, storage: Azurite) -> AsyncIterator[Engine]:
    """A resource whose rotation is due, and a window as short as these tests are many."""
    async with Engine.on(azure_session, storage, KEY_EFFECT_TIMEOUT_SECONDS=0.4) as made:
        made.publish("Primary", age_days=61)
        yield made
    azure_session.clear_faults()


def rejects(engine: Engine, *slots: str) -> None:
    """SignalR rejects these slots' keys from now on, and no others."""
    engine.azure.configure(engine.resource, rejected=slots)


async def record(engine: Engine) -> Record:
    found = await engine.record()
    assert found
    return found


async def health(engine: Engine) -> HealthReport:
    return await engine.app.health.report(ResourceId.parse(engine.resource))


async def state(engine: Engine) -> State:
    entry = InventoryEntry.of(await record(engine))
    return status_of(entry, datetime.now(UTC) + engine.ahead, grace=timedelta(hours=48)).state


async def hourly(engine: Engine, sweeps: int) -> None:
    for _ in range(sweeps):
        await engine.sweep()
        engine.ahead += HOUR


# -- a new key that takes effect after its window


async def test_a_key_that_takes_effect_late_is_published_by_the_next_sweep(engine: Engine) -> None:
    rejects(engine, "Secondary")
    await hourly(engine, 1)
    rejects(engine)

    outcome = await engine.sweep()

    assert (Result.SUCCEEDED, "late", "dataplane") == (outcome.result, outcome.cause, outcome.verified)
    assert (["Secondary"], "Secondary") == (engine.changes, engine.live_slot)
    assert ["RotationFailed", "KeyPublished"] == engine.told


async def test_a_key_that_takes_effect_hours_later_is_one_key_and_one_report(engine: Engine) -> None:
    rejects(engine, "Secondary")
    await hourly(engine, 5)
    waiting = await state(engine)
    rejects(engine)

    await hourly(engine, 2)

    assert (State.FAILED, State.HEALTHY) == (waiting, await state(engine))
    assert ["Secondary"] == engine.changes
    assert ["RotationFailed", "KeyPublished"] == engine.told
    assert (await record(engine)).rejected is None


async def test_a_late_key_is_given_a_day(engine: Engine) -> None:
    rejects(engine, "Secondary")
    await engine.sweep()
    engine.ahead = timedelta(hours=23)
    await engine.sweep()
    before = list(engine.changes)
    engine.ahead = timedelta(hours=25)

    await engine.sweep()

    assert (["Secondary"], ["Secondary", "Secondary"]) == (before, engine.changes)


async def test_a_request_by_name_waits_for_the_late_key_and_gets_it(engine: Engine) -> None:
    rejects(engine, "Secondary")
    await engine.rotate()
    request = engine.asks()
    with pytest.raises(Unavailable):
        await engine.works(request)
    rejects(engine)

    outcome = await engine.works(request)

    assert (Result.SUCCEEDED, "late") == (outcome.result, outcome.cause)
    assert ["Secondary"] == engine.changes


async def test_force_regenerates_a_late_key_again(engine: Engine) -> None:
    rejects(engine, "Secondary")
    await engine.rotate()
    rejects(engine)

    await engine.rotate(force=True)

    assert (["Secondary", "Secondary"], "Secondary") == (engine.changes, engine.live_slot)


async def test_the_late_key_of_a_revocation_still_revokes(engine: Engine) -> None:
    leaked = engine.azure.valid_keys(engine.resource)["Primary"]
    rejects(engine, "Secondary")
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=2)
    rejects(engine)
    await engine.sweep()
    engine.ahead = timedelta(hours=3)

    await engine.sweep()

    assert ["Secondary", "Primary"] == engine.changes
    assert not engine.azure.accepts(engine.resource, leaked)


async def test_a_front_that_accepts_everybody_does_not_make_a_late_key_an_accepted_one(engine: Engine) -> None:
    rejects(engine, "Secondary")
    await engine.sweep()
    nobody = {"x-ms-error-code": "Warning.User.NotExisted"}
    engine.azure.fault("DataPlane.probe", status=404, headers=nobody, times=1000, resource=engine.resource)

    await engine.sweep()

    assert "Primary" == engine.live_slot


async def test_a_late_key_of_which_nothing_is_heard_any_more_is_not_published_on_arms_word(engine: Engine) -> None:
    """SignalR accepts it once, and then is out of reach: what is known for sure is the rejection."""
    rejects(engine, "Secondary")
    await engine.sweep()
    rejects(engine)
    engine.azure.fault("DataPlane.probe", status=503, times=1000, skip=3, resource=engine.resource)

    outcome = await engine.sweep()

    assert ("Failed", "KeyRefused") == (outcome.result, outcome.code)
    assert "Primary" == engine.live_slot


async def test_a_key_that_was_published_by_hand_meanwhile_is_no_late_one(engine: Engine) -> None:
    rejects(engine, "Secondary")
    await engine.sweep()
    engine.publish("Secondary")
    rejects(engine)

    outcome = await engine.sweep()

    assert "NotDue" == outcome.code
    assert (await record(engine)).rejected is None


async def test_a_repair_that_signalr_rejects_is_reported_once_a_day(engine: Engine) -> None:
    """The published key was regenerated in the portal, and its new value takes effect late."""
    await engine.rotate()
    before = len(engine.told)
    engine.azure.regenerate_in_portal(engine.resource, "Secondary")
    rejects(engine, "Primary", "Secondary")

    await hourly(engine, 3)

    assert ["RotationFailed"] == engine.told[before:]
    assert (await record(engine)).journal is None


# -- the published key is rejected


async def test_a_published_key_that_two_sweeps_see_rejected_gives_way_to_the_other_one(
    engine: Engine, heard: Ears
) -> None:
    engine.publish("Primary")
    rejects(engine, "Primary")
    await hourly(engine, 1)
    once = list(engine.versions)

    outcome = await engine.sweep()

    fingerprint = (await record(engine)).history[-1].reason
    assert (2, Result.SUCCEEDED, "repair", "Secondary") == (
        len(once),
        outcome.result,
        outcome.cause,
        engine.live_slot,
    )
    assert [] == engine.changes
    assert any("invalid key published" in text and "SignalR rejects the key" in text for _, text in heard.heard)
    assert "SignalR rejects the key" in fingerprint
    assert fingerprint == engine.events[-1]["data"]["reason"]


async def test_sweeps_within_a_quarter_of_an_hour_count_as_one(engine: Engine) -> None:
    """A timer and two runs by hand from the portal, while the service is restarted."""
    engine.publish("Primary")
    rejects(engine, "Primary")
    found = [await engine.sweep()]
    for minutes in (0, 14, 2):
        engine.ahead += timedelta(minutes=minutes)
        found.append(await engine.sweep())

    assert [Result.SKIPPED] * 3 + [Result.SUCCEEDED] == [each.result for each in found]


async def test_a_published_key_that_one_sweep_sees_rejected_is_left_alone(engine: Engine) -> None:
    engine.publish("Primary")
    rejects(engine, "Primary")
    first = await engine.sweep()
    rejects(engine)
    engine.ahead += HOUR
    second = await engine.sweep()
    rejects(engine, "Primary")
    engine.ahead += HOUR

    third = await engine.sweep()

    assert ["ServiceRejectsKeys", "NotDue", "ServiceRejectsKeys"] == [each.code for each in (first, second, third)]
    assert ([], "Primary") == (engine.changes, engine.live_slot)


async def test_a_published_key_that_is_rejected_is_a_finding_of_deep_health_at_once(engine: Engine) -> None:
    engine.publish("Primary")
    before = await health(engine)
    rejects(engine, "Primary")

    found = await health(engine)

    assert [[], ["ServiceRejectsKeys"]] == [[each.code for each in report.findings] for report in (before, found)]
    assert "az signalr restart" in found.findings[0].message


async def test_a_clock_that_tokens_cannot_bear_is_a_finding_of_deep_health(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.publish("Primary")
    monkeypatch.setattr(time, "time", lambda: datetime.now(UTC).timestamp() - 660)

    found = await health(engine)

    assert "ClockOff" in [each.code for each in found.findings]
    assert "behind Azure's" in next(each.message for each in found.findings if each.code == "ClockOff")


async def test_the_clock_is_read_off_the_other_services_where_signalr_does_not_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.publish("Primary")
    engine.azure.fault("DataPlane.probe", resource=engine.resource, times=50, cut="before-effect")
    monkeypatch.setattr(time, "time", lambda: datetime.now(UTC).timestamp() + 3600)

    found = await health(engine)

    assert "ClockOff" in [each.code for each in found.findings]


async def test_a_resource_that_rejects_both_keys_is_reported_once_a_day_and_left_alone(engine: Engine) -> None:
    engine.publish("Primary")
    rejects(engine, "Primary", "Secondary")

    await hourly(engine, 5)

    versions = len(engine.versions)
    assert (State.INVALID, "ServiceRejectsKeys") == (await state(engine), (await record(engine)).history[-1].code)
    assert (["RotationFailed"], [], 2) == (engine.told, engine.changes, versions)


async def test_that_clients_are_rejected_is_told_as_such(engine: Engine, heard: Ears) -> None:
    """The alert on a failed rotation does not wake an operator; that on an invalid key does."""
    engine.publish("Primary")
    rejects(engine, "Primary", "Secondary")

    await hourly(engine, 5)

    [told] = [text for name, text in heard.heard if name == "rotation" and text.startswith("invalid key published")]
    assert "'code': 'ServiceRejectsKeys'" in told
    assert "'why': " in told


async def test_what_a_resource_rejected_is_forgotten_when_it_heals(engine: Engine) -> None:
    engine.publish("Primary")
    rejects(engine, "Primary", "Secondary")
    await hourly(engine, 3)
    rejects(engine)

    await engine.sweep()

    known = await record(engine)
    assert (State.HEALTHY, None, []) == (await state(engine), known.suspect, list((await health(engine)).findings))


async def test_a_leaked_key_is_not_published_in_place_of_a_rejected_one(engine: Engine) -> None:
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=100)
    rejects(engine, "Secondary")

    await hourly(engine, 3)

    assert ("Secondary", ["Secondary"]) == (engine.live_slot, engine.changes)
    assert "ServiceRejectsKeys" == (await record(engine)).history[-1].code


# -- a due rotation of a resource that rejects all


async def test_all_keys_rejected_cost_one_regeneration_at_most_and_the_outcome_says_so(engine: Engine) -> None:
    await engine.sweep()
    engine.publish("Primary", age_days=61)
    before = len(engine.changes), len(engine.told)
    rejects(engine, "Primary", "Secondary")

    await hourly(engine, 5)

    codes = {each["data"]["code"] for each in engine.events[before[1] :]}
    assert len(engine.changes) - before[0] <= 1
    assert {"ServiceRejectsKeys"} == codes


async def test_a_rotation_by_name_says_that_all_keys_are_rejected_and_its_key_is_published_after_healing(
    engine: Engine,
) -> None:
    engine.publish("Primary", age_days=3)
    rejects(engine, "Primary", "Secondary")
    outcome = await engine.rotate()
    await hourly(engine, 3)
    rejects(engine)

    await engine.sweep()

    assert ("Failed", "ServiceRejectsKeys") == (outcome.result, outcome.code)
    assert (["Secondary"], "Secondary") == (engine.changes, engine.live_slot)
    assert ["RotationFailed", "KeyPublished"] == engine.told
