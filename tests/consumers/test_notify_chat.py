"""Messages to Teams and Slack, of events that the app really sent, posted to a receiver on loopback."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.consumers.samples import receiver, run
from tests.event_schemas import samples
from tests.http.conftest import HttpWorld
from tests.world import own_world, until

HELD = {
    "specversion": "1.0",
    "id": "4f165c69-f6bb-5e02-ba6c-2bf01d5a3329-RotationsHeld",
    "source": "/subscriptions/0/resourceGroups/live/providers/Microsoft.SignalRService/SignalR/chat",
    "type": "SignalRKeyRotation.RotationsHeld",
    "subject": "rotations",
    "data": {"code": "ThreeFailed", "message": "Three scheduled rotations failed in a row."},
}


@pytest.fixture(scope="module")
def failed(world: HttpWorld) -> dict[str, Any]:
    """The event of a rotation that ARM ended in failure."""
    resource = world.adopted()
    world.azure.configure(resource, outcome="Failed")
    world.rotated(resource)
    return world.events(resource)[-1]


@pytest.fixture(scope="module")
def overdue(folder: Path) -> Iterator[dict[str, Any]]:
    """The event of a paused resource whose key is too old. In a world of its own: its time is moved."""
    with own_world(folder, "overdue") as own:
        resource = own.resource()
        own.host.run("sweep")
        until(lambda: own.versions(resource) or None)
        own.host.idle()
        own.azure.update_signalr(resource, tags={"key-rotation": "paused"})
        own.host.run("sweep")
        own.host.idle()
        own.azure.travel(timedelta(days=64).total_seconds())
        own.host.travel(timedelta(days=64).total_seconds())
        own.host.run("sweep")
        yield until(lambda: next((one for one in own.events(resource) if one["type"].endswith("Overdue")), None))


def posted(event: dict[str, Any], chat: str) -> dict[str, Any]:
    """The one body that arrives."""
    with receiver() as (port, asked):
        said = run("notify_chat.py", event, chat, CHAT_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook")
    [request] = asked
    assert ("posted", "POST", "/hook") == (said, request["method"], request["path"])
    assert "application/json" == request["headers"]["Content-Type"]
    return dict(json.loads(request["body"]))


def teams_facts(body: dict[str, Any]) -> dict[str, str]:
    """What the card's set of facts says."""
    [attachment] = body["attachments"]
    assert ("message", "application/vnd.microsoft.card.adaptive") == (body["type"], attachment["contentType"])
    return {fact["title"]: fact["value"] for fact in attachment["content"]["body"][-1]["facts"]}


def test_failure_is_a_card_in_teams(failed: dict[str, Any]) -> None:
    body = posted(failed, "teams")

    title, text, _ = body["attachments"][0]["content"]["body"]
    assert ("SignalR key rotation failed", failed["data"]["message"]) == (title["text"], text["text"])
    facts = teams_facts(body)
    assert (failed["source"].rpartition("/")[2], failed["data"]["code"]) == (facts["Resource"], facts["Code"])


def test_failure_is_blocks_in_slack(failed: dict[str, Any]) -> None:
    header, text, facts = posted(failed, "slack")["blocks"]

    assert ("header", "SignalR key rotation failed") == (header["type"], header["text"]["text"])
    assert failed["data"]["message"] == text["text"]["text"]
    assert f"Code: {failed['data']['code']}" in [each["text"] for each in facts["fields"]]
    assert {"plain_text"} == {each["type"] for each in (header["text"], text["text"], *facts["fields"])}


def test_overdue_says_since_when(overdue: dict[str, Any]) -> None:
    assert overdue["data"]["dueAt"] == teams_facts(posted(overdue, "teams"))["Due"]


@pytest.mark.parametrize("chat", ["teams", "slack"])
def test_hold_is_posted(chat: str) -> None:
    assert "Scheduled SignalR key rotations are on hold" in json.dumps(posted(HELD, chat))


@pytest.mark.parametrize("chat", ["teams", "slack"])
def test_notice_says_when_and_which_key(chat: str) -> None:
    [upcoming] = [each for each in samples() if each["type"].endswith("RotationUpcoming")]

    body = json.dumps(posted(upcoming, chat))

    said = ("A SignalR key will be rotated", "Primary", upcoming["data"]["dueAt"], upcoming["data"]["beginsAt"])
    assert [] == [each for each in said if each not in body]


@pytest.mark.parametrize("chat", ["teams", "slack"])
def test_good_news_is_not_posted(event: dict[str, Any], chat: str) -> None:
    assert "nothing to do" == run("notify_chat.py", event, chat)
