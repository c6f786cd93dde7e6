"""The sweep of a fleet in which something is wrong: with one resource, one scope, one tag, the topic."""

import asyncio
import json
import re
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from shared.composition import App
from shared.domain.decision import Code
from shared.domain.errors import NotManaged, NotPermitted
from shared.domain.heartbeat import POISON_MESSAGES
from shared.domain.record import Result
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.rotation import sweep
from tests.integration.test_refusals import refusing
from tests.scale.conftest import Site
from tests.scale.test_sweep import told
from tests.world import secret_name, until

TAG, NAMED = "key-rotation", "key-rotation-secret"
TOO_LONG_FOR_A_MESSAGE = "x" * 70_000


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test(site: Site) -> Any:
    yield
    site.azure.clear_faults()


async def heartbeat(app: App) -> Any:
    """What the last sweep came to."""
    return await app.services.records.heartbeat()


def longest_message(site: Site) -> int:
    """The length of the longest message that can be seen. A large sweep spreads its messages over a minute and more."""
    with QueueClient.from_connection_string(site.storage.connection_string, "signalr-rotation") as queue:
        seen = until(lambda: queue.peek_messages(max_messages=32) or None)
        return max(len(message.content) for message in seen)


def queued(site: Site) -> int:
    """How many messages are on the queue."""
    with QueueClient.from_connection_string(site.storage.connection_string, "signalr-rotation") as queue:
        return queue.get_queue_properties().approximate_message_count or 0


# -- one resource


async def test_four_hundred_resources_on_one_secret_do_not_stop_the_sweep(site: Site) -> None:
    """Each of them named all the others: 72 kB a message, and a queue takes 64."""
    good = site.resource({NAMED: "own"})
    for number in range(400):
        site.resource(name=f"crowd-{site.subscription[:8]}-{number:03}-{'x' * 30}")
    app = site.app(SECRET_NAME_TEMPLATE="signalr")  # noqa: S106 - a name

    items = await app.rotations.sweep()

    assert 401 == len(items)
    assert (401, 0) == ((await heartbeat(app)).enqueued, (await heartbeat(app)).not_enqueued)
    assert longest_message(site) < 4_000
    outcomes = await site.done(app, [each for each in items if each.resource == good] + items[-1:])
    assert [Result.SUCCEEDED, "Misconfigured"] == [outcomes[good].result, outcomes[items[-1].resource].code]
    assert "and 396 more" in outcomes[items[-1].resource].message


def test_message_of_the_version_before_names_all_that_conflict(site: Site) -> None:
    names = [f"{site.subscription}/{number}" for number in range(5)]
    command = RotationCommand("timer").for_resource(ResourceId(site.subscription, "live", "chat"), datetime.now(UTC))
    old = json.loads(command.model_dump_json(by_alias=True, exclude={"conflict_count"})) | {"rivals": names}

    assert tuple(names) == WorkItem.model_validate_json(json.dumps(old)).conflicts


async def test_message_that_the_queue_does_not_take_costs_its_own_resource_alone(site: Site) -> None:
    others = {site.resource() for _ in range(20)}
    bad = site.resource({f"{TAG}-note": TOO_LONG_FOR_A_MESSAGE})
    app = site.app()

    items = await app.rotations.sweep()

    beat = await heartbeat(app)
    assert others == {each.resource for each in items}
    assert (20, 1) == (beat.enqueued, beat.not_enqueued)
    assert [(bad, "Rejected")] == [(each.resource, each.code) for each in beat.findings]
    assert (bad, "Rejected") in [(each.resource, each.code) for each in (await app.health.report()).findings]


async def test_message_that_no_function_could_take_is_told_by_each_sweep(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A foreign one whose fields the platform cannot convert: hidden ten minutes each time, the app is never called."""
    site.resource()
    app = site.app()
    name = "signalr-rotation-urgent-poison"
    with QueueClient.from_connection_string(site.storage.connection_string, name) as poison:
        with suppress(ResourceExistsError):
            poison.create_queue()
        poison.send_message('{"DequeueCount": "many"}')
        poison.receive_message(visibility_timeout=600)

        await site.swept(app)
        found = [each for each in (await app.health.report()).findings if each.code == POISON_MESSAGES]
        poison.clear_messages()
        caplog.clear()
        await site.swept(app)

    assert [("", True)] == [(each.resource, each.message.startswith(f"{name} holds 1 ")) for each in found]
    assert () == (await app.health.report()).findings
    assert [] == [record for record in caplog.records if record.message == "poison queue not empty"]


async def test_poison_queue_is_logged_with_its_name_and_length(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.resource()
    app = site.app()
    with QueueClient.from_connection_string(site.storage.connection_string, "signalr-rotation-poison") as poison:
        with suppress(ResourceExistsError):
            poison.create_queue()
        poison.send_message("1")
        poison.send_message("2")

    await site.swept(app)

    told = [vars(record) for record in caplog.records if record.message == "poison queue not empty"]
    assert [("signalr-rotation-poison", 2)] == [(each["queue"], each["messages"]) for each in told]


async def test_poison_queue_that_may_not_be_read_costs_no_sweep(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.resource({TAG: "disabled"})
    async with refusing(403, "AuthorizationPermissionMismatch", "This request is not authorized.") as url:
        queues = re.sub(r"QueueEndpoint=[^;]+", f"QueueEndpoint={url}", site.storage.connection_string)
        app = site.app(AzureWebJobsStorage=queues)
        await site.swept(app)

    assert (await heartbeat(app)).ended_at
    assert ["NotPermitted"] == [
        vars(record)["code"] for record in caplog.records if record.message == "poison queues not read"
    ]


async def test_queue_that_takes_nothing_fails_the_sweep(site: Site) -> None:
    site.resource({f"{TAG}-note": TOO_LONG_FOR_A_MESSAGE})
    app = site.app()

    with pytest.raises(Exception, match="413"):
        await app.rotations.sweep()

    assert await heartbeat(app) is None


async def test_resource_of_a_scope_that_was_taken_out_is_not_asked_of_arm(site: Site) -> None:
    """Offboarding: the subscription leaves the settings, and the role there is taken away."""
    resource = site.resource()
    await site.swept(site.app())
    other = str(uuid.uuid4())
    site.resource(subscription=other)
    app = site.app(SIGNALR_SUBSCRIPTION_IDS=other)
    outcomes = []
    for _ in range(4):
        site.azure.fault("SignalR.get", status=403, times=5, resource=resource)
        outcomes.append((await site.swept(app)).get(resource))
        site.azure.clear_faults()
        site.ahead += timedelta(days=1)

    assert [Code.NOT_MANAGED, None, None, None] == [each and each.code for each in outcomes]
    assert [] == told(site, "RotationFailed", resource)
    assert resource not in {each.resource for each in (await app.inventory.listing()).entries}


async def test_request_for_a_resource_of_no_scope_fails_without_asking_arm(site: Site) -> None:
    app, resource = site.app(), site.resource()
    [item] = await app.rotations.submit(RotationCommand("http", ResourceId.parse(resource), Mode.ROTATE))
    mark = site.mark()

    outcome = await site.app(SIGNALR_SUBSCRIPTION_IDS=str(uuid.uuid4())).worker.work(item)

    assert NotManaged.code == outcome.code
    assert [] == [each for each in site.operations(mark) if each.startswith("SignalR")]


async def test_deleted_resource_that_is_still_named_is_not_overdue(site: Site) -> None:
    """It was looked at: that it is gone is told once, and not every hour as not looked at."""
    resource = site.resource()
    app = site.app(SIGNALR_RESOURCE_IDS=resource, SIGNALR_SUBSCRIPTION_IDS="", OVERDUE_GRACE_HOURS=1)
    await site.swept(app)
    site.azure.delete_signalr(resource)
    for _ in range(4):
        await site.swept(app)
        site.ahead += timedelta(hours=1)

    assert [] == told(site, "RotationOverdue", resource)
    assert 1 == len(told(site, "RotationFailed", resource))


# -- one scope


async def test_what_is_known_is_swept_where_nothing_at_all_could_be_listed(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.fault("SignalR.list", status=403, times=1)

    outcomes = await site.swept(app)

    assert {resource: Code.NOT_DUE} == {name: each.code for name, each in outcomes.items()}
    assert [site.subscription] == [each.subscription for each in (await heartbeat(app)).unreadable]


async def test_sweep_that_knows_of_nothing_says_why(site: Site) -> None:
    app = site.app()
    site.azure.fault("SignalR.list", status=403, times=1)

    with pytest.raises(NotPermitted):
        await app.rotations.sweep()


# -- one tag


async def test_word_that_the_tag_does_not_know_changes_no_key_of_a_named_resource(site: Site) -> None:
    """It may have been meant to pause it."""
    resource = site.resource()
    app = site.app(SIGNALR_RESOURCE_IDS=resource)
    await site.swept(app)
    site.azure.update_signalr(resource, tags={TAG: "pasued"})
    site.ahead += timedelta(days=61)

    outcomes = await site.swept(app)

    assert (Result.REFUSED, Code.MISCONFIGURED) == (outcomes[resource].result, outcomes[resource].code)
    assert [] == site.azure.regenerations(resource)
    findings = [each for each in (await app.health.report()).findings if each.resource == resource]
    assert ["Misconfigured"] == [each.code for each in findings]
    assert "'pasued'" in findings[0].message


async def test_word_that_the_tag_does_not_know_is_a_finding_of_a_discovered_resource(site: Site) -> None:
    known, resource = site.resource(), site.resource({TAG: "enabeld"})
    app = site.app()

    outcomes = await site.swept(app)

    assert {known} == set(outcomes)
    assert [(resource, "Misconfigured")] == [
        (each.resource, each.code) for each in (await app.health.report()).findings
    ]


@pytest.mark.parametrize("word", ["", "disabled", "Off"])
async def test_opting_out_is_no_finding(site: Site, word: str) -> None:
    site.resource({TAG: word})
    app = site.app()

    await site.swept(app)

    assert () == (await heartbeat(app)).findings


@pytest.mark.parametrize(
    ("word", "codes"), [("disabled", ["Misconfigured"]), ("Off", ["Misconfigured"]), (" ", []), ("Paused", [])]
)
async def test_opting_out_is_a_finding_where_a_setting_names_the_resource(
    site: Site, word: str, codes: list[str]
) -> None:
    """The setting stands, so the resource is still managed, and is rotated by no schedule."""
    resource = site.resource({TAG: word})
    app = site.app(SIGNALR_RESOURCE_IDS=resource)

    await site.swept(app)

    assert [(resource, each) for each in codes] == [
        (each.resource, each.code) for each in (await heartbeat(app)).findings
    ]


async def test_repair_goes_on_whatever_the_tag_says(site: Site) -> None:
    """It was managed, and clients read its secret."""
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.update_signalr(resource, tags={TAG: "pasued"})
    await site.swept(app)
    site.azure.regenerate_in_portal(resource, "Primary")

    outcomes = await site.swept(app)

    assert "repair" == outcomes[resource].cause
    assert site.azure.valid_keys(resource)["Primary"] in site.azure.secrets()[secret_name(resource)][-1]["value"]


# -- the topic


async def test_topic_that_does_not_answer_does_not_delay_the_messages(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty resources are overdue, and each announcement hangs: the messages are on the queue before the first."""
    monkeypatch.setattr(sweep, "LONGEST_ANNOUNCING_SECONDS", 3.0)
    app = site.app(OVERDUE_GRACE_HOURS=1)
    for _ in range(40):
        site.resource()
    await app.rotations.sweep()
    site.ahead += timedelta(hours=2)
    site.azure.fault("EventGrid.publish", delay=60, times=100)
    sweeping = asyncio.create_task(app.rotations.sweep())
    async with asyncio.timeout(60):
        while queued(site) < 80:  # noqa: ASYNC110 - of another service
            await asyncio.sleep(0.05)

    in_time = not sweeping.done()
    began = time.monotonic()
    await sweeping

    assert in_time
    assert time.monotonic() - began < 15
    assert 40 == (await heartbeat(app)).overdue
