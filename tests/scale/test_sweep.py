"""The sweep over a whole fleet: who is found, who stands in whose way, who is forgotten, and what is late."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared.composition import App
from shared.domain.decision import Code
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, QueuedMessage, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from tests.scale.conftest import Site
from tests.world import secret_name

NAMED = "key-rotation-secret"
BELIEVED = timedelta(minutes=15)  # for so long ARM has to say that a resource is gone


def told(site: Site, kind: str, resource: str) -> list[dict[str, object]]:
    """The events of one kind about a resource."""
    events = [event for event in site.azure.events() if event["source"] == resource]
    return [event for event in events if event["type"] == f"SignalRKeyRotation.{kind}"]


async def listed(app: App) -> set[str]:
    """The resources that the fleet's list shows as seen."""
    return {each.resource for each in (await app.inventory.listing()).entries if each.snapshot}


async def gone(site: Site, app: App) -> dict[str, Outcome | None]:
    """Two sweeps, as far apart as it takes to believe that a resource is gone."""
    await site.swept(app)
    site.ahead += timedelta(minutes=16)
    return await site.swept(app)


async def test_resources_are_found_across_subscriptions_and_pages(site: Site) -> None:
    second = str(uuid.uuid4())
    site.azure.page_size(2)
    expected = {site.resource() for _ in range(5)} | {site.resource(subscription=second) for _ in range(3)}
    site.resource({"key-rotation": "off"})
    app = site.app(SIGNALR_SUBSCRIPTION_IDS=f"{site.subscription}, {second}")
    try:
        requests = await app.rotations.sweep()
    finally:
        site.azure.page_size(100)

    assert expected == {request.resource for request in requests}


async def test_subscription_that_cannot_be_listed_does_not_stop_the_others(site: Site) -> None:
    resource = site.resource()
    unknown = str(uuid.uuid4())
    app = site.app(SIGNALR_SUBSCRIPTION_IDS=f"{unknown}, {site.subscription}")

    outcomes = await site.swept(app)

    assert Result.SUCCEEDED == outcomes[resource].result
    heartbeat = await app.services.records.heartbeat()
    assert [unknown] == [each.subscription for each in heartbeat.unreadable]


async def test_known_resources_of_a_subscription_that_cannot_be_listed_are_swept_all_the_same(site: Site) -> None:
    resource, elsewhere = site.resource(), site.resource(subscription=str(uuid.uuid4()))
    app = site.app(SIGNALR_RESOURCE_IDS=elsewhere)
    await site.swept(app)
    site.azure.fault("SignalR.list", status=403, times=1)

    outcomes = await site.swept(app)

    assert {resource: Code.NOT_DUE, elsewhere: Code.NOT_DUE} == {name: each.code for name, each in outcomes.items()}


async def test_two_resources_on_one_secret_are_a_fault_for_both_and_for_nobody_else(site: Site) -> None:
    first, second, third = site.resource({NAMED: "shared"}), site.resource({NAMED: "Shared"}), site.resource()
    app = site.app()

    outcomes = await site.swept(app)

    assert ["Misconfigured", "Misconfigured", None] == [outcomes[each].code for each in (first, second, third)]
    assert first in outcomes[second].message
    assert second in outcomes[first].message
    assert "shared" not in site.azure.secrets()


async def test_whoever_comes_to_a_secret_that_another_publishes_is_refused(site: Site) -> None:
    """Asked for by name, without a sweep that sees them both."""
    owner, app = site.resource({NAMED: "taken"}), site.app()
    await site.asked(app, RotationCommand("http", ResourceId.parse(owner), Mode.ROTATE))
    late = site.resource({NAMED: "taken"})
    before = site.azure.secrets()["taken"]

    outcome = await site.asked(app, RotationCommand("http", ResourceId.parse(late), Mode.ROTATE, force=True))

    assert (Result.FAILED, "Misconfigured") == (outcome.result, outcome.code)
    assert owner in outcome.message
    assert before == site.azure.secrets()["taken"]
    assert [] == site.azure.regenerations(late)


async def test_two_resources_on_one_secret_are_refused_by_name_too(site: Site) -> None:
    """Without a sweep before: the first one asked for must not win."""
    first, second = site.resource({NAMED: "both"}), site.resource({NAMED: "both"})
    app = site.app()

    outcomes = [
        await site.asked(app, RotationCommand("http", ResourceId.parse(each), Mode.ROTATE)) for each in (first, second)
    ]

    assert ["Misconfigured", "Misconfigured"] == [outcome.code for outcome in outcomes]
    assert "both" not in site.azure.secrets()


async def test_two_that_are_only_named_are_refused_however_often_they_are_swept(site: Site) -> None:
    """No list tells their tags, and a record that knows of a failure alone does not either."""
    both = [site.resource({NAMED: "named"}), site.resource({NAMED: "named"})]
    app = site.app(SIGNALR_RESOURCE_IDS=", ".join(both), SIGNALR_SUBSCRIPTION_IDS="")

    outcomes = [each for _ in range(2) for each in (await site.swept(app)).values()]

    assert ["Misconfigured"] * 4 == [each.code if each else None for each in outcomes]
    assert "named" not in site.azure.secrets()


async def test_two_that_are_only_named_and_get_one_new_name_are_refused(site: Site) -> None:
    """Both were published under names of their own, of which their snapshots still tell."""
    both = [site.resource(), site.resource()]
    app = site.app(SIGNALR_RESOURCE_IDS=", ".join(both), SIGNALR_SUBSCRIPTION_IDS="")
    await site.swept(app)
    for each in both:
        site.azure.update_signalr(each, tags={NAMED: "anew"})

    outcomes = await site.swept(app)

    assert ["Misconfigured"] * 2 == [outcomes[each].code for each in both]
    assert "anew" not in site.azure.secrets()


async def test_two_that_get_one_new_name_after_the_sweep_has_looked_are_refused(site: Site) -> None:
    """Their messages were sent when each had a name of its own."""
    both, app = [site.resource(), site.resource()], site.app()
    await site.swept(app)
    site.ahead += timedelta(minutes=1)
    sent = await app.rotations.sweep()
    for each in both:
        site.azure.update_signalr(each, tags={"key-rotation": "enabled", NAMED: "late"})
    site.ahead += timedelta(minutes=11)

    outcomes = await site.done(app, sent)

    assert ["Misconfigured"] * 2 == [outcomes[each].code for each in both]
    assert "late" not in site.azure.secrets()


async def test_the_owner_of_a_secret_goes_on_whatever_another_resources_tag_says(site: Site) -> None:
    """Its published key is dead, and a stranger's tag must not keep it from being repaired."""
    owner, app = site.resource(), site.app()
    await site.swept(app)
    stranger = site.resource({NAMED: secret_name(owner)})
    site.azure.regenerate_in_portal(owner, "Primary")

    outcomes = await site.swept(app)

    assert (Result.SUCCEEDED, "Misconfigured") == (outcomes[owner].result, outcomes[stranger].code)
    assert site.azure.valid_keys(owner)["Primary"] in site.azure.secrets()[secret_name(owner)][-1]["value"]


async def test_secret_passes_on_to_the_resource_that_took_anothers_place(site: Site) -> None:
    old = site.resource({NAMED: "moved"})
    app = site.app()
    await site.swept(app)
    site.azure.delete_signalr(old)
    await gone(site, app)
    new = site.resource({NAMED: "moved"})

    outcomes = await site.swept(app)

    assert Result.SUCCEEDED == outcomes[new].result
    assert site.azure.valid_keys(new)["Primary"] in site.azure.secrets()["moved"][-1]["value"]


async def test_deleted_resource_is_forgotten_once_its_history_is_closed(site: Site) -> None:
    app, resource, other = site.app(), site.resource(), site.resource()
    await site.swept(app)
    site.azure.delete_signalr(resource)

    missing = await site.swept(app)
    site.ahead += BELIEVED
    closing = await site.swept(app)
    after = await site.swept(app)

    assert [Code.MISSING, Code.GONE] == [missing[resource].code, closing[resource].code]
    assert {other} == set(after)
    assert {other} == await listed(app)
    assert [] == told(site, "RotationFailed", resource)


async def test_deleted_resource_that_the_settings_name_is_told_of_once(site: Site) -> None:
    resource = site.resource()
    app = site.app(SIGNALR_RESOURCE_IDS=resource, SIGNALR_SUBSCRIPTION_IDS="")
    await site.swept(app)
    site.azure.delete_signalr(resource)

    missing = (await site.swept(app))[resource].code
    site.ahead += BELIEVED
    codes = [(await site.swept(app))[resource].code for _ in range(3)]

    assert [Code.MISSING, "NotFound", Code.GONE, Code.GONE] == [missing, *codes]
    assert 1 == len(told(site, "RotationFailed", resource))
    assert set() == await listed(app)


async def test_resource_that_comes_back_is_taken_up_again(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.update_signalr(resource, tags={})
    left = await site.swept(app)
    site.azure.update_signalr(resource, tags={"key-rotation": "enabled"})

    back = await site.swept(app)

    assert Code.NOT_MANAGED == left[resource].code
    assert Code.NOT_DUE == back[resource].code
    assert {resource} == await listed(app)


async def test_standing_fault_is_told_once_a_day(site: Site) -> None:
    app, resource = site.app(), site.resource({"key-rotation-days": "soon"})

    for _ in range(3):
        await site.swept(app)
    once = len(told(site, "RotationFailed", resource))
    site.ahead += timedelta(days=1)
    await site.swept(app)

    assert (1, 2) == (once, len(told(site, "RotationFailed", resource)))


async def test_paused_resource_is_told_of_once_it_is_overdue(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.update_signalr(resource, tags={"key-rotation": "paused"})
    await site.swept(app)
    site.ahead = timedelta(days=61)
    await app.rotations.sweep()
    early = told(site, "RotationOverdue", resource)
    site.ahead = timedelta(days=62, hours=1)

    await app.rotations.sweep()
    await app.rotations.sweep()

    late = told(site, "RotationOverdue", resource)
    assert [] == early
    assert 2 == len(late)
    assert 1 == len({event["id"] for event in late})
    assert "Paused" == late[0]["data"]["code"]
    assert secret_name(resource) == late[0]["subject"]


async def test_resource_that_no_worker_ever_looked_at_becomes_overdue(site: Site) -> None:
    """Sweeps run and nobody takes their messages."""
    app, resource = site.app(OVERDUE_GRACE_HOURS=1), site.resource()
    await app.rotations.sweep()
    site.ahead = timedelta(hours=1.1)

    await app.rotations.sweep()

    assert ["NotLookedAt"] == [event["data"]["code"] for event in told(site, "RotationOverdue", resource)]


async def test_heartbeat_counts_what_the_sweep_did(site: Site) -> None:
    app = site.app()
    for _ in range(3):
        site.resource()
    before = await app.services.records.heartbeat()

    await app.rotations.sweep()

    beat = await app.services.records.heartbeat()
    assert before is None
    assert (3, 3, 0, ()) == (beat.resources, beat.enqueued, beat.overdue, beat.unreadable)
    assert beat.started_at <= beat.ended_at


@dataclass
class Delays:
    """A queue that takes everything, and keeps after how long each look at a resource is to be seen."""

    taken: list[timedelta] = field(default_factory=list)

    async def send(self, message: QueuedMessage, *, delay: timedelta = timedelta(), **_: object) -> None:
        self.taken += [delay] if isinstance(message, WorkItem) else []

    async def given_up(self) -> Mapping[str, int]:
        return {}


async def test_messages_of_a_large_fleet_are_spread(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty a second: a thousand that become visible at once would all ask for the same tokens at once."""
    app, queue = site.app(), Delays()
    monkeypatch.setattr(app.services, "queue", queue)
    for _ in range(150):
        site.resource()

    await app.rotations.sweep()

    seconds = Counter(delay // timedelta(seconds=1) for delay in queue.taken)
    assert (150, {0, 1, 2}) == (seconds.total(), set(seconds))
    assert max(seconds.values()) < 100  # by chance, about once in 10**15 sweeps


async def test_sweep_reads_a_fleet_that_is_not_due_by_its_list_alone(site: Site) -> None:
    """One read for a hundred resources, not one for each."""
    app = site.app()
    for _ in range(3):
        site.resource()
    await site.swept(app)
    mark = site.mark()

    await site.swept(app)

    arm = [each["operation"] for each in site.azure.requests("arm", since=mark)]
    assert ["SignalR.list"] == arm
