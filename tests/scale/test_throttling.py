"""What ARM's 429 does to a rotation: it waits in the queue, changes nothing twice, and asks for nothing meanwhile."""

from datetime import timedelta

from azure.storage.queue import QueueClient

from shared.composition import App
from shared.domain.record import Result
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from tests.scale.conftest import Site


async def asked(app: App, resource: str) -> WorkItem:
    """A wish for a rotation, queued but not worked on yet."""
    [request] = await app.rotations.submit(RotationCommand("http", ResourceId.parse(resource), Mode.ROTATE))
    return request


async def test_throttled_write_returns_its_message_for_as_long_as_arm_asks(site: Site) -> None:
    app, resource = site.app(), site.resource()
    request = await asked(app, resource)
    site.azure.fault("SignalR.listKeys", resource=resource, status=429, headers={"Retry-After": "40"})
    with QueueClient.from_connection_string(site.storage.connection_string, "signalr-rotation") as queue:
        queue.clear_messages()

        outcome = await app.worker.work(request)

        assert outcome is None
        assert 1 == queue.get_queue_properties().approximate_message_count
        assert [] == queue.peek_messages()


def throttled(site: Site, resource: str, code: str) -> None:
    """The next write to this resource is answered 429 with this code, and a wait that no worker makes."""
    body = {"error": {"code": code, "message": "Too many requests."}}
    site.azure.fault("SignalR.listKeys", resource=resource, status=429, body=body, headers={"Retry-After": "40"})


async def test_throttled_resource_holds_no_neighbour(site: Site) -> None:
    """Its provider's limit is for it alone: a leaked key's revocation next door must not wait for it."""
    app, resource, neighbour = site.app(), site.resource(), site.resource()
    requests = [await asked(app, each) for each in (resource, neighbour)]
    throttled(site, resource, "ResourceRequestsThrottled")

    first, second = [await app.worker.work(request) for request in requests]

    assert first is None
    assert Result.SUCCEEDED == second.result


async def test_throttled_resource_returns_its_message_for_as_long_as_its_provider_asks(site: Site) -> None:
    app, resource = site.app(), site.resource()
    request = await asked(app, resource)
    throttled(site, resource, "ResourceRequestsThrottled")
    with QueueClient.from_connection_string(site.storage.connection_string, "signalr-rotation") as queue:
        queue.clear_messages()

        await app.worker.work(request)

        assert (1, []) == (queue.get_queue_properties().approximate_message_count, queue.peek_messages())


async def test_throttled_subscription_puts_its_neighbours_off_without_asking_arm(site: Site) -> None:
    app, resource, neighbour = site.app(), site.resource(), site.resource()
    requests = [await asked(app, each) for each in (resource, neighbour)]
    throttled(site, resource, "SubscriptionRequestsThrottled")
    await app.worker.work(requests[0])
    mark = site.mark()

    outcome = await app.worker.work(requests[1])

    assert (None, []) == (outcome, site.writes(mark))


async def test_throttled_write_is_not_repeated_in_the_workers_hands(site: Site) -> None:
    app, resource = site.app(), site.resource()
    request = await asked(app, resource)
    site.azure.fault("SignalR.listKeys", resource=resource, status=429, headers={"Retry-After": "1"})
    mark = site.mark()

    await app.worker.work(request)

    assert ["SignalR.listKeys"] == site.writes(mark)


async def test_throttled_regeneration_asks_arm_for_nothing_more_and_is_made_up_for_later(site: Site) -> None:
    app, resource = site.app(), site.resource()
    request = await asked(app, resource)
    site.azure.fault("SignalR.regenerateKey", resource=resource, status=429, headers={"Retry-After": "1"})
    mark = site.mark()

    first = await app.worker.work(request)
    refused = site.writes(mark)
    second = await app.worker.work(request)

    assert first is None
    assert ["SignalR.listKeys", "SignalR.regenerateKey"] == refused
    assert Result.SUCCEEDED == second.result
    assert 1 == len(site.azure.regenerations(resource))


async def test_throttled_polls_only_take_longer(site: Site) -> None:
    app, resource = site.app(), site.resource()
    request = await asked(app, resource)
    site.azure.fault("SignalR.operationStatus", resource=resource, status=429, headers={"Retry-After": "1"}, times=2)

    outcome = await app.worker.work(request)

    assert (Result.SUCCEEDED, "dataplane") == (outcome.result, outcome.verified)


async def test_standing_in_line_for_hours_is_no_failure(site: Site) -> None:
    """A fleet of 100,000 takes more than five hours at ARM's rate."""
    app, resource = site.app(), site.resource()
    request = await asked(app, resource)
    site.ahead += timedelta(hours=8)
    site.azure.fault("SignalR.listKeys", resource=resource, status=429, headers={"Retry-After": "5"})

    assert await app.worker.work(request) is None


async def test_a_burst_beyond_the_bucket_is_paced_and_not_refused(site: Site) -> None:
    """The bucket holds 200 writes: 210 looks at keys in one go, and none is answered 429."""
    app = site.app()
    resources = [ResourceId.parse(site.resource()) for _ in range(21)]
    site.azure.configure(None, throttling=True)
    mark = site.mark()
    try:
        for _ in range(10):
            for preview in await app.rotations.preview(RotationCommand("http")):
                assert preview.finding is None, preview.finding
    finally:
        site.azure.configure(None, throttling=False)

    assert 10 * len(resources) == len(site.writes(mark))
    assert {200} == {each["status"] for each in site.azure.requests("arm", since=mark)}
