"""Whether the app runs, and what would keep rotations from succeeding."""

from pathlib import Path

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.http.conftest import HttpWorld
from tests.world import own_world, running_host


def test_health_is_anonymous_and_tells_nothing(world: HttpWorld) -> None:
    answer = world.call("GET", "health", key=None)

    assert (200, {"status": "ok"}) == (answer.status_code, answer.json())


def test_health_fails_without_settings_and_tells_no_details(
    folder: Path, cloud: AzureEmulator, app_storage: Azurite
) -> None:
    with running_host(cloud, app_storage, folder, KEY_VAULT_URL="") as host:
        anonymous = host.request("GET", "/api/health", key=None)
        deep = host.request("GET", "/api/health/deep")

    assert (503, "Unhealthy") == (anonymous.status_code, anonymous.json()["code"])
    assert "KEY_VAULT_URL" not in anonymous.text
    assert "KEY_VAULT_URL" in deep.json()["detail"]


def test_deep_look_is_not_for_anybody(world: HttpWorld) -> None:
    assert 401 == world.call("GET", "health/deep", key=None).status_code


def test_deep_on_the_anonymous_address_is_sent_to_the_right_one(world: HttpWorld) -> None:
    answer = world.call("GET", "health?deep=1", key=None)

    assert 400 == answer.status_code
    assert "GET /api/health/deep" in answer.json()["detail"]


def test_deep_look_finds_nothing_wrong(world: HttpWorld) -> None:
    resource = world.adopted()

    answer = world.call("GET", f"health/deep?resource={resource}")

    assert (200, 1, []) == (answer.status_code, answer.json()["checked"], answer.json()["findings"])


def test_deep_look_names_what_is_wrong(world: HttpWorld) -> None:
    resource = world.resource(**{"key-rotation-vault": "https://elsewhere.vault.azure.net"})

    answer = world.call("GET", f"health/deep?resource={resource}")

    world.azure.delete_signalr(resource)
    [finding] = answer.json()["findings"]
    assert (503, resource, "Misconfigured") == (answer.status_code, finding["resource"], finding["code"])
    assert "key-rotation-vault" in finding["message"]


def test_deep_look_changes_nothing(folder: Path) -> None:
    with own_world(folder, "deep-look") as world:
        resource = world.resource()
        world.host.idle()
        stored, keys = world.stored_text(), world.azure.valid_keys(resource)

        answer = world.host.request("GET", f"/api/health/deep?resource={resource}")

        assert 200 == answer.status_code
        assert stored == world.stored_text()
        assert keys == world.azure.valid_keys(resource)
        assert [] == world.versions(resource)


def test_deep_look_at_no_resource_id_is_refused(world: HttpWorld) -> None:
    assert 400 == world.call("GET", "health/deep?resource=chat").status_code
