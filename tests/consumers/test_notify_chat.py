"""Messages to Teams and Slack, of events that the app really sent, posted to a receiver on loopback."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.consumers.samples import receiver, run
from tests.http.conftest import HttpWorld
from tests.world import own_world, until

DAY_SECONDS = timedelta(days=1).total_seconds()


@pytest.fixture(scope="module")
def failed(world: HttpWorld) -> dict[str, Any]:
    """The event of a rotation that ARM ended in failure."""
    resource = world.adopted()
    world.azure.configure(resource, outcome="Failed")
    world.rotated(resource)
    return world.events(resource)[-1]


@pytest.fixture(scope="module")
def sent(folder: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """What sweeps of two months announce, by kind: of a paused resource, and of three whose rotations fail."""
    with own_world(folder, "sweeps") as own:

        def swept(after_days: float) -> None:
            own.azure.travel(after_days * DAY_SECONDS)
            own.host.travel(after_days * DAY_SECONDS)
            own.host.run("sweep")
            own.host.idle()

        paused, *due = [own.resource() for _ in range(4)]
        swept(0)
        until(lambda: all(own.versions(each) for each in (paused, *due)) or None)
        own.azure.update_signalr(paused, tags={"key-rotation": "paused"})
        swept(55)
        for each in due:
            own.azure.configure(each, outcome="Failed")
        swept(9)

        def announced() -> dict[str, dict[str, Any]] | None:
            kinds = {one["type"].rpartition(".")[2]: one for each in (paused, *due) for one in own.events(each)}
            return kinds if {"RotationOverdue", "RotationsHeld", "RotationUpcoming"} <= set(kinds) else None

        yield until(announced)


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


def test_overdue_says_since_when(sent: dict[str, dict[str, Any]]) -> None:
    overdue = sent["RotationOverdue"]

    assert overdue["data"]["dueAt"] == teams_facts(posted(overdue, "teams"))["Due"]


@pytest.mark.parametrize("chat", ["teams", "slack"])
def test_hold_says_why(sent: dict[str, dict[str, Any]], chat: str) -> None:
    body = json.dumps(posted(sent["RotationsHeld"], chat))

    assert "Scheduled SignalR key rotations are on hold" in body
    assert json.dumps(sent["RotationsHeld"]["data"]["message"])[1:-1] in body


@pytest.mark.parametrize("chat", ["teams", "slack"])
def test_notice_says_when_and_which_key(sent: dict[str, dict[str, Any]], chat: str) -> None:
    data = sent["RotationUpcoming"]["data"]

    body = json.dumps(posted(sent["RotationUpcoming"], chat))

    said = ("A SignalR key will be rotated", data["keyType"], data["dueAt"], data["beginsAt"])
    assert [] == [each for each in said if each not in body]


@pytest.mark.parametrize("chat", ["teams", "slack"])
def test_good_news_is_not_posted(event: dict[str, Any], chat: str) -> None:
    assert "nothing to do" == run("notify_chat.py", event, chat)
