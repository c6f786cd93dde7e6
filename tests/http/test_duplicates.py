"""Event Grid delivers at least once: however often one event comes, one key changes."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.http.conftest import HttpWorld
from tests.world import secret_name, until

DELIVERIES = 200
AT_ONCE = 20

log = logging.getLogger(__name__)


def published_two_days_ago(world: HttpWorld) -> str:
    """A resource with the default overlap of a day, which is over."""
    resource = world.resource()
    key, endpoint = world.azure.live_keys(resource)["Primary"], world.azure.connection_endpoint(resource)
    value, then = f"Endpoint={endpoint};AccessKey={key};Version=1.0;", datetime.now(UTC) - timedelta(days=2)
    world.azure.put_secret(secret_name(resource), value, created=then)
    world.rotated(resource, mode="resync")
    return resource


def test_two_hundred_parallel_deliveries_of_one_event_are_one_rotation(world: HttpWorld) -> None:
    resource = world.adopted()
    event = world.secret_event(resource)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: world.deliver(event).status_code, range(DELIVERIES)))

    assert [200] * DELIVERIES == answers
    until(lambda: world.changes(resource) or None)
    world.host.idle()
    [rotation_id] = {event["data"]["rotationId"] for event in world.events(resource) if "KeyRotated" in event["type"]}
    log.info("%s deliveries, %s rotation", DELIVERIES, world.changes(resource))
    assert 1 == world.changes(resource)
    assert 2 == len(world.versions(resource))
    assert 1 == len([version for version in world.versions(resource) if version["tags"]["RotationId"] == rotation_id])


def test_two_events_of_one_version_are_one_rotation(world: HttpWorld) -> None:
    """SecretNearExpiry and SecretExpired of the same version: different events, one meaning."""
    resource = published_two_days_ago(world)
    near, expired = world.secret_event(resource), world.secret_event(resource, "SecretExpired")

    world.deliver(near, expired)

    until(lambda: world.changes(resource) or None)
    world.host.idle()
    assert 1 == world.changes(resource)


def test_event_redelivered_later_changes_nothing_more(world: HttpWorld) -> None:
    resource = world.adopted()
    event = world.secret_event(resource)
    world.deliver(event)
    until(lambda: world.changes(resource) or None)
    world.host.idle()

    world.deliver(event)

    world.host.idle()
    assert 1 == world.changes(resource)
