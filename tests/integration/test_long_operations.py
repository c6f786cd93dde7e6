"""Regenerations whose end is not seen: none is sent beside one that may still run, and their number is bounded."""

import asyncio
from datetime import timedelta

import pytest

from shared.domain.errors import OperationRunning, RotationError, TokenRejected
from shared.domain.record import Record
from shared.domain.requests import WorkItem
from shared.rotation.run_context import MOST_KEY_READS
from tests.integration.engine import Engine

HOUR = timedelta(hours=1, minutes=1)


def posts(engine: Engine, since: int = 0) -> list[int]:
    """The answers to the regenerations that were sent."""
    name = engine.resource.rsplit("/", 1)[1]
    return [
        each["status"]
        for each in engine.azure.requests("arm", since=since)
        if each["operation"] == "SignalR.regenerateKey" and f"/{name}/" in each["path"]
    ]


async def not_over(engine: Engine, request: WorkItem) -> OperationRunning:
    """The message is to be delivered again: what it waits for."""
    with pytest.raises(OperationRunning) as told:
        await engine.app.worker.attempt(request)
    return told.value


async def record_of(engine: Engine) -> Record:
    record = await engine.record()
    assert record
    return record


# -- polls


async def test_a_poll_without_a_status_is_no_failure(engine: Engine) -> None:
    """The SDK calls the operation failed then, and a second POST would be sent while it runs."""
    engine.azure.configure(engine.resource, operation_seconds=(2, 2))
    engine.azure.fault("SignalR.operationStatus", status=200, body={}, times=1)

    outcome = await engine.rotate()

    assert "Succeeded" == outcome.result
    assert [202] == posts(engine)


@pytest.mark.parametrize("answer", [{"status": 200, "body": {}}, {"status": 404}, {"status": 403}, {"status": 400}])
async def test_an_operation_that_is_lost_sight_of_is_not_repeated(engine: Engine, answer: dict[str, object]) -> None:
    engine.azure.configure(engine.resource, operation_seconds=(60, 60))
    engine.azure.fault("SignalR.operationStatus", times=20, **answer)

    told = await not_over(engine, engine.asks())

    assert [202] == posts(engine)
    assert "not known to have ended" in told.message


async def test_an_identity_that_is_lost_during_the_polls_is_no_refusal(engine: Engine) -> None:
    """The POST was accepted. Read as refused, it would be sent again."""
    await engine.rotate()
    engine.azure.configure(engine.resource, operation_seconds=(1, 1))
    engine.azure.fault("SignalR.operationStatus", status=401, times=3)
    engine.azure.fault("Identity.token", status=400, times=3)
    mark = max(request["n"] for request in engine.azure.requests())

    outcome = await engine.rotate(force=True)

    assert "Succeeded" == outcome.result
    assert [202] == posts(engine, since=mark)


async def test_a_body_that_says_failed_is_a_failure_at_once(engine: Engine) -> None:
    engine.azure.configure(engine.resource, outcome="Failed")

    outcome = await engine.rotate()

    assert ("Failed", "OperationFailed") == (outcome.result, outcome.code)


# -- operations that do not end


@pytest.fixture
async def endless(engine: Engine) -> Engine:
    """An operation that outlasts every wait."""
    engine.app.services.signalr._timeout = 0.5
    engine.azure.configure(engine.resource, operation_seconds=(1000, 1000))
    return engine


async def test_an_operation_that_does_not_end_is_not_followed_by_another(endless: Engine) -> None:
    request = endless.asks()

    for _ in range(3):
        told = await not_over(endless, request)

    assert [202] == posts(endless)
    assert told.retry_after is not None
    assert 30 <= told.retry_after <= 300


async def test_an_operation_that_has_not_ended_within_an_hour_is_a_failure_with_its_name(endless: Engine) -> None:
    request = endless.asks()
    await not_over(endless, request)
    endless.ahead = HOUR

    outcome = await endless.works(request)

    assert ("Failed", "OperationFailed") == (outcome.result, outcome.code)
    assert "has not ended within an hour" in str(outcome.message)
    assert [202] == posts(endless)


async def test_an_operation_that_ends_late_is_finished_by_the_next_delivery(endless: Engine) -> None:
    endless.azure.configure(endless.resource, operation_seconds=(1.5, 1.5))
    request = endless.asks()
    await not_over(endless, request)
    await asyncio.sleep(2)
    assert ["Secondary"] == endless.changes

    outcome = await endless.works(request)

    assert "Succeeded" == outcome.result
    assert [202] == posts(endless)


# -- requests that are not answered


@pytest.fixture
def deaf(engine: Engine) -> Engine:
    """ARM drops the connection of every POST, and does nothing."""
    engine.azure.fault("SignalR.regenerateKey", times=20, cut="before-effect", resource=engine.resource)
    return engine


async def test_a_regeneration_without_an_answer_is_not_repeated_within_the_hour(deaf: Engine) -> None:
    request = deaf.asks()

    for minutes in (0, 20, 58):
        deaf.ahead = timedelta(minutes=minutes)
        await not_over(deaf, request)

    assert 1 == len(posts(deaf))


async def test_regenerations_without_an_answer_are_three_at_growing_distances(deaf: Engine) -> None:
    request, sent = deaf.asks(), []
    for hours in range(12):
        deaf.ahead = timedelta(hours=hours, minutes=hours)
        before = len(posts(deaf))
        try:
            await deaf.app.worker.attempt(request)
        except RotationError:
            sent += [hours] * (len(posts(deaf)) - before)

    record = await record_of(deaf)
    assert [0, 1, 3] == sent
    assert ("Failed", "OperationUnanswered") == (record.history[-1].result, record.history[-1].code)


async def test_after_three_regenerations_without_an_answer_a_new_key_is_published(deaf: Engine) -> None:
    """The key changes after all, in the portal or by a request that was held up: the open journal goes on."""
    request = deaf.asks()
    for hours in (0, 2, 5, 10):
        deaf.ahead = timedelta(hours=hours)
        with_error = None
        try:
            await deaf.app.worker.attempt(request)
        except RotationError as error:
            with_error = error
    assert with_error is None
    deaf.azure.regenerate_in_portal(deaf.resource, "Secondary")

    await deaf.sweep()

    assert "Secondary" == deaf.live_slot
    assert 3 == len(posts(deaf))


async def test_a_regeneration_that_arm_rejected_is_sent_as_soon_as_it_can_be(engine: Engine) -> None:
    """There was no new token to be had for it. Nothing is unknown: the answer was seen."""
    await engine.rotate()
    engine.azure.fault("SignalR.regenerateKey", status=401, times=1, resource=engine.resource)
    engine.azure.fault("Identity.token", status=400, times=1)
    request = engine.asks(force=True)
    with pytest.raises(TokenRejected):
        await engine.app.worker.attempt(request)

    outcome = await engine.works(request)

    assert "Succeeded" == outcome.result
    assert ["Secondary", "Primary"] == engine.changes


async def test_the_keys_are_read_a_bounded_number_of_times(engine: Engine) -> None:
    """Each read draws on the write budget of the whole subscription."""
    engine.azure.configure(engine.resource, data_plane_lag=30)
    mark = max(request["n"] for request in engine.azure.requests())

    await engine.rotate()

    reads = [each for each in engine.azure.requests("arm", since=mark) if each["operation"] == "SignalR.listKeys"]
    assert len(reads) <= MOST_KEY_READS
