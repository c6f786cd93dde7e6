"""Thirty resources that fall due together: waves, three failures in a row, and how scheduled rotations go on."""

import asyncio
import json
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.composition import App
from shared.dashboard.routes import handle as page
from shared.domain.decision import Code
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, NextWave, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.domain.rollout import HELD_FOR, FailedRotation, RolloutState
from shared.http.app_roles import ENABLED
from shared.http.messages import HttpRequest
from shared.http.routes import handle
from tests.event_schemas import validate_event
from tests.http.test_access import principal
from tests.scale.conftest import WRITES, Site, empty_site
from tests.scale.test_sweep import told

QUARTER = timedelta(minutes=15)
LONG_AGO = timedelta(days=61)
SIZE = 30
RESUME = HttpRequest("POST", "https://app/api/resume", {}, body=b'{"reason": "the region is back"}')


def take(site: Site) -> list[str]:
    """The messages on the queue that can be seen; and none is left, seen or not."""
    with QueueClient.from_connection_string(site.storage.connection_string, "signalr-rotation") as queue:
        taken = [str(each.content) for each in queue.receive_messages(messages_per_page=32, visibility_timeout=60)]
        queue.clear_messages()
    return taken


def waiting(site: Site) -> int:
    """How many messages are on the queue, seen or not."""
    with QueueClient.from_connection_string(site.storage.connection_string, "signalr-rotation") as queue:
        return queue.get_queue_properties().approximate_message_count or 0


async def done(app: App, items: list[WorkItem]) -> dict[str, Outcome]:
    """Do these, several at once, as the platform would."""
    outcomes = await asyncio.gather(*(app.worker.attempt(each) for each in items))
    return {item.resource: outcome for item, outcome in zip(items, outcomes, strict=True)}


async def due(site: Site, size: int = SIZE) -> list[str]:
    """Resources that were adopted long ago."""
    app = site.app(ROTATION_WAVES="100%")
    resources = [site.resource() for _ in range(size)]
    site.azure.travel(-LONG_AGO.total_seconds(), clients_too=False)
    try:
        await done(app, await app.rotations.sweep())
    finally:
        site.azure.travel(LONG_AGO.total_seconds(), clients_too=False)
    take(site)
    site.ahead += timedelta(minutes=1)  # two sweeps in one minute would be one
    return resources


async def swept(site: Site, app: App) -> dict[str, Outcome]:
    """A sweep, and all that it asked for."""
    site.ahead += timedelta(minutes=1)
    items = await app.rotations.sweep()
    take(site)
    return await done(app, items)


async def next_wave(site: Site, app: App) -> dict[str, Outcome]:
    """The message that comes a quarter of an hour after a wave, and all that it asks for."""
    take(site)
    site.ahead += QUARTER
    rollout = (await app.services.rollouts.read()).rollout
    message = NextWave(rollout=rollout.id if rollout else "over", wave=rollout.wave if rollout else 0)
    await app.messages.work(message.model_dump_json(by_alias=True).encode())
    seen = [json.loads(each) for each in take(site)]
    return await done(app, [WorkItem.model_validate(each) for each in seen if "rotationId" in each])


def changed(site: Site, resources: list[str]) -> list[str]:
    """Those for which ARM was asked for a new key."""
    return [each for each in resources if site.azure.regenerations(each)]


def written_to(site: Site, since: int) -> set[str]:
    """The resources, in lower case, for which a call was made that draws on ARM's write budget."""
    calls = [each["path"].lower() for each in site.azure.requests(since=since) if each["operation"] in WRITES]
    return {path.partition("?")[0].rpartition("/")[0] for path in calls}


async def failing(site: Site, app: App) -> list[str]:
    """Four due resources, of which three have failed and the fourth has not been asked for."""
    *resources, last = await due(site, 4)
    for each in resources:
        site.azure.configure(each, outcome="Failed")
    items = {each.resource: each for each in await app.rotations.sweep()}
    await done(app, [items[each] for each in resources])
    return [*resources, last]


async def held(app: App) -> None:
    """Three resources have failed; not these ones."""
    now = app.services.clock()
    for name in ("one", "two", "three"):
        failure = FailedRotation(
            resource=str(ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", name)),
            rotation_id="id",
            code="KeyUnchanged",
            message="as it was",
            at=now,
        )
        await app.services.rollouts.change(partial(RolloutState.with_failure, failure=failure, now=now))


@dataclass(frozen=True, slots=True)
class Tale:
    """Thirty due resources: three fail, nothing is begun until an operator resumes, the others go in waves.

    `begun`, `written`: those of the first wave, and those that cost ARM a write meanwhile. `waves`: how many of the
    others had been rotated after each. `regenerations`: how often ARM was asked, for each.
    """

    first: dict[str, Outcome]
    begun: list[str]
    written: set[str]
    failed: list[str]
    held: dict[str, Outcome]
    writes_held: list[str]
    answers: list[tuple[int, bool]]
    resumed: dict[str, Outcome]
    waves: list[int]
    last: dict[str, Outcome]
    regenerations: dict[str, int]
    events: list[dict[str, Any]]


@pytest.fixture(scope="module")
async def tale(azure_session: AzureEmulator, scale_storage: Azurite) -> Tale:
    """Told once, for the claims below."""
    async with empty_site(azure_session, scale_storage) as site:
        app, resources = site.app(), await due(site)
        for each in resources:
            site.azure.configure(each, outcome="Failed")
        mark = site.mark()
        first = await swept(site, app)
        begun, written = changed(site, resources), written_to(site, mark)
        await next_wave(site, app)
        failed, mark = changed(site, resources), site.mark()
        held = await swept(site, app)
        writes_held = site.writes(mark)
        for each in resources:
            site.azure.configure(each, outcome="Succeeded")
        answers = [await handle("resume", RESUME, lambda: app) for _ in range(2)]
        others, waves = [each for each in resources if each not in failed], []
        resumed = await swept(site, app)
        waves.append(len(changed(site, others)))
        for _ in range(2):
            await next_wave(site, app)
            waves.append(len(changed(site, others)))
        return Tale(
            first=first,
            begun=begun,
            written=written,
            failed=failed,
            held=held,
            writes_held=writes_held,
            answers=[(each.status, json.loads(each.body)["resumed"]) for each in answers],
            resumed=resumed,
            waves=waves,
            last=await swept(site, app),
            regenerations={each: len(site.azure.regenerations(each)) for each in resources},
            events=[each for resource in resources for each in told(site, "RotationsHeld", resource)],
        )


def test_of_thirty_one_is_begun_and_the_others_wait_without_a_write(tale: Tale) -> None:
    assert [Code.LATER_WAVE] * (SIZE - 1) == [
        each.code for each in tale.first.values() if each.result is Result.SKIPPED
    ]
    assert 1 == len(tale.begun)
    assert {each.lower() for each in tale.begun} == tale.written


def test_three_of_thirty_fail_and_the_rest_is_left_alone_until_an_operator_resumes(tale: Tale) -> None:
    [event] = tale.events
    validate_event(event)
    assert (3, 0) == (len(tale.failed), tale.writes_held.count("SignalR.regenerateKey"))
    assert {*tale.failed} == {each["resourceId"] for each in event["data"]["failures"]}
    assert [Code.ON_HOLD] * SIZE == [each.code for each in tale.held.values()]
    assert [(200, True), (200, False)] == tale.answers
    assert Code.LATER_WAVE in {each.code for each in tale.resumed.values()}


def test_thirty_are_rotated_one_then_three_then_all(tale: Tale) -> None:
    """The three that failed count in no wave. They follow with the next sweep, or before, where their turn has come."""
    assert [1, 3, SIZE - 3] == tale.waves
    assert {1} == {times for each, times in tale.regenerations.items() if each not in tale.failed}
    assert {None, Code.NOT_DUE} >= {tale.last[each].code for each in tale.failed}  # rotated now, or just before


async def test_sweeps_alone_bring_all_waves(site: Site) -> None:
    """The messages of the first sweep are lost, and so is each message for a next wave."""
    app = site.app(ROTATION_WAVES="50%,100%")
    resources, seen = await due(site, 11), []
    items = await app.rotations.sweep()
    sent = waiting(site)
    take(site)
    for _ in range(2):
        site.ahead += timedelta(hours=1)
        await swept(site, app)
        seen.append(len(changed(site, resources)))

    assert len(items) + 1 == sent, "a message for each resource, and one for the next wave"
    assert [6, 11] == seen


async def test_requests_by_name_and_repairs_go_on_during_a_hold(site: Site) -> None:
    app = site.app()
    broken, named = await due(site, 2)
    await held(app)
    site.azure.regenerate_in_portal(broken, "Primary")

    requested = await site.asked(app, RotationCommand("http", ResourceId.parse(named), Mode.ROTATE))
    outcomes = await swept(site, app)

    assert Result.SUCCEEDED == requested.result
    assert (Result.SUCCEEDED, "repair") == (outcomes[broken].result, outcomes[broken].cause)


async def test_a_hold_is_told_where_operators_look_and_is_over_after_a_day(site: Site) -> None:
    app = site.app()
    [last] = await due(site, 1)
    await held(app)
    await swept(site, app)
    [finding] = [each for each in (await app.health.report()).findings if each.code == "RotationsHeld"]
    shown = (await page(HttpRequest("GET", "https://app/api/dashboard", {}), lambda: app)).body.decode()
    before = changed(site, [last])
    site.ahead += HELD_FOR

    outcomes = await swept(site, app)

    assert "(one: KeyUnchanged, two: KeyUnchanged, three: KeyUnchanged)" in finding.message
    assert "Scheduled rotations are on hold" in shown
    assert 'value="resume"' in shown
    assert ([], Result.SUCCEEDED) == (before, outcomes[last].result)
    assert "RotationsHeld" not in {each.code for each in (await app.health.report()).findings}


async def test_a_failure_that_stands_makes_no_second_hold(site: Site) -> None:
    """It says nothing new of the others: three broken resources must not stop a fleet for ever."""
    app = site.app()
    *_, last = await failing(site, app)
    site.ahead += HELD_FOR

    outcomes = await swept(site, app)

    assert Result.SUCCEEDED == outcomes[last].result
    assert (await app.services.rollouts.read()).hold is None


async def test_a_topic_that_is_gone_holds_nothing_up_and_the_hold_is_told_once_it_is_back(site: Site) -> None:
    app = site.app()
    site.azure.fault("EventGrid.publish", status=404, times=1000)
    resources = await failing(site, app)
    pending = len((await app.services.rollouts.read()).outbox)
    site.azure.clear_faults()

    await swept(site, app)
    await swept(site, app)

    assert 1 == pending
    assert 1 == sum(len(told(site, "RotationsHeld", each)) for each in resources)


async def test_a_state_that_cannot_be_read_holds_until_an_operator_resumes(site: Site) -> None:
    app = site.app()
    [resource] = await due(site, 1)
    name = f"rollouts/{app.settings.installation}.json"
    with BlobServiceClient.from_connection_string(site.storage.connection_string) as blobs:
        blobs.get_blob_client("signalr-rotation", name).upload_blob(b"{nonsense", overwrite=True)

    held = await swept(site, app)
    [finding] = [each for each in (await app.health.report()).findings if each.code == "RotationsHeld"]
    answer = await handle("resume", RESUME, lambda: app)
    outcomes = await swept(site, app)

    assert Code.ON_HOLD == held[resource].code
    assert "could not be read" in finding.message
    assert "StateUnreadable" == json.loads(answer.body)["code"]
    assert Result.SUCCEEDED == outcomes[resource].result


# -- the role for what can hurt


@pytest.mark.parametrize(("hours", "status"), [(1, 403), (24, 202), (100, 202)])
async def test_an_overlap_below_the_policys_takes_the_admin_role(
    site: Site, monkeypatch: pytest.MonkeyPatch, hours: int, status: int
) -> None:
    monkeypatch.setenv(ENABLED, "true")
    app, resource = (
        site.app(REQUIRED_ADMIN_ROLE="KeyRotation.Admin"),
        site.resource({"key-rotation-overlap-hours": "24"}),
    )
    body = json.dumps({"resource": resource, "keyType": "Primary", "overlapHours": hours}).encode()

    answer = await handle("rotate", HttpRequest("POST", "https://app/api/rotate", {}, body=body), lambda: app)

    assert status == answer.status


async def test_who_resumes_is_stored_with_the_reason(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENABLED, "true")
    app = site.app(REQUIRED_ADMIN_ROLE="KeyRotation.Admin")
    await held(app)
    headers = principal(("roles", "KeyRotation.Admin")) | {"x-ms-client-principal-name": "ada@example.com"}

    await handle("resume", replace(RESUME, headers=headers), lambda: app)

    resumed = (await app.services.rollouts.read()).resumed
    assert ("ada@example.com", "the region is back") == (resumed.by, resumed.reason)


async def test_the_dashboards_form_resumes_and_the_banner_goes(site: Site) -> None:
    site.resource()
    app = site.app()
    await held(app)
    form = {"act": "resume", "confirmed": "yes", "token": str(uuid.uuid4()), "reason": "repaired"}
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    request = HttpRequest("POST", "https://app/api/dashboard", headers, body=urlencode(form).encode())

    before = await page(HttpRequest("GET", "https://app/api/dashboard", {}), lambda: app)
    after = await page(request, lambda: app)

    banner = b"Scheduled rotations are on hold"
    assert (True, False) == (banner in before.body, banner in after.body)
    assert b"go on with the next sweep" in after.body
    assert "repaired" == (await app.services.rollouts.read()).resumed.reason
