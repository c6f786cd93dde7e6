"""Every event the app sends is as its schema in docs/events/ says, and the schemas can tell."""

import copy
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.event_schemas import FOLDER, KINDS, schema, validate_event, validator
from tests.http.conftest import HttpWorld
from tests.world import secret_name, until


def rotated(world: HttpWorld) -> str:
    resource = world.adopted()
    world.rotated(resource, reason="audit")
    return resource


def adopted(world: HttpWorld) -> str:
    return world.adopted()


def repaired(world: HttpWorld) -> str:
    resource = world.adopted()
    world.azure.regenerate_in_portal(resource, "Primary")
    world.rotated(resource, mode="resync")
    return resource


def retired(world: HttpWorld) -> str:
    resource = world.adopted()
    world.rotated(resource, mode="revoke", overlapHours=0, closeConnections=["chat"])
    until(lambda: world.changes(resource) == 2 or None)  # the retirement's message shows after a second
    until(lambda: world.events(resource)[-1]["type"].endswith("KeyRetired") or None)
    return resource


def salted(world: HttpWorld) -> str:
    resource = world.adopted()
    world.rotated(resource, keyType="Salt")
    return resource


def failed(world: HttpWorld) -> str:
    resource = world.adopted()
    world.azure.configure(resource, outcome="Failed")
    world.rotated(resource)
    return resource


def failed_before_it_began(world: HttpWorld) -> str:
    resource = world.resource(**{"key-rotation-days": "soon"})
    world.rotated(resource)
    return resource


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        (rotated, "KeyRotated"),
        (adopted, "KeyPublished"),
        (repaired, "KeyPublished"),
        (retired, "KeyRetired"),
        (salted, "SaltRegenerated"),
        (failed, "RotationFailed"),
        (failed_before_it_began, "RotationFailed"),
    ],
)
def test_event_is_as_its_schema_says(world: HttpWorld, way: Callable[[HttpWorld], str], kind: str) -> None:
    resource = way(world)

    event = world.events(resource)[-1]

    world.azure.delete_signalr(resource)
    assert f"SignalRKeyRotation.{kind}" == event["type"]
    assert resource == event["source"]
    # A failure's id goes on with its code and the day: another failure of the rotation is another event.
    failed = f"-{event['data']['code']}-{event['time'][:10]}" if kind == "RotationFailed" else ""
    assert f"{event['data']['rotationId']}-{kind}{failed}" == event["id"]


def test_repair_promises_nothing_of_the_key_before(world: HttpWorld) -> None:
    """The published value was no live key: nobody can go on with it for the overlap's length."""
    data = world.events(repaired(world))[-1]["data"]

    assert ("repair", False) == (data["cause"], "previousKeyValidUntil" in data)


def test_every_schema_is_one() -> None:
    assert {"common", *KINDS} == {path.stem for path in FOLDER.glob("*.json")}
    for name in ("common", *KINDS):
        Draft202012Validator.check_schema(schema(name))


def test_formats_are_checked() -> None:
    """They are only where the packages that know them are installed."""
    assert {"date-time", "uuid"} <= set(FormatChecker.checkers)


@pytest.fixture(scope="module")
def event(world: HttpWorld) -> dict[str, Any]:
    return world.events(rotated(world))[-1]


@pytest.mark.parametrize("member", schema("KeyRotated")["properties"]["data"]["required"])
def test_missing_member_is_noticed(event: dict[str, Any], member: str) -> None:
    changed = copy.deepcopy(event)
    del changed["data"][member]

    with pytest.raises(ValidationError, match=member):
        validate_event(changed)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("keyType", "Salt"),
        ("fingerprint", "A" * 84),
        ("nextRotationAt", "soon"),
        ("verified", "believed"),
        ("rotationId", "1"),
        ("secretId", "https://vault.example/secrets/chat"),
    ],
)
def test_wrong_member_is_noticed(event: dict[str, Any], member: str, value: str) -> None:
    changed = event | {"data": event["data"] | {member: value}}

    assert not validator("KeyRotated").is_valid(changed)


def test_undescribed_member_is_noticed(event: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        validate_event(event | {"data": event["data"] | {"primaryKey": "…"}})


def test_id_tells_the_kind(event: dict[str, Any]) -> None:
    assert not validator("KeyRotated").is_valid(event | {"id": f"{uuid.uuid4()}-KeyRetired"})


def test_subject_is_the_secret(world: HttpWorld) -> None:
    resource = world.adopted()

    assert [secret_name(resource)] == [event["subject"] for event in world.events(resource)]
