"""Azure's events: what starts a rotation, what is left alone, and how soon the delivery is answered."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.azure_services import NAME
from tests.http.conftest import HttpWorld
from tests.integration import queues
from tests.world import secret_name, until


def renewed_event(resource: str, **data: object) -> dict[str, Any]:
    """What ARM tells of a renewed key."""
    return {
        "id": str(uuid.uuid4()),
        "topic": "/subscriptions/0",
        "subject": resource,
        "eventType": "Microsoft.Resources.ResourceActionSuccess",
        "eventTime": "2026-11-23T07:00:00Z",
        "data": {
            "resourceUri": resource,
            "operationName": "Microsoft.SignalRService/SignalR/regeneratekey/action",
            "status": "Succeeded",
        }
        | data,
        "dataVersion": "1",
    }


@pytest.fixture(scope="module")
def known(world: HttpWorld) -> str:
    """A resource that no test changes."""
    return world.adopted()


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_due_secret_near_expiry_is_rotated(world: HttpWorld, schema: Any) -> None:
    """Delivered by Event Grid itself, handshake and all. The app has no record of the resource."""
    resource = world.due()
    world.azure.deliver_events_to(world.host.url + world.events_path, schema=schema, source="keyvault")

    world.azure.raise_near_expiry(None, secret_name(resource))

    until(lambda: world.changes(resource) or None)
    world.host.idle()
    assert 1 == world.changes(resource)
    assert "event" == world.events(resource)[-1]["data"]["trigger"]


@pytest.mark.parametrize("tags", [{"key-rotation-days": "90"}, {"key-rotation": "paused"}])
def test_near_expiry_is_a_sweep_and_bypasses_no_policy(world: HttpWorld, tags: dict[str, str]) -> None:
    """Sixty-one days old: due by the default, and not by these tags."""
    resource = world.due(**tags)

    assert 202 == world.deliver(world.secret_event(resource)).status_code

    world.host.idle()
    assert (0, 1) == (world.changes(resource), len(world.versions(resource)))


def test_key_renewed_in_the_portal_is_repaired(
    world: HttpWorld, record_property: Callable[[str, object], None]
) -> None:
    """From the renewal to a published key that works: Event Grid's delivery, two messages and one `set_secret`."""
    resource = world.adopted()
    address = world.host.url + world.events_path
    world.azure.deliver_events_to(address, schema="EventGridSchema", source="resources")

    world.azure.regenerate_in_portal(resource, "Primary")
    began = time.monotonic()
    assert world.live_slot(resource) is None
    until(lambda: world.live_slot(resource))
    seconds = time.monotonic() - began
    record_property("seconds from renewal to repair", round(seconds, 2))
    print(f"\nrenewed in the portal, repaired after {seconds:.2f} s")  # noqa: T201 - the figure, shown with -s

    assert seconds < 10
    world.host.idle()
    assert ["rotations" != done["by"] for done in world.azure.regenerations(resource)] == [True]
    assert "repair" == world.events(resource)[-1]["data"]["cause"]


def test_own_regeneration_is_found_live(world: HttpWorld) -> None:
    resource = world.adopted()
    world.rotated(resource)

    world.deliver(renewed_event(resource))
    world.host.idle()

    assert (1, 2) == (world.changes(resource), len(world.versions(resource)))


@pytest.mark.parametrize("kind", ["SecretNearExpiry", "SecretExpired"])
def test_expiry_of_an_older_version_is_left_alone(world: HttpWorld, kind: str) -> None:
    resource = world.adopted()
    stale = world.secret_event(resource, kind)
    world.rotated(resource)

    assert 202 == world.deliver(stale).status_code

    assert "not the newest version" == world.ignored_because(stale["id"])
    assert 1 == world.changes(resource)


def test_secret_nobody_publishes_to_is_left_alone(world: HttpWorld, known: str) -> None:
    world.azure.put_secret("someone-elses", "value")
    event = world.secret_event(known)
    event["data"]["Id"] = f"{world.azure.vaults[0]}/secrets/someone-elses/0123456789abcdef0123456789abcdef"
    event["id"] = "someone-elses"

    assert 202 == world.deliver(event).status_code

    assert "secret not managed" == world.ignored_because("someone-elses")


def test_vault_the_settings_do_not_name_is_never_asked(world: HttpWorld, known: str) -> None:
    """An event must not be able to have the app show its token to another host."""
    event = world.secret_event(known)
    event["data"]["Id"] = "https://127.0.0.1:9/secrets/chat/0123456789abcdef0123456789abcdef"
    event["id"] = "other-vault"

    assert 202 == world.deliver(event).status_code

    assert "vault not used by this app" == world.ignored_because("other-vault")


def test_resource_of_somebody_else_is_left_alone(world: HttpWorld, known: str) -> None:
    event = renewed_event(known.replace("0e0e0e0e-0000-4000-8000-000000000001", str(uuid.uuid4())))

    assert 202 == world.deliver(event).status_code

    assert "NotManaged" == world.ignored_because(event["id"])


def test_good_events_of_a_bad_batch_are_kept(world: HttpWorld) -> None:
    """What is no event fails before the app is asked, so all are delivered again: the good one changes one key."""
    resource = world.due()
    batch = (None, {"id": 1}, "text", world.secret_event(resource), {"id": "x", "eventType": ["?"]})

    assert [500, 500] == [world.deliver(*batch).status_code for _ in range(2)]

    until(lambda: world.changes(resource) or None)
    world.host.idle()
    assert 1 == world.changes(resource)


def test_acknowledged_at_once_while_azure_hangs(world: HttpWorld) -> None:
    """Event Grid waits for the queue alone, whatever the size of the fleet and the mood of Key Vault and ARM."""
    resource = world.due()
    event = world.secret_event(resource)
    world.azure.fault("SignalR.get", delay=1.5, resource=resource)
    world.azure.fault("KeyVault.getSecret", delay=1.5, resource=secret_name(resource))

    before = len(world.azure.requests())
    began = time.monotonic()

    answer = world.deliver(event)

    assert time.monotonic() - began < 1
    assert 202 == answer.status_code
    until(lambda: world.changes(resource) or None)
    hung = {request["operation"] for request in world.azure.requests(since=before) if request["fault"]}
    assert {"SignalR.get", "KeyVault.getSecret"} == hung


def test_events_while_the_resource_is_away_do_not_end_on_the_poison_queue(world: HttpWorld) -> None:
    """A secret whose resource is gone: nothing that a repetition would change."""
    resource = world.adopted()
    event = world.secret_event(resource)
    world.azure.delete_signalr(resource)
    before = trouble(world)

    world.deliver(event)

    assert "NotFound" == world.ignored_because(event["id"])
    world.host.idle()
    assert before == trouble(world)


def trouble(world: HttpWorld) -> tuple[int, int]:
    """How often a message's function has failed, and how many messages lie on its poison queue."""
    failed = [line for line in world.logged("function failed") if line["function"] == "work"]
    return len(failed), queues.count(world.storage, f"{NAME}-poison")
