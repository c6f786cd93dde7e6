"""The pages on a leak do what they say: their commands are run as they stand."""

import hashlib
import json
import os
import subprocess
from typing import Any

import pytest

from tests.consumers.samples import ROOT
from tests.docs.documents import blocks
from tests.http.conftest import HttpWorld
from tests.live.clients import Client, NotServedError
from tests.world import until

ASK, WHICH, OTHER, AT_ONCE, WITHOUT = (block.text for block in blocks("docs/how-to/respond-to-a-leak.md"))
CUT, _ = (block.text for block in blocks("docs/how-to/cut-connections.md"))


def shell(world: HttpWorld, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "url": world.host.url, "key": world.host.function_key, **variables}
    command = ["bash", "-uo", "pipefail", "-c", script]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def answered(world: HttpWorld, command: str, chat: str) -> dict[str, Any]:
    """The operation status that the command prints."""
    done = shell(world, ASK + command, chat=chat)
    assert 0 == done.returncode, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture
def chat(world: HttpWorld) -> str:
    """A resource that was adopted a moment ago: inside its overlap of 24 hours."""
    return world.adopted(overlap_hours=24)


def published(world: HttpWorld, chat: str) -> str:
    return world.azure.valid_keys(chat)[world.live_slot(chat) or ""]


@pytest.mark.parametrize("form", ["{}", "Endpoint=https://chat.service.signalr.net;AccessKey={};Version=1.0;"])
def test_leaked_key_is_found_by_its_fingerprint(world: HttpWorld, chat: str, form: str) -> None:
    leaked = published(world, chat)

    said = shell(world, WHICH, leaked=form.format(leaked)).stdout

    mine, _, fleet = said.partition("\n")
    assert hashlib.sha256(leaked.encode()).hexdigest()[:12] == mine
    [one] = [each for each in json.loads(fleet)["value"] if each["id"] == chat]
    assert mine == one["fingerprint"]


def test_the_other_key_is_invalid_at_once_and_the_published_one_stays_valid(world: HttpWorld, chat: str) -> None:
    held, leaked = published(world, chat), world.azure.valid_keys(chat)["Secondary"]

    status = answered(world, OTHER, chat)

    assert "Succeeded" == status["status"]
    until(lambda: not world.azure.accepts(chat, leaked) or None)
    assert world.azure.accepts(chat, held)
    assert world.azure.accepts(chat, published(world, chat))
    assert leaked not in world.versions(chat)[-1]["value"]


def test_at_once_the_leaked_key_is_rejected_and_the_published_one_is_not(world: HttpWorld, chat: str) -> None:
    leaked = published(world, chat)

    status = answered(world, AT_ONCE, chat)

    assert "Succeeded" == status["status"]
    until(lambda: not world.azure.accepts(chat, leaked) or None)
    assert world.azure.accepts(chat, published(world, chat))
    until(lambda: world.events(chat)[-1]["type"].endswith("KeyRetired") or None)


def test_the_cut_comes_after_the_leaked_key_is_rejected(world: HttpWorld) -> None:
    """The command as it stands, with an overlap of none. A thief is connected, and cannot come back."""
    chat = world.adopted()
    leaked, endpoint = published(world, chat), world.azure.connection_endpoint(chat)
    thief = Client(endpoint, leaked, "WebSockets", hub="chat")
    thief.open()

    status = answered(world, CUT, chat)

    until(lambda: world.azure.closings(chat) or None)
    [cut], renewed = world.azure.closings(chat), world.azure.regenerations(chat)[-1]
    assert "RevocationPending" == status["note"]["code"]
    assert ("chat", "Primary") == (cut["hub"], renewed["keyType"])
    assert renewed["effectiveAt"] < cut["at"]
    until(lambda: thief.closed_after)
    assert "An access key was replaced" == thief.told["error"]
    with pytest.raises(NotServedError, match="negotiate was answered 401"):
        Client(endpoint, leaked, "WebSockets", hub="chat").open()


def test_inside_the_overlap_neither_is_allowed_without_force(world: HttpWorld, chat: str) -> None:
    for command in (WITHOUT, AT_ONCE.replace(', \\"force\\": true', "")):
        assert "force" not in command

        done = shell(world, ASK + command, chat=chat)

        assert "OverlapActive" in done.stdout
        assert 0 != done.returncode


def test_without_rejecting_the_leaked_key_stays_valid_until_the_time_it_tells(world: HttpWorld) -> None:
    chat = world.resource(**{"key-rotation-overlap-hours": "24"})
    leaked = world.azure.valid_keys(chat)["Primary"]
    day_before = world.azure.clock().replace(microsecond=0)
    name = chat.rsplit("/", 1)[1]
    endpoint = world.azure.connection_endpoint(chat)
    world.azure.put_secret(
        f"{name}-connection-string",
        f"Endpoint={endpoint};AccessKey={leaked};Version=1.0;",
        created=day_before.replace(year=day_before.year - 1),
        tags={"CredentialId": "Primary", "ProviderAddress": chat},
    )

    status = answered(world, WITHOUT, chat)

    assert "Succeeded" == status["status"]
    assert status["properties"]["retireAfter"][:10] > day_before.isoformat()[:10]
    assert world.azure.accepts(chat, leaked)
    assert leaked not in world.versions(chat)[-1]["value"]
