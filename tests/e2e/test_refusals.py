"""What the app refuses, what it leaves untouched, and what never shows."""

import json
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.leaks import KeyWatch
from tests.world import World, own_world, running_host

UNKNOWN = (
    "/subscriptions/0e0e0e0e-0000-4000-8000-0000000000ff/resourceGroups/live"
    "/providers/Microsoft.SignalRService/SignalR/nobodys"
)
CHANGING = {"PUT", "POST", "PATCH", "DELETE"}


def test_dry_run_tells_the_decision_and_writes_nothing(folder: Path) -> None:
    """Asserted on all four services: ARM, Key Vault, Event Grid and storage."""
    with own_world(folder, "dry-run") as world:
        resource = world.resource()
        world.host.idle()
        stored, keys, asked_before = world.stored_text(), world.azure.valid_keys(resource), len(world.azure.requests())

        answer = world.rotate({"resource": resource, "dryRun": True})

        assert 200 == answer.status_code
        [preview] = answer.json()["previews"]
        assert {"action": "Rotate", "keyType": "Secondary"}.items() <= preview["decision"].items()
        written = [
            request["operation"]
            for request in world.azure.requests(since=asked_before)
            if request["method"] in CHANGING and request["operation"] != "SignalR.listKeys"
        ]
        assert [] == written
        assert keys == world.azure.valid_keys(resource)
        assert [] == world.versions(resource)
        assert [] == world.azure.events()
        assert stored == world.stored_text()


@pytest.mark.parametrize("key", [None, "wrong"])
def test_wrong_function_key_is_unauthorized(world: World, key: str | None) -> None:
    assert 401 == world.rotate({}, key=key).status_code


def test_unmanaged_resource_is_refused(world: World) -> None:
    answer = world.rotate({"resource": UNKNOWN})

    assert 404 == answer.status_code
    assert "application/problem+json" == answer.headers["Content-Type"].partition(";")[0]
    assert answer.json()["type"].endswith("NotManaged")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"resource": "chat"}, "resource"),
        ({"resource": UNKNOWN, "keyType": "Tertiary"}, "keyType"),
        ({"resource": UNKNOWN, "force": "yes"}, "force"),
        ({"resource": UNKNOWN, "colour": "red"}, "colour"),
    ],
)
def test_wrong_field_is_named(world: World, body: dict[str, object], field: str) -> None:
    answer = world.rotate(body)

    assert 400 == answer.status_code
    assert [field] == [fault["field"] for fault in answer.json()["errors"]]


def test_unknown_rotation_id_is_not_found(world: World) -> None:
    assert 404 == world.host.request("GET", "/api/rotations/11111111-2222-4333-8444-555555555555").status_code


def test_missing_setting_names_itself(folder: Path, azure_session: AzureEmulator, storage: Azurite) -> None:
    with running_host(azure_session, storage, folder, KEY_VAULT_URL="", ROTATION_PERIOD_DAYS="soon") as host:
        answer = host.request("POST", "/api/rotate")

    assert 500 == answer.status_code
    assert "KEY_VAULT_URL" in answer.json()["detail"]
    assert "ROTATION_PERIOD_DAYS" in answer.json()["detail"]


def test_no_key_material_shows_anywhere(world: World) -> None:
    """Logs, answers, events, blobs and messages of rotations of every kind."""
    resource = world.resource()
    watch = KeyWatch(world.azure, resource)
    answers = [world.rotate({"resource": resource, "dryRun": True}).text]

    for body in ({}, {"force": True}, {"keyType": "Salt"}, {"keyType": "Primary"}):
        answers.append(json.dumps(world.rotated(resource, **body)))
        watch.look()

    watch.assert_absent_from(
        [
            ("log", world.host.log_text()),
            ("answers", "\n".join(answers)),
            ("events", json.dumps(world.events(resource))),
            ("storage", world.stored_text()),
        ]
    )
