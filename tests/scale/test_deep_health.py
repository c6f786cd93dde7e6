"""Deep health over a fleet: what it finds, how soon it answers, and what of the platform it watches."""

import time
from datetime import timedelta
from typing import Any

import pytest

from shared.composition import App
from shared.dashboard.pages import View
from shared.domain.errors import Unavailable
from shared.domain.heartbeat import NO_SWEEP
from shared.domain.requests import RotationCommand
from shared.domain.resources import ResourceId
from shared.http.messages import HttpRequest
from shared.http.routes import handle
from shared.rotation import health
from shared.rotation.health import MOST_CHECKED
from tests.scale.conftest import Site
from tests.scale.test_sweep import told


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test(site: Site) -> Any:
    yield
    site.azure.clear_faults()


async def codes(app: App) -> list[str]:
    """The codes of what is found."""
    return [each.code for each in (await app.health.report()).findings]


async def fleet_page(app: App) -> View:
    """The dashboard's page of the fleet."""
    return await app.dashboard.view(HttpRequest("GET", "https://app/api/dashboard", {}))


# -- how it looks


async def test_outage_is_reported_within_a_minute(site: Site) -> None:
    """Each look takes more than ten seconds, retries included: one after the other they took over a minute."""
    resources = {site.resource() for _ in range(8)}
    app = site.app()
    await site.swept(app)
    site.azure.fault("SignalR.listKeys", delay=2, status=503, times=1000)
    began = time.monotonic()

    report = await app.health.report()

    assert time.monotonic() - began < 60
    assert resources == {each.resource for each in report.findings}


async def test_fleet_that_arm_does_not_list_is_looked_at_as_it_is_known(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ARM is asked for a list where the last sweep followed other settings."""
    monkeypatch.setattr(health, "LISTING_SECONDS", 1.0)
    resource = site.resource()
    await site.swept(site.app())
    app = site.app(SIGNALR_RESOURCE_IDS=resource)
    site.azure.fault("SignalR.list", delay=20, times=10)
    site.azure.fault("SignalR.get", status=403, resource=resource)

    report = await app.health.report()

    assert 1 == report.checked
    assert [("", "Unavailable"), (resource, "NotPermitted")] == [(each.resource, each.code) for each in report.findings]


async def test_topic_is_asked_once_for_all(site: Site) -> None:
    """An unreachable topic is a finding of each resource, found out once."""
    for _ in range(5):
        site.resource()
    app = site.app(EVENT_GRID_TOPIC_ENDPOINT="https://127.0.0.1:9/api/events")
    app_with_topic = site.app()
    await site.swept(app_with_topic)
    mark = site.mark()

    await app_with_topic.health.report()

    assert 1 == site.operations(mark).count("EventGrid.unknown")
    found = (await app.health.report()).findings
    assert ["Unavailable"] * 5 == [each.code for each in found if each.resource]


async def test_each_look_takes_another_sample(site: Site) -> None:
    resources = [site.resource() for _ in range(MOST_CHECKED + 10)]
    app = site.app()
    await site.swept(app)
    looked: set[str] = set()
    for _ in range(6):
        mark = site.mark()
        assert MOST_CHECKED == (await app.health.report()).checked
        asked = (each for each in site.azure.requests("arm", since=mark) if each["operation"] == "SignalR.listKeys")
        looked |= {each["path"].partition("/listKeys")[0].lower() for each in asked}
        site.ahead += health.LOOKS_WITHIN

    assert len(looked) > MOST_CHECKED
    assert looked <= {each.lower() for each in resources}


async def test_looks_are_few_however_often_it_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three for the monitors that ask again and again, one more for an operator, and again ten minutes later."""
    for name, value in (("LOOKS", 4), ("KEPT_FOR_NAMED", 1), ("MOST_CHECKED", 3)):
        monkeypatch.setattr(health, name, value)
    app, resources = site.app(), [ResourceId.parse(site.resource()) for _ in range(5)]
    await site.swept(app)
    mark = site.mark()

    reports = [await app.health.report() for _ in range(4)]
    asked = len(site.writes(mark))
    looked = {each["path"].lower().partition("/listkeys")[0] for each in site.azure.requests("arm", since=mark)}
    first, second = [each for each in resources if str(each).lower() not in looked]
    named = [(await app.health.report(first)).checked for _ in range(2)]
    with pytest.raises(Unavailable, match="Try again later"):
        await app.health.report(second)
    at_most = len(site.writes(mark))
    site.ahead += health.LOOKS_WITHIN

    assert ([3] * 4, 3, [1, 1], 4) == ([each.checked for each in reports], asked, named, at_most)
    assert 1 == (await app.health.report(second)).checked


async def test_what_was_found_is_told_again_while_nobody_looks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOOKS", 2), ("KEPT_FOR_NAMED", 1), ("MOST_CHECKED", 1)):
        monkeypatch.setattr(health, name, value)
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.fault("SignalR.get", status=403, resource=resource)

    found = [await codes(app) for _ in range(3)]

    assert [["NotPermitted"]] * 3 == found


# -- that sweeps happen


async def test_no_sweep_ever_is_a_finding(site: Site) -> None:
    site.resource()
    app = site.app()

    answer = await handle("deep_health", HttpRequest("GET", "https://app/api/health/deep", {}), lambda: app)

    assert 503 == answer.status
    assert b"NoSweep" in answer.body
    assert b"POST /api/rotate" in answer.body
    assert "No sweep has ended yet" in (await fleet_page(app)).variables["warning"]


async def test_no_sweep_for_three_periods_is_a_finding_that_says_since_when(site: Site) -> None:
    site.resource()
    app = site.app()
    await site.swept(app)
    ended = (await app.services.records.heartbeat()).ended_at
    before = await codes(app)
    site.ahead += timedelta(hours=3, minutes=1)

    [finding] = (await app.health.report()).findings

    assert [] == before
    assert NO_SWEEP == finding.code
    assert f"since {ended:%Y-%m-%dT%H:%M}" in finding.message
    assert "The last sweep ended 3 hours ago" in (await fleet_page(app)).variables["warning"]


async def test_period_is_the_schedules(site: Site) -> None:
    site.resource()
    app = site.app(ROTATION_SCHEDULE="0 0 */6 * * *")
    await site.swept(app)
    site.ahead += timedelta(hours=17)

    assert [] == await codes(app)
    assert "" == (await fleet_page(app)).variables["warning"]


async def test_sweep_that_is_asked_for_counts_like_the_timers(site: Site) -> None:
    """The timers are dead, HTTP is well."""
    app, resource = site.app(OVERDUE_GRACE_HOURS=1), site.resource()
    await site.swept(app)
    site.ahead += timedelta(days=62)
    before = await codes(app)

    items = await app.rotations.submit(RotationCommand("http"))

    beat = await app.services.records.heartbeat()
    assert [NO_SWEEP] == before
    assert [] == await codes(app)
    assert (1, 1) == (beat.enqueued, beat.overdue)
    assert 1 == len(told(site, "RotationOverdue", resource))
    await site.done(app, items)
    assert 1 == len(site.azure.regenerations(resource))


async def test_dry_run_of_a_sweep_is_none(site: Site) -> None:
    site.resource()
    app = site.app()

    await app.rotations.preview(RotationCommand("http"))

    assert await app.services.records.heartbeat() is None


# -- that nobody else regenerates


async def test_key_that_is_regenerated_elsewhere_again_and_again_is_a_finding(site: Site) -> None:
    """A script, or another installation that has the same resource."""
    app, resource, other = site.app(), site.resource(), site.resource()
    await site.swept(app)
    found = []
    for _ in range(2):
        site.azure.regenerate_in_portal(resource, "Primary")
        await site.swept(app)
        found.append(await codes(app))
    await site.swept(app)
    found.append(await codes(app))

    assert [[], [], ["KeysChangedElsewhere"]] == found
    assert other not in {each.resource for each in (await app.health.report()).findings}


async def test_what_lies_long_back_is_no_finding(site: Site) -> None:
    app, resource = site.app(ROTATION_PERIOD_DAYS=400), site.resource()
    await site.swept(app)
    for _ in range(2):
        site.azure.regenerate_in_portal(resource, "Primary")
        await site.swept(app)
    site.ahead += timedelta(days=91)
    await site.swept(app)

    assert [] == await codes(app)
