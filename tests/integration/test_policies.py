"""What a fleet's policy asks for on top of the period: an end for the replaced key, a window, a notice."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.event_schemas import validate_event
from tests.integration.engine import Engine

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
OPEN = "Mon-Sun 00:00-24:00 UTC"


def day_after(days: int) -> datetime:
    """Noon of a day to come, in UTC."""
    return (datetime.now(UTC) + timedelta(days=days)).replace(hour=12, minute=0, second=0, microsecond=0)


def window_on(day: datetime) -> str:
    """The window of six hours around a noon."""
    return f"{DAYS[day.weekday()]} 09:00-15:00 UTC"


@pytest.fixture
async def retiring(azure_session: AzureEmulator, storage: Azurite) -> AsyncIterator[Engine]:
    """An engine whose policy retires replaced keys after three days, for a resource that was published two days ago."""
    async with Engine.on(azure_session, storage, RETIRE_PREVIOUS_AFTER_HOURS=72, ROTATION_SPREAD_HOURS=0) as made:
        made.publish("Primary", age_days=2)
        yield made
    azure_session.clear_faults()


def tagged(engine: Engine, **tags: str) -> None:
    engine.azure.update_signalr(engine.resource, tags={f"key-rotation-{tag}": text for tag, text in tags.items()})


def mark(engine: Engine) -> int:
    """The number of the last request so far."""
    return max(int(request["n"]) for request in engine.azure.requests())


def key_reads(engine: Engine, since: int) -> int:
    asked = (each["operation"] for each in engine.azure.requests("arm", since=since))
    return sum(operation == "SignalR.listKeys" for operation in asked)


@pytest.mark.parametrize("ask", ["schedule", "name"])
async def test_a_replaced_key_is_invalidated_after_its_time_and_not_before(retiring: Engine, ask: str) -> None:
    replaced = retiring.azure.valid_keys(retiring.resource)["Primary"]
    if ask == "schedule":
        retiring.publish("Primary", age_days=61)
        await retiring.sweep()
    else:
        await retiring.rotate()
    retiring.ahead = timedelta(hours=71)
    await retiring.sweep()
    before = retiring.azure.accepts(retiring.resource, replaced)
    retiring.ahead = timedelta(hours=73)

    await retiring.sweep()

    assert (True, False) == (before, retiring.azure.accepts(retiring.resource, replaced))
    assert ("Secondary", "KeyRetired") == (retiring.live_slot, retiring.told[-1])


async def test_the_event_says_when_the_replaced_key_ends(retiring: Engine) -> None:
    """It can be counted on for the overlap alone: a request by name may come first."""
    await retiring.rotate()

    [event] = retiring.events
    validate_event(event | {"data": event["data"] | {"trigger": "sweep"}})
    published = datetime.fromisoformat(event["time"])
    ends = [datetime.fromisoformat(event["data"][f"previousKey{name}"]) for name in ("ValidUntil", "RetiresAt")]
    assert [48, 72] == [round((end - published) / timedelta(hours=1)) for end in ends]


async def test_a_scheduled_retirement_needs_neither_record_nor_policy_any_more(retiring: Engine) -> None:
    replaced = retiring.azure.valid_keys(retiring.resource)["Primary"]
    await retiring.rotate()
    await retiring.lose_record()
    tagged(retiring, **{"retire-after-hours": "0"})
    retiring.ahead = timedelta(hours=73)

    await retiring.sweep()

    assert not retiring.azure.accepts(retiring.resource, replaced)


async def test_a_request_waits_for_the_overlap_and_not_for_the_retirement(retiring: Engine) -> None:
    await retiring.rotate()
    retiring.ahead = timedelta(hours=49)

    outcome = await retiring.rotate()

    assert (Result.SUCCEEDED, "Primary") == (outcome.result, retiring.live_slot)


async def test_a_key_renewed_in_place_puts_no_retirement_off(retiring: Engine) -> None:
    await retiring.rotate()
    promised = (await retiring.record()).retirement
    retiring.ahead = timedelta(hours=20)

    await retiring.rotate(key_type="Secondary", force=True)

    assert promised == (await retiring.record()).retirement


async def test_what_left_the_fleet_is_left_alone(retiring: Engine) -> None:
    """No leak is behind the retirement: its policy has gone with the resource."""
    await retiring.rotate()
    async with Engine.on(retiring.azure, retiring.storage, RETIRE_PREVIOUS_AFTER_HOURS=72) as other:
        other.ahead = timedelta(hours=73)
        outcome = await other.works(retiring.asks(Mode.SWEEP, tracked=False))

    assert "NotManaged" == outcome.code
    assert ["Secondary"] == retiring.changes


async def test_a_retirement_shorter_than_the_overlap_is_a_fault_of_the_resource_alone(retiring: Engine) -> None:
    tagged(retiring, **{"retire-after-hours": "12"})

    outcome = await retiring.sweep()

    assert (Result.FAILED, "Misconfigured") == (outcome.result, outcome.code)
    for said in ("key-rotation-retire-after-hours", "'12'", "OVERLAP_HOURS: 48"):
        assert said in outcome.message


async def test_a_closed_window_holds_a_scheduled_rotation_back_until_it_opens(retiring: Engine) -> None:
    opens = day_after(3)
    tagged(retiring, window=window_on(opens))
    retiring.publish("Primary", age_days=61)

    waits = await retiring.sweep()
    retiring.ahead = opens - datetime.now(UTC)
    rotates = await retiring.sweep()

    assert ("OutsideWindow", opens - timedelta(hours=3)) == (waits.code, waits.until)
    assert (Result.SUCCEEDED, "rotate") == (rotates.result, rotates.kind)


@pytest.mark.parametrize("how", ["rotate", "resync", "revoke"])
async def test_a_closed_window_holds_no_request_by_name_back(retiring: Engine, how: str) -> None:
    tagged(retiring, window=window_on(day_after(3)))
    if how == "resync":
        retiring.azure.regenerate_in_portal(retiring.resource, "Primary")

    outcome = await retiring.rotate(mode=Mode(how))

    assert Result.SUCCEEDED == outcome.result


async def test_a_closed_window_holds_no_repair_back(retiring: Engine) -> None:
    tagged(retiring, window=window_on(day_after(3)))
    retiring.azure.regenerate_in_portal(retiring.resource, "Primary")

    outcome = await retiring.sweep()

    assert (Result.SUCCEEDED, "repair") == (outcome.result, outcome.cause)


@pytest.mark.parametrize(("mode", "waits"), [(Mode.ROTATE, True), (Mode.REVOKE, False)])
async def test_a_closed_window_holds_the_policys_retirement_back_and_no_leaks(
    retiring: Engine, mode: Mode, *, waits: bool
) -> None:
    opens = day_after(5)
    tagged(retiring, window=window_on(opens))
    replaced = retiring.azure.valid_keys(retiring.resource)["Primary"]
    await retiring.rotate(mode=mode)
    retiring.ahead = timedelta(hours=73)
    await retiring.sweep()
    meanwhile = retiring.azure.accepts(retiring.resource, replaced)
    retiring.ahead = opens - datetime.now(UTC)
    await retiring.sweep()

    assert (waits, False) == (meanwhile, retiring.azure.accepts(retiring.resource, replaced))


async def test_waiting_for_a_window_is_quiet(retiring: Engine) -> None:
    """Due for days, it costs what any other resource costs: no look at the keys, and nothing is written."""
    tagged(retiring, window=window_on(day_after(3)))
    retiring.publish("Primary", age_days=61)
    await retiring.sweep()
    before, asked = await retiring.record(), mark(retiring)

    await retiring.sweep()

    assert (0, before) == (key_reads(retiring, asked), await retiring.record())


async def test_a_wrong_window_names_tag_value_and_what_is_allowed(retiring: Engine) -> None:
    tagged(retiring, window="weekends")

    outcome = await retiring.sweep()

    assert (Result.FAILED, "Misconfigured") == (outcome.result, outcome.code)
    for said in ("key-rotation-window", "'weekends'", "Mon-Thu 09:00-16:00 Europe/Berlin", "always"):
        assert said in outcome.message


async def test_a_rotation_is_announced_once_before_it_is_due(retiring: Engine) -> None:
    tagged(retiring, window=OPEN)
    retiring.publish("Primary", age_days=54)

    for hours in (0, 1, 30):
        retiring.ahead = timedelta(hours=hours)
        await retiring.sweep()

    [event] = retiring.events
    validate_event(event)
    assert ("RotationUpcoming", "Secondary", "Primary", OPEN) == (
        event["type"].rpartition(".")[2],
        event["data"]["keyType"],
        event["data"]["publishedKeyType"],
        event["data"]["window"],
    )
    due = datetime.fromisoformat(event["data"]["dueAt"])
    assert 6 == round((due - datetime.now(UTC)) / timedelta(days=1))


async def test_a_notice_says_when_the_window_lets_the_rotation_begin(retiring: Engine) -> None:
    due = datetime.now(UTC) + timedelta(days=3)
    opens = day_after(5)
    tagged(retiring, window=window_on(opens))
    retiring.publish("Primary", age_days=57)

    await retiring.sweep()

    [event] = retiring.events
    assert opens - timedelta(hours=3) == datetime.fromisoformat(event["data"]["beginsAt"])
    assert timedelta(minutes=1) > abs(due - datetime.fromisoformat(event["data"]["dueAt"]))


async def test_once_announced_a_sweep_is_quiet_again(retiring: Engine) -> None:
    retiring.publish("Primary", age_days=54)
    await retiring.sweep()
    before, asked = await retiring.record(), mark(retiring)

    await retiring.sweep()

    assert (0, before) == (key_reads(retiring, asked), await retiring.record())


async def test_no_notice_where_none_is_asked_for(retiring: Engine) -> None:
    tagged(retiring, **{"notice-days": "0"})
    retiring.publish("Primary", age_days=54)

    await retiring.sweep()

    assert [] == retiring.told


async def test_a_topic_that_is_gone_stands_in_no_rotations_way(retiring: Engine) -> None:
    retiring.azure.fault("EventGrid.publish", status=404, times=1000)
    retiring.publish("Primary", age_days=54)
    await retiring.sweep()
    retiring.ahead = timedelta(days=7)
    await retiring.sweep()
    retiring.azure.clear_faults()

    await retiring.sweep()

    assert ["RotationUpcoming", "KeyRotated"] == retiring.told
