"""The messages, tickets and the rest that version f93f389 has left behind are taken up like one's own."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from shared.adapters.azure_services import NAME
from shared.adapters.blob_operations import BlobOperations
from shared.domain.errors import KeyReused
from shared.domain.heartbeat import Heartbeat
from shared.domain.operation import Operation
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.http.responses import OperationStatus
from shared.rotation.inbound_event import InboundEvent
from tests.integration.engine import Engine
from tests.upgrade.documents import Document, document, documents, fill, lost
from tests.upgrade.replay import Replay

MESSAGES, TICKETS, HEARTBEATS = map(documents, ("message", "ticket", "heartbeat"))


# -- messages


@pytest.mark.parametrize("found", MESSAGES, ids=str)
def test_a_message_is_read_without_loss(found: Document) -> None:
    text = fill(found.text)

    assert not lost(text, TypeAdapter[WorkItem | InboundEvent](WorkItem | InboundEvent).validate_json(text))


@pytest.mark.parametrize("found", MESSAGES, ids=str)
async def test_a_message_has_the_effect_it_says(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)

    await replay.work()

    assert (found.end["told"], found.end["changes"]) == (replay.told, replay.changes)


@pytest.mark.parametrize("found", [each for each in MESSAGES if each.raw.get("ticket")], ids=str)
async def test_a_message_that_was_asked_for_ends_with_an_answer(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)

    await replay.work()

    status = await engine.app.rotations.status(found.raw["rotationId"])
    assert status
    assert status.outcome
    assert found.end["result"] == status.outcome.result


async def test_an_overlap_that_was_asked_for_is_kept(engine: Engine) -> None:
    replay = await Replay.of(engine, document("message-revoke"))

    await replay.work()

    retire_after = datetime.fromisoformat(engine.versions[-1]["tags"]["RetireAfter"])
    assert timedelta(hours=12.4) < retire_after - datetime.now(UTC) < timedelta(hours=12.6)


# -- tickets, keys, the sweep's own record


@pytest.mark.parametrize("found", TICKETS, ids=str)
def test_a_ticket_is_read_without_loss(found: Document) -> None:
    text = fill(found.text)

    assert not lost(text, Operation.model_validate_json(text))


@pytest.mark.parametrize("found", TICKETS, ids=str)
async def test_a_ticket_is_answered_by_status(engine: Engine, found: Document) -> None:
    await Replay.of(engine, found)

    status = await engine.app.rotations.status(found.raw["rotationId"])

    assert status
    assert found.end["answered"] == OperationStatus.of(status).status


@pytest.mark.parametrize("reason", ["release", "another"])
async def test_an_idempotency_key_still_belongs_to_the_request_it_came_with(engine: Engine, reason: str) -> None:
    found = document("idempotency-key")
    await Replay.of(engine, found)
    keys = BlobOperations(engine.blobs.get_container_client(NAME))

    taken = True
    try:
        await keys.claim(found.end["key"], RotationCommand("http", None, Mode.SWEEP, reason=reason))
    except KeyReused:
        taken = False

    assert taken == (reason == found.end["reason"])


@pytest.mark.parametrize("found", HEARTBEATS, ids=str)
def test_a_heartbeat_is_read_without_loss(found: Document) -> None:
    text = fill(found.text)

    assert not lost(text, Heartbeat.model_validate_json(text))


@pytest.mark.parametrize("found", HEARTBEATS, ids=str)
async def test_what_the_last_sweep_could_not_list_is_reported(engine: Engine, found: Document) -> None:
    await Replay.of(engine, found)

    report = await engine.app.health.report()

    # Of the app itself it says that no sweep has ended since: true, some hours after the document was written.
    of_the_app = {"", engine.resource}
    unreadable = [f"/subscriptions/{each['subscription']}" for each in found.raw.get("unreadable", ())]
    assert unreadable == [each.resource for each in report.findings if each.resource not in of_the_app]


@pytest.mark.parametrize("found", HEARTBEATS, ids=str)
async def test_a_resource_that_has_long_been_unseen_is_overdue(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)

    await engine.app.rotations.sweep()

    assert found.end["told"] == replay.told


@pytest.mark.parametrize("found", HEARTBEATS, ids=str)
async def test_a_sweep_remembers_since_when_a_resource_is_unseen(engine: Engine, found: Document) -> None:
    await Replay.of(engine, found)
    before = await engine.app.services.records.heartbeat()

    await engine.app.rotations.sweep()

    after = await engine.app.services.records.heartbeat()
    assert before
    assert after
    assert before.unobserved.items() <= after.unobserved.items()
