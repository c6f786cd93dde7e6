"""What a sweep and a rotation cost of ARM's budget."""

import asyncio
from datetime import datetime, timedelta

import pytest

from shared.adapters import azure_services
from shared.domain.decision import Code
from shared.domain.keys import SecretFormat
from shared.domain.record import Result
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from tests.scale.conftest import Site
from tests.world import secret_name

ROTATION = ["SignalR.listKeys", "SignalR.regenerateKey"]


def wish(resource: str, **how: object) -> RotationCommand:
    return RotationCommand("http", ResourceId.parse(resource), Mode.ROTATE, **how)


async def test_sweep_over_what_is_not_due_writes_nothing_to_arm(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    mark = site.mark()

    outcomes = await site.swept(app)

    assert Code.NOT_DUE == outcomes[resource].code
    assert [] == site.writes(mark)
    assert "DataPlane.exists" in site.operations(mark)


async def test_rotation_takes_two_writes(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    mark = site.mark()

    outcome = await site.asked(app, wish(resource, force=True))

    assert (Result.SUCCEEDED, "dataplane") == (outcome.result, outcome.verified)
    assert ROTATION == site.writes(mark)
    assert site.azure.valid_keys(resource)["Secondary"] in site.azure.secrets()[secret_name(resource)][-1]["value"]


async def test_rotation_that_a_sweep_finds_due_takes_two_writes(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.ahead = timedelta(days=61)
    mark = site.mark()

    outcomes = await site.swept(app)

    assert Result.SUCCEEDED == outcomes[resource].result
    assert ROTATION == site.writes(mark)


@pytest.mark.parametrize("body", ["empty", "empty-object"])
async def test_answer_without_keys_is_made_up_for_by_asking_again(site: Site, body: str) -> None:
    app, resource = site.app(), site.resource()
    site.azure.configure(resource, body=body)
    mark = site.mark()

    outcome = await site.asked(app, wish(resource))

    assert Result.SUCCEEDED == outcome.result
    assert [*ROTATION, "SignalR.listKeys"] == site.writes(mark)
    assert site.azure.valid_keys(resource)["Secondary"] in site.azure.secrets()[secret_name(resource)][-1]["value"]


async def test_key_that_the_answer_showed_and_that_never_took_effect_is_not_published(site: Site) -> None:
    """ARM says that the operation succeeded, and the key is what it was: seen on the wire."""
    app, resource = site.app(KEY_EFFECT_TIMEOUT_SECONDS=0.2), site.resource()
    site.azure.configure(resource, outcome="unchanged")

    outcome = await site.asked(app, wish(resource))

    assert (Result.FAILED, "KeyUnchanged") == (outcome.result, outcome.code)
    assert secret_name(resource) not in site.azure.secrets()


async def test_shown_key_is_believed_only_where_signalr_accepts_it(site: Site) -> None:
    """The data plane can't be asked: ARM is asked for the keys once more, and the outcome says so."""
    app, resource = site.app(), site.resource()
    site.azure.fault("DataPlane.exists", status=403, times=100)
    mark = site.mark()
    try:
        outcome = await site.asked(app, wish(resource))
    finally:
        site.azure.clear_faults()

    assert (Result.SUCCEEDED, "arm") == (outcome.result, outcome.verified)
    assert "SignalR.listKeys" in site.writes(mark)[2:]


async def test_operation_that_began_alone_is_looked_at_late_when_others_have_begun(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that can find nothing costs a read."""
    monkeypatch.setattr(
        azure_services, "SOONEST_POLL_SECONDS", 0.1
    )  # then one that stays alone is looked at after 0.8 s
    app, resources = site.app(FIRST_POLL_SECONDS=2), [site.resource() for _ in range(5)]
    for resource in resources:
        site.azure.configure(resource, operation_seconds=(2.2, 2.3))
    mark = site.mark()

    outcomes = await asyncio.gather(*(site.asked(app, wish(resource)) for resource in resources))

    asked = [each for each in site.azure.requests(since=mark) if each["operation"] == "SignalR.regenerateKey"]
    looked = [each for each in site.azure.requests(since=mark) if each["operation"] == "SignalR.operationStatus"]
    first_asked, first_looked = (datetime.fromisoformat(each[0]["at"]) for each in (asked, looked))
    assert {Result.SUCCEEDED} == {outcome.result for outcome in outcomes if outcome}
    assert (first_looked - first_asked).total_seconds() > 1.5


async def test_glance_leaves_a_refused_key_to_the_full_look(site: Site) -> None:
    """The published key was renewed in the portal: the sweep repairs it."""
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.regenerate_in_portal(resource, "Primary")

    outcomes = await site.swept(app)

    assert Result.SUCCEEDED == outcomes[resource].result
    assert site.azure.valid_keys(resource)["Primary"] in site.azure.secrets()[secret_name(resource)][-1]["value"]


async def test_glance_does_not_ask_another_endpoint_about_the_key(site: Site) -> None:
    """Whoever may write the secret may name any endpoint in it."""
    app, resource, other = site.app(), site.resource(), site.resource()
    await site.swept(app)
    key, endpoint = site.azure.valid_keys(other)["Primary"], site.azure.connection_endpoint(other)
    site.azure.put_secret(secret_name(resource), f"Endpoint={endpoint};AccessKey={key};Version=1.0;")

    await site.swept(app)

    assert site.azure.valid_keys(resource)["Primary"] in site.azure.secrets()[secret_name(resource)][-1]["value"]


async def test_access_key_format_is_glanced_at_too(site: Site) -> None:
    """Its value names no endpoint: the one that ARM gave is in the record."""
    app, resource = site.app(SECRET_FORMAT=SecretFormat.ACCESS_KEY), site.resource()
    await site.swept(app)
    mark = site.mark()

    outcomes = await site.swept(app)

    assert Code.NOT_DUE == outcomes[resource].code
    assert [] == site.writes(mark)


async def test_changed_tag_is_seen_by_the_next_sweep(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.update_signalr(resource, tags={"key-rotation": "enabled", "key-rotation-days": "2.5"})
    await site.swept(app)
    site.ahead = timedelta(days=3)

    outcomes = await site.swept(app)

    assert Result.SUCCEEDED == outcomes[resource].result


async def test_retirement_is_not_slept_through(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.asked(app, RotationCommand("http", ResourceId.parse(resource), Mode.REVOKE, overlap_hours=1))
    leaked = site.azure.valid_keys(resource)["Primary"]
    early = await site.swept(app)
    site.ahead = timedelta(hours=1.1)

    await site.swept(app)

    assert Code.NOT_DUE == early[resource].code
    assert leaked != site.azure.valid_keys(resource)["Primary"]


async def test_resync_after_the_apps_own_rotation_writes_nothing_to_arm(site: Site) -> None:
    """Azure tells of every regeneration: the app's own must not cost another listKeys each."""
    app, resource = site.app(), site.resource()
    await site.asked(app, wish(resource))
    mark = site.mark()

    outcome = await site.asked(app, RotationCommand("event", ResourceId.parse(resource), Mode.RESYNC))

    assert Code.ALREADY_LIVE == outcome.code
    assert [] == site.writes(mark)


async def test_repeated_message_keeps_the_outcome_its_caller_was_told(site: Site) -> None:
    """A sweep with a ticket that rotated, delivered again: a glance must not overwrite what was told."""
    app, resource = site.app(), site.resource()
    [request] = await app.rotations.submit(RotationCommand("http"))
    first = await app.worker.work(request)

    again = await app.worker.work(request)

    assert Result.SUCCEEDED == first.result == again.result
    assert Result.SUCCEEDED == (await app.rotations.status(request.rotation_id)).outcome.result
    assert resource == request.resource
