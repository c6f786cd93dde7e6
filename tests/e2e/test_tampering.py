"""What somebody who can write a tag, a message or a blob cannot do with it: the threat model names these tests."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot, fingerprint
from shared.domain.record import Record
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from tests.world import SUBSCRIPTION, World, until


class Elsewhere:
    """An address that the app has no business with, and whether anybody called there."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"

    @property
    def called(self) -> bool:
        """Whether a connection was ever opened."""
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        yield Elsewhere(listener)


def test_vault_that_a_tag_names_without_leave_is_never_called(world: World, elsewhere: Elsewhere) -> None:
    """Nor is a key renewed that could then be published nowhere."""
    resource = world.resource(**{"key-rotation-vault": f"https://{elsewhere.address}"})
    before = world.azure.valid_keys(resource)

    status = world.rotated(resource)

    assert "Misconfigured" == status["error"]["code"]
    assert "key-rotation-vault" in status["error"]["message"]
    assert before == world.azure.valid_keys(resource)
    assert not elsewhere.called


@pytest.mark.parametrize("name", ["../keys", "chat/versions", "chat?api-version=1", "chät", "a" * 128])
def test_secret_name_of_a_tag_is_a_name_and_nothing_else(world: World, name: str) -> None:
    resource = world.resource(**{"key-rotation-secret": name})

    assert "Misconfigured" == world.rotated(resource)["error"]["code"]
    assert [] == world.azure.regenerations(resource)


def test_token_of_arm_is_shown_to_no_other_host(world: World, elsewhere: Elsewhere) -> None:
    """An answer points to somewhere else for the operation's status: not followed, and the keys tell how it ended."""
    resource = world.resource()
    status_url = f"https://{elsewhere.address}/operations/1"
    headers = {"Azure-AsyncOperation": status_url, "Location": status_url}
    world.azure.fault("SignalR.regenerateKey", resource=resource, status=202, effect=True, body={}, headers=headers)

    status = world.rotated(resource)

    assert "Succeeded" == status["status"]
    assert "Secondary" == world.live_slot(resource)
    assert not elsewhere.called


def test_message_for_a_resource_that_is_not_managed_renews_nothing(world: World) -> None:
    """Whoever can write to the queue has no key renewed that nobody opted in, although the role would allow it."""
    resource = world.azure.create_signalr("bystander", subscription=SUBSCRIPTION)
    forged = RotationCommand("http", mode=Mode.ROTATE, force=True).for_resource(
        ResourceId.parse(resource), datetime.now(UTC)
    )

    _queue(world).send_message(forged.model_dump_json(by_alias=True, exclude_defaults=True))

    [event] = until(lambda: world.events(resource) or None)
    assert "NotManaged" == event["data"]["code"]
    assert [] == world.azure.regenerations(resource)
    assert [] == world.versions(resource)


def test_journal_that_would_renew_the_published_key_is_abandoned(world: World) -> None:
    """Whoever can write to the container can't have the key renewed that everybody holds."""
    resource = world.resource()
    world.rotated(resource)
    live = world.azure.valid_keys(resource)
    forged = Journal(
        times={Step.PLANNED: datetime.now(UTC)},
        rotation_id="0e0e0e0e-0000-4000-8000-0000000000aa",
        kind=Kind.ROTATE,
        slot=Slot.SECONDARY,
        trigger="http",
        requested_at=datetime.now(UTC),
        before={Slot(slot): fingerprint(key) for slot, key in live.items()},
        previous_version=world.versions(resource)[-1]["version"],
        overlap_hours=0.0,
    )
    _replace_record(world, resource, Record(resource=resource, journal=forged).model_dump_json(by_alias=True))

    world.rotated(resource, mode="resync")

    assert live == world.azure.valid_keys(resource)
    assert "Abandoned" in _record(world, resource)


@pytest.mark.parametrize("content", ["", "{", '{"resource": 7}', '{"journal": {"step": "published"}}'])
def test_record_that_cannot_be_read_is_as_good_as_lost(world: World, content: str) -> None:
    resource = world.resource()
    world.rotated(resource)
    _replace_record(world, resource, content)

    assert "OverlapActive" == world.rotated(resource)["error"]["code"]
    assert "Secondary" == world.live_slot(resource)


def test_request_repeated_without_a_key_of_its_own_is_stopped_by_the_overlap(world: World) -> None:
    """A request that somebody recorded and sends again: it is a new one, and clients still hold the other key."""
    resource = world.resource()
    body = {"resource": resource, "reason": "recorded"}
    world.ended(world.rotate(body))

    again = world.ended(world.rotate(body))

    assert "OverlapActive" == again["error"]["code"]
    assert 1 == len(world.azure.regenerations(resource))


def test_refusal_that_quotes_a_key_takes_it_nowhere(world: World) -> None:
    """azure-core puts the bodies of answers into the texts of exceptions. Nothing of it is logged, told or stored."""
    resource = world.resource()
    key = world.azure.valid_keys(resource)["Primary"]
    body = {"error": {"code": "Strange", "message": f"primaryKey is {key}"}, "primaryKey": key}
    world.azure.fault("SignalR.listKeys", resource=resource, status=400, body=body, times=3)

    status = world.rotated(resource)

    assert "Failed" == status["status"]
    told: dict[str, Any] = {"answer": status, "log": world.host.log_text(), "events": world.events(resource)}
    assert [] == [place for place, text in told.items() if key in str(text)]
    assert key not in world.stored_text()


def _queue(world: World) -> Any:
    return QueueServiceClient.from_connection_string(world.storage.connection_string).get_queue_client(
        "signalr-rotation"
    )


def _blob(world: World, resource: str) -> Any:
    blobs = BlobServiceClient.from_connection_string(world.storage.connection_string)
    return blobs.get_blob_client("signalr-rotation", f"resources/{ResourceId.parse(resource).key}.json")


def _record(world: World, resource: str) -> str:
    return str(_blob(world, resource).download_blob().readall().decode())


def _replace_record(world: World, resource: str, content: str) -> None:
    world.host.idle()
    _blob(world, resource).upload_blob(content, overwrite=True)
