"""Messages: of other versions, unreadable, urgent, out of date."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.azure_services import NAME, URGENT
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from tests.integration import queues
from tests.integration.engine import Engine

UNREADABLE = [
    b"",
    b"\xff\xfe",
    b"{",
    b"[]",
    b"7",
    b'"text"',
    b"null",
    b"[" * 5000,
    b'{"rotationId":"1"}',
    b'{"rotationId":"1","resource":"chat","mode":"rotate","trigger":"x","requestedAt":"2026-01-01T00:00:00Z"}',
    b'{"eventId":"","about":"secret-expiry","type":"t"}',
]


def message(engine: Engine, **more: object) -> bytes:
    """A request as JSON, and what a test adds to it or changes in it."""
    known = json.loads(engine.asks(force=True).model_dump_json(by_alias=True, exclude_defaults=True))
    return json.dumps(known | more).encode()


@pytest.mark.parametrize("content", UNREADABLE, ids=lambda content: repr(content[:20]))
@pytest.mark.parametrize("function", ["work", "dead_letter"])
async def test_an_unreadable_message_ends_once_with_a_log_line(
    engine: Engine, caplog: pytest.LogCaptureFixture, content: bytes, function: str
) -> None:
    with caplog.at_level(logging.ERROR):
        await getattr(engine.app.messages, function)(content)

    assert ["message unreadable"] == [each.getMessage() for each in caplog.records]


@pytest.mark.parametrize(
    "changes",
    [
        {"requestedAt": "2026-01-01T00:00:00"},
        {"requestedAt": "9999-12-31T23:59:59Z"},
        {"overlapHours": 1e300},
        {"mode": "a-mode-of-tomorrow"},
        {"attempts": -1},
    ],
    ids=str,
)
async def test_poison_never_fails_for_what_a_message_says(engine: Engine, changes: dict[str, object]) -> None:
    await engine.app.messages.dead_letter(message(engine, **changes))


async def test_what_a_newer_version_adds_is_ignored(engine: Engine) -> None:
    await engine.app.messages.work(message(engine, schemaVersion=7, colour="red", nested={"a": [1]}))

    assert ["Secondary"] == engine.changes


async def test_what_a_newer_version_added_is_kept_when_the_message_is_sent_again(engine: Engine) -> None:
    """The newer worker that takes it next finds what it had written."""
    queues.cleared(engine.storage)
    engine.azure.fault("SignalR.listKeys", status=429, headers={"Retry-After": "1"}, resource=engine.resource)

    await engine.app.messages.work(message(engine, colour="red"))

    [found] = queues.soon(lambda: queues.visible(engine.storage, URGENT))
    assert "red" == found["colour"]


@pytest.mark.parametrize(
    ("wish", "queue"),
    [
        ({"mode": Mode.ROTATE}, NAME),
        ({"mode": Mode.RESYNC}, NAME),
        ({"mode": Mode.ROTATE, "force": True}, URGENT),
        ({"mode": Mode.REVOKE}, URGENT),
    ],
    ids=str,
)
async def test_a_leaked_key_is_no_matter_of_waiting_behind_a_sweep(
    engine: Engine, wish: dict[str, object], queue: str
) -> None:
    queues.cleared(engine.storage)

    [sent] = await engine.app.rotations.submit(RotationCommand("http", ResourceId.parse(engine.resource), **wish))

    found = {name: [each["rotationId"] for each in queues.visible(engine.storage, name)] for name in (NAME, URGENT)}
    assert {NAME: [], URGENT: [], queue: [sent.rotation_id]} == found


async def test_a_sweeps_message_is_worth_nothing_after_the_next_sweep(engine: Engine) -> None:
    """With `work` switched off, an hourly sweep would pile up messages that say the same."""
    await engine.app.rotations.sweep()
    queues.cleared(engine.storage)
    engine.ahead = timedelta(hours=2)

    await engine.app.rotations.sweep()

    [found] = [each for each in queues.visible(engine.storage) if each["resource"] == engine.resource]
    assert timedelta(hours=1.9) < found["expires_on"] - datetime.now(UTC) < timedelta(hours=2.1)


async def test_a_request_by_name_does_not_expire(engine: Engine) -> None:
    queues.cleared(engine.storage)

    await engine.app.rotations.submit(RotationCommand("http", ResourceId.parse(engine.resource), Mode.ROTATE))

    [found] = queues.visible(engine.storage)
    assert timedelta(days=365) < found["expires_on"] - datetime.now(UTC)
