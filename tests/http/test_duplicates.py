"""Event Grid delivers at least once: however often one event comes, one key changes."""

import logging
from concurrent.futures import ThreadPoolExecutor

from tests.http.conftest import HttpWorld
from tests.world import until

DELIVERIES = 200
AT_ONCE = 20

log = logging.getLogger(__name__)


def test_two_hundred_parallel_deliveries_of_one_event_are_one_rotation(world: HttpWorld) -> None:
    resource = world.due()
    event = world.secret_event(resource)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: world.deliver(event).status_code, range(DELIVERIES)))

    assert [202] * DELIVERIES == answers
    until(lambda: world.changes(resource) or None)
    world.host.idle()
    [rotation_id] = {event["data"]["rotationId"] for event in world.events(resource) if "KeyRotated" in event["type"]}
    log.info("%s deliveries, %s rotation", DELIVERIES, world.changes(resource))
    assert 1 == world.changes(resource)
    assert 2 == len(world.versions(resource))
    assert 1 == len(
        [version for version in world.versions(resource) if version["tags"].get("RotationId") == rotation_id]
    )


def test_two_events_of_one_version_are_one_rotation(world: HttpWorld) -> None:
    """SecretNearExpiry and SecretExpired of the same version: different events, one meaning."""
    resource = world.due()
    near, expired = world.secret_event(resource), world.secret_event(resource, "SecretExpired")

    world.deliver(near, expired)

    until(lambda: world.changes(resource) or None)
    world.host.idle()
    assert 1 == world.changes(resource)


def test_event_redelivered_later_changes_nothing_more(world: HttpWorld) -> None:
    resource = world.due()
    event = world.secret_event(resource)
    world.deliver(event)
    until(lambda: world.changes(resource) or None)
    world.host.idle()

    world.deliver(event)

    world.host.idle()
    assert 1 == world.changes(resource)
