"""A promised retirement survives what other writers, pipelines and operators do meanwhile."""

from datetime import timedelta

import pytest

from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.integration.engine import Engine


@pytest.fixture
async def leaked(engine: Engine) -> str:
    """Primary has leaked: revoked, Secondary is published, and Primary is to be invalidated in two days."""
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=48)
    return key


def write(engine: Engine, key: str) -> None:
    """Another writer adds a version, without tags and without a content type, as a pipeline does."""
    endpoint = engine.azure.connection_endpoint(engine.resource)
    engine.azure.put_secret(engine.secret, f"Endpoint={endpoint};AccessKey={key};Version=1.0;")


async def test_the_new_value_written_back_without_tags_does_not_undo_it(engine: Engine, leaked: str) -> None:
    write(engine, engine.azure.valid_keys(engine.resource)["Secondary"])
    await engine.sweep()
    engine.ahead = timedelta(hours=49)

    await engine.sweep()

    assert not engine.azure.accepts(engine.resource, leaked)
    assert "KeyRetired" == engine.told[-1]


async def test_a_revoked_key_written_back_is_taken_back_at_once(engine: Engine, leaked: str) -> None:
    write(engine, leaked)

    outcome = await engine.sweep()

    assert ("publish", "repair") == (outcome.kind, outcome.cause)
    assert "Secondary" == engine.live_slot
    assert engine.azure.accepts(engine.resource, leaked), "before its time nobody who reads it may be rejected"


async def test_a_revoked_key_written_back_is_invalidated_in_time(engine: Engine, leaked: str) -> None:
    write(engine, leaked)
    await engine.sweep()
    engine.ahead = timedelta(hours=49)

    await engine.sweep()

    assert not engine.azure.accepts(engine.resource, leaked)
    assert ("Secondary", "KeyRetired") == (engine.live_slot, engine.told[-1])


async def test_a_request_by_name_does_not_hand_the_revoked_key_out_either(engine: Engine, leaked: str) -> None:
    write(engine, leaked)

    await engine.rotate(mode=Mode.RESYNC)

    assert "Secondary" == engine.live_slot


async def test_an_invalidated_key_written_back_is_repaired(engine: Engine, leaked: str) -> None:
    engine.ahead = timedelta(hours=49)
    await engine.sweep()
    write(engine, leaked)

    await engine.sweep()

    assert "Secondary" == engine.live_slot


async def test_a_retirement_needs_neither_tags_nor_record(engine: Engine, leaked: str) -> None:
    await engine.lose_record()
    engine.ahead = timedelta(hours=49)

    await engine.sweep()

    assert not engine.azure.accepts(engine.resource, leaked)


async def test_what_is_not_due_is_not_invalidated(engine: Engine, leaked: str) -> None:
    engine.ahead = timedelta(hours=47)

    outcome = await engine.sweep()

    assert (Result.SKIPPED, "NotDue") == (outcome.result, outcome.code)
    assert engine.azure.accepts(engine.resource, leaked)


def rejects(engine: Engine, *slots: str) -> None:
    """SignalR rejects these slots' keys from now on, and no others."""
    engine.azure.configure(engine.resource, rejected=slots)


async def test_a_retirement_that_takes_effect_late_is_announced_once_it_has(engine: Engine, leaked: str) -> None:
    rejects(engine, "Primary")
    engine.ahead = timedelta(hours=49)
    outcomes = [await engine.sweep(), await engine.sweep()]
    before = [*engine.told]
    rejects(engine)

    await engine.sweep()

    assert ["KeyRefused", "KeyRefused"] == [each.code for each in outcomes]
    assert (["KeyRotated", "RotationFailed"], "KeyRetired") == (before, engine.told[-1])
    assert (["Secondary", "Primary"], False) == (engine.changes, engine.azure.accepts(engine.resource, leaked))


@pytest.mark.usefixtures("leaked")
async def test_a_retirement_that_is_not_seen_to_take_effect_keeps_nothing_else_from_being_done(engine: Engine) -> None:
    rejects(engine, "Primary")
    engine.ahead = timedelta(hours=49)
    await engine.sweep()
    engine.azure.regenerate_in_portal(engine.resource, "Secondary")

    repaired = await engine.sweep()

    assert (Result.SUCCEEDED, "repair", "Secondary") == (repaired.result, repaired.cause, engine.live_slot)


async def test_connections_are_cut_once_a_late_retirement_has_taken_effect(engine: Engine) -> None:
    await revoked(engine, "chat")
    rejects(engine, "Primary")
    engine.ahead = timedelta(minutes=1)
    await engine.sweep()
    before = cut(engine)
    rejects(engine)

    await engine.sweep()

    assert ([], ["chat"]) == (before, cut(engine))


async def test_connections_are_cut_after_a_revocation_whose_new_key_took_effect_late(engine: Engine) -> None:
    engine.publish("Primary", age_days=3)
    rejects(engine, "Secondary")
    await revoked(engine, "chat")
    rejects(engine)
    await engine.sweep()
    engine.ahead = timedelta(minutes=1)

    await engine.sweep()

    assert ("KeyRefused", ["chat"]) == (engine.events[0]["data"]["code"], cut(engine))


async def revoked(engine: Engine, *hubs: str, **wish: object) -> str:
    """Primary has leaked, its retirement is due, and these hubs are to be cut then. The leaked key."""
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=0, close_connections=hubs, **wish)
    return key


def cut(engine: Engine) -> list[str]:
    """The hubs whose connections were closed, in order."""
    return [each["hub"] for each in engine.azure.closings(engine.resource)]


async def test_no_connection_is_cut_while_the_leaked_key_is_valid(engine: Engine) -> None:
    leaked = await revoked(engine, "chat")

    assert engine.azure.accepts(engine.resource, leaked)
    assert [] == cut(engine)


async def test_connections_are_cut_hub_by_hub_once_the_leaked_key_is_rejected(engine: Engine) -> None:
    """The data plane follows what ARM calls done a moment later: until then nothing is cut."""
    leaked = await revoked(engine, "chat", "News")
    engine.azure.configure(engine.resource, data_plane_lag=0.5)

    await engine.sweep()

    closings = engine.azure.closings(engine.resource)
    [renewal] = [each for each in engine.azure.regenerations(engine.resource) if "Primary" == each["keyType"]]
    assert not engine.azure.accepts(engine.resource, leaked)
    assert ["chat", "news"] == cut(engine)
    assert renewal["effectiveAt"] < closings[0]["at"]


async def test_clients_are_not_shown_why_the_key_was_revoked(engine: Engine) -> None:
    await revoked(engine, "chat", reason="in a log")

    await engine.sweep()

    assert ["An access key was replaced"] == [each["reason"] for each in engine.azure.closings(engine.resource)]


async def test_the_event_says_which_hubs_were_cut(engine: Engine) -> None:
    await revoked(engine, "chat")

    await engine.sweep()

    assert ["KeyRotated", "KeyRetired"] == engine.told[-2:]
    assert [["chat"], [{"hub": "chat", "closed": True}]] == [
        engine.events[-2]["data"]["closeConnections"],
        engine.events[-1]["data"]["closings"],
    ]


@pytest.mark.parametrize("answer", [{"status": 400}, {"status": 503}, {"cut": "before-effect"}], ids=str)
async def test_a_hub_that_is_not_closed_does_not_stand_in_the_way(engine: Engine, answer: dict[str, object]) -> None:
    leaked = await revoked(engine, "chat")
    engine.azure.fault("DataPlane.close", times=50, resource=engine.resource, **answer)

    outcome = await engine.sweep()

    assert (Result.SUCCEEDED, False) == (outcome.result, outcome.closings[0].closed)
    assert not engine.azure.accepts(engine.resource, leaked)
    assert "KeyRetired" == engine.told[-1]


async def test_a_lost_answer_is_asked_again(engine: Engine) -> None:
    await revoked(engine, "chat", "news")
    engine.azure.fault("DataPlane.close", resource=engine.resource, cut="after-effect")

    outcome = await engine.sweep()

    assert [True, True] == [each.closed for each in outcome.closings]
    assert ["chat", "news", "chat"] == cut(engine)


async def test_while_signalr_does_not_reject_the_leaked_key_nothing_is_cut(engine: Engine) -> None:
    """What stands before the data plane answers everybody as if the key were good."""
    await revoked(engine, "chat")
    front = {"status": 404, "headers": {"x-ms-error-code": "Warning.User.NotExisted"}}
    engine.azure.fault("DataPlane.exists", times=500, resource=engine.resource, **front)

    outcome = await engine.sweep()

    assert (Result.SUCCEEDED, []) == (outcome.result, cut(engine))
    assert "was not seen to reject" in str(outcome.closings[0].message)


async def test_a_rotation_that_renews_the_leaked_key_early_cuts_too(engine: Engine) -> None:
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=48, close_connections=("chat",))

    await engine.rotate(force=True)

    assert not engine.azure.accepts(engine.resource, key)
    assert ["chat"] == cut(engine)


async def test_a_revoked_key_that_is_invalid_already_is_followed_by_the_cut_at_once(engine: Engine) -> None:
    engine.azure.regenerate_in_portal(engine.resource, "Primary")

    await engine.rotate(mode=Mode.REVOKE, close_connections=("chat",))

    assert ["chat"] == cut(engine)


async def test_another_writer_s_version_does_not_undo_the_cut(engine: Engine, leaked: str) -> None:
    await engine.rotate(mode=Mode.REVOKE, force=True, overlap_hours=48, close_connections=("chat",))
    write(engine, leaked)
    write(engine, engine.azure.valid_keys(engine.resource)["Primary"])
    await engine.sweep()
    engine.ahead = timedelta(hours=49)

    await engine.sweep()

    assert ["chat"] == cut(engine)
