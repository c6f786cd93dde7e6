"""The app from the outside: each way to start a rotation, and what the world then looks like."""

from datetime import datetime, timedelta

from tests.world import World, secret_name, until

SIXTY_DAYS = timedelta(days=60)


def test_timer_adopts_a_new_resource_without_changing_a_key(world: World) -> None:
    resource = world.resource()
    before = world.azure.valid_keys(resource)

    world.host.run("sweep")

    until(lambda: world.events(resource) or None)
    assert before == world.azure.valid_keys(resource)
    assert "Primary" == world.live_slot(resource)
    assert ["SignalRKeyRotation.KeyPublished"] == [event["type"] for event in world.events(resource)]


def test_timer_rotates_what_is_due(world: World) -> None:
    resource = world.resource()
    world.host.run("sweep")
    until(lambda: world.events(resource) or None)

    _pass(world, SIXTY_DAYS + timedelta(minutes=1))
    world.host.run("sweep")

    until(lambda: len(world.events(resource)) == 2 or None)
    assert "Secondary" == world.live_slot(resource)
    assert ["Secondary"] == [done["keyType"] for done in world.azure.regenerations(resource)]


def test_webhook_rotates_one_resource(world: World) -> None:
    resource, other = world.resource(), world.resource()

    status = world.rotated(resource, reason="asked for")

    assert "Succeeded" == status["status"]
    assert "Secondary" == world.live_slot(resource)
    assert [] == world.versions(other)


def test_portal_run_rotates_one_resource(world: World) -> None:
    """The portal's Test/Run of an HTTP function: the browser calls its URL from the portal's origin, with a key."""
    resource = world.resource()

    accepted = world.rotate({"resource": resource}, headers={"Origin": "https://portal.azure.com"})

    assert 202 == accepted.status_code
    assert "Secondary" == until(lambda: world.live_slot(resource))


def test_admin_run_of_an_http_function_rotates_nothing(world: World) -> None:
    """The platform accepts it, and then has no request to give the function."""
    resource = world.resource()
    before = world.host.activity()["failed"]

    world.host.run("rotate", f'{{"resource": "{resource}"}}')
    world.host.idle()

    assert before + 1 == world.host.activity()["failed"]
    assert [] == world.versions(resource)


def test_no_body_sweeps_every_resource(world: World) -> None:
    first, second = world.resource(), world.resource()

    answer = world.rotate()

    asked = {rotation["resource"] for rotation in answer.json()["rotations"]}
    assert {first, second} <= asked
    until(lambda: (world.events(first) and world.events(second)) or None)
    assert ["Primary", "Primary"] == [world.live_slot(first), world.live_slot(second)]


def test_secret_version_says_what_it_holds(world: World) -> None:
    resource = world.resource()

    status = world.rotated(resource)

    version = world.versions(resource)[-1]
    live = world.azure.valid_keys(resource)["Secondary"]
    endpoint = world.azure.connection_endpoint(resource)
    assert f"Endpoint={endpoint};AccessKey={live};Version=1.0;" == version["value"]
    assert "application/vnd.signalr.connection-string" == version["contentType"]
    assert {
        "CredentialId": "Secondary",
        "ProviderAddress": resource,
        "ValidityPeriodDays": "60",
        "RotationId": status["name"],
        "RotationKind": "rotate",
    } == version["tags"]


def test_secret_expires_thirty_days_after_the_next_rotation_is_due(world: World) -> None:
    """Key Vault announces SecretNearExpiry thirty days ahead: exactly when the rotation is due."""
    resource = world.resource()

    world.rotated(resource)

    version = world.versions(resource)[-1]
    lifetime = datetime.fromisoformat(version["expires"]) - datetime.fromisoformat(version["created"])
    assert abs(lifetime - timedelta(days=90)) < timedelta(seconds=5)


def test_event_names_the_new_version(world: World) -> None:
    resource = world.resource()

    status = world.rotated(resource, reason="audit 7")

    [event] = world.events(resource)
    version = world.versions(resource)[-1]["version"]
    assert "SignalRKeyRotation.KeyRotated" == event["type"]
    assert f"{status['name']}-KeyRotated" == event["id"]
    assert secret_name(resource) == event["subject"]
    assert version == event["data"]["version"]
    assert event["data"]["secretId"].endswith(f"/secrets/{secret_name(resource)}/{version}")
    assert "audit 7" == event["data"]["reason"]


def test_three_rotations_alternate_the_slots(world: World) -> None:
    resource = world.resource()

    slots = []
    for _ in range(3):
        world.rotated(resource, force=True)
        slots.append(world.live_slot(resource))

    assert ["Secondary", "Primary", "Secondary"] == slots
    assert slots == [done["keyType"] for done in world.azure.regenerations(resource)]


def test_salt_is_regenerated_only_when_named(world: World) -> None:
    resource = world.resource()

    status = world.rotated(resource, keyType="Salt")

    assert "Succeeded" == status["status"]
    assert ["Salt"] == [done["keyType"] for done in world.azure.regenerations(resource)]
    assert [] == world.versions(resource)
    assert ["SignalRKeyRotation.SaltRegenerated"] == [event["type"] for event in world.events(resource)]


def test_second_rotation_inside_the_overlap_is_refused(world: World) -> None:
    resource = world.resource()
    world.rotated(resource)

    status = world.rotated(resource)

    assert "Failed" == status["status"]
    assert "OverlapActive" == status["error"]["code"]
    assert 1 == len(world.azure.regenerations(resource))


def test_rotation_id_tells_every_step_and_its_time(world: World) -> None:
    resource = world.resource()

    status = world.rotated(resource)

    assert ["planned", "regenerated", "published", "announced"] == list(status["properties"]["steps"])
    assert "dataplane" == status["properties"]["verified"]


def _pass(world: World, time: timedelta) -> None:
    seconds = time.total_seconds()
    world.azure.travel(seconds)
    world.host.travel(seconds)
