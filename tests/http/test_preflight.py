"""What a dry run finds in the way of a rotation, before a key is touched."""

from pathlib import Path

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.http.conftest import HttpWorld
from tests.world import running_host, secret_name

LIST_KEYS = "Microsoft.SignalRService/SignalR/listkeys/action"
NOWHERE = "https://127.0.0.1:9/api/events"


def findings(world: HttpWorld, resource: str) -> list[str]:
    """The codes of what a dry run of a rotation finds."""
    [preview] = world.rotate({"resource": resource, "dryRun": True, "force": True}).json()["previews"]
    return [finding["code"] for finding in preview["findings"]]


def test_nothing_is_found_where_nothing_is_wrong(world: HttpWorld) -> None:
    assert [] == findings(world, world.adopted())


def test_right_that_is_missing_is_found(world: HttpWorld) -> None:
    resource = world.adopted()
    world.azure.revoke("app", LIST_KEYS)
    try:
        found = world.rotate({"resource": resource, "dryRun": True}).json()["previews"][0]["findings"]
    finally:
        world.azure.assign("app", [LIST_KEYS])

    assert ["NotPermitted"] == [finding["code"] for finding in found]
    assert "listKeys/action" in found[0]["message"]


def test_deleted_secret_of_the_same_name_is_found(world: HttpWorld) -> None:
    resource = world.adopted()
    world.azure.delete_secret(secret_name(resource))

    assert ["SecretSoftDeleted"] == findings(world, resource)


def test_vault_that_may_not_be_read_is_found(world: HttpWorld) -> None:
    resource = world.adopted()
    world.azure.fault("KeyVault.getSecret", status=403, resource=secret_name(resource), times=1)

    assert ["NotPermitted"] == findings(world, resource)


def test_secret_that_two_resources_map_to_is_found_for_both(world: HttpWorld) -> None:
    both = [world.resource(**{"key-rotation-secret": "shared-by-two"}) for _ in range(2)]
    try:
        previews = {each["resource"]: each for each in world.rotate({"dryRun": True}).json()["previews"]}
    finally:
        for resource in both:
            world.azure.delete_signalr(resource)

    for resource in both:
        assert ["Misconfigured"] == [finding["code"] for finding in previews[resource]["findings"]]
        assert "shared-by-two" in previews[resource]["findings"][0]["message"]


def test_topic_out_of_reach_is_found(
    world: HttpWorld, folder: Path, cloud: AzureEmulator, app_storage: Azurite
) -> None:
    resource = world.adopted()
    with running_host(cloud, app_storage, folder, EVENT_GRID_TOPIC_ENDPOINT=NOWHERE) as host:
        dry_run = host.request("POST", "/api/rotate", json={"resource": resource, "dryRun": True}).json()
        deep = host.request("GET", f"/api/health/deep?resource={resource}").json()

    for [found] in (dry_run["previews"][0]["findings"], deep["findings"]):
        assert "Unavailable" == found["code"]
        assert "EVENT_GRID_TOPIC_ENDPOINT" in found["message"]
