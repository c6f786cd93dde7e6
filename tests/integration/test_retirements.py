"""A promised retirement survives what other writers, pipelines and operators do meanwhile."""

from datetime import timedelta

import pytest

from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.integration.engine import Engine


@pytest.fixture
async def leaked(engine: Engine) -> str:
    """Primary has leaked: revoked, Secondary is published, and Primary is to be invalidated in two days."""
    key = engine.azure.live_keys(engine.resource)["Primary"]
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=48)
    return key


def write(engine: Engine, key: str) -> None:
    """Another writer adds a version, without tags and without a content type, as a pipeline does."""
    endpoint = engine.azure.connection_endpoint(engine.resource)
    engine.azure.put_secret(engine.secret, f"Endpoint={endpoint};AccessKey={key};Version=1.0;")


async def test_the_new_value_written_back_without_tags_does_not_undo_it(engine: Engine, leaked: str) -> None:
    write(engine, engine.azure.live_keys(engine.resource)["Secondary"])
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
