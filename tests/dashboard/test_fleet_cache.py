"""What the page knows of the fleet, and when it looks again: against real listings, at a time of the test's own."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared import composition
from shared.dashboard.fleet_cache import FRESH, KEPT, SILENT_AFTER, CachedFleet, FleetCache
from shared.domain.heartbeat import Finding, Heartbeat, Unreadable
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from shared.rotation.inventory import Listing
from shared.settings import Settings


@dataclass
class Looker:
    """A cache of a subscription of the test's own, and a clock that the test sets."""

    azure: AzureEmulator
    app: composition.App
    subscription: str
    now: datetime
    cache: FleetCache

    def resource(self, name: str) -> ResourceId:
        """A managed resource whose name begins so: names are taken once in all of Azure."""
        whole, tags = f"{name}-{self.subscription[:8]}", {"key-rotation": "enabled"}
        return ResourceId.parse(self.azure.create_signalr(whole, subscription=self.subscription, tags=tags))

    async def found(self, name: str) -> ResourceId:
        """One that the last sweep has found."""
        made = self.resource(name)
        await self.app.rotations.sweep()
        return made

    def pass_time(self, length: timedelta) -> None:
        self.now += length

    async def names(self) -> list[str]:
        entries = (await self.cache.current()).entries
        return [ResourceId.parse(entry.resource).name.partition("-")[0] for entry in entries]


@pytest.fixture
async def looker(
    azure_session: AzureEmulator, storage: Azurite, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Looker]:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setitem(os.environ, name, azure_session.env[name])
    subscription = str(uuid.uuid4())
    known = {name: value for name, value in azure_session.env.items() if name in Settings.model_fields}
    own = {"AzureWebJobsStorage": storage.connection_string, "SIGNALR_SUBSCRIPTION_IDS": subscription}
    app = composition.build(Settings.model_validate(known | own))
    made = Looker(azure_session, app, subscription, datetime.now(UTC), None)
    made.cache = FleetCache(app.inventory, app.services, lambda: made.now)
    yield made
    azure_session.clear_faults()
    await app.close()


async def test_the_first_look_is_waited_for(looker: Looker) -> None:
    looker.resource("first")

    assert ["first"] == await looker.names()


async def test_within_seconds_nobody_looks_again(looker: Looker) -> None:
    looker.resource("one")
    await looker.names()
    await looker.found("two")
    looker.pass_time(FRESH)

    assert ["one"] == await looker.names()
    assert looker.cache._refresh is not None
    assert looker.cache._refresh.done()


async def test_after_that_what_is_known_is_given_at_once_and_renewed_behind_it(looker: Looker) -> None:
    looker.resource("one")
    await looker.names()
    await looker.found("two")
    looker.pass_time(FRESH + timedelta(seconds=1))

    assert ["one"] == await looker.names()
    assert looker.cache._refresh is not None
    await looker.cache._refresh
    assert ["one", "two"] == await looker.names()


async def test_what_is_too_old_is_not_shown_at_all(looker: Looker) -> None:
    looker.resource("one")
    await looker.names()
    await looker.found("two")
    looker.pass_time(KEPT + timedelta(seconds=1))

    assert ["one", "two"] == await looker.names()


async def test_many_who_come_at_once_share_one_look(looker: Looker) -> None:
    looker.resource("one")
    since = max((each["n"] for each in looker.azure.requests()), default=0)

    await asyncio.gather(*[looker.cache.current() for _ in range(20)])

    listings = [r for r in looker.azure.requests(since=since) if looker.subscription in r["path"]]
    assert 1 == len(listings)


async def test_a_resource_that_a_sweep_found_a_moment_ago_is_looked_for(looker: Looker) -> None:
    looker.resource("early")
    await looker.names()

    late, nobody = await looker.found("late"), ResourceId(looker.subscription, "live", "nobody")

    assert (await looker.cache.current_with(late)).holds(late)
    assert not (await looker.cache.current_with(nobody)).holds(nobody)


async def test_when_arm_cannot_be_asked_what_was_ever_seen_is_shown(looker: Looker) -> None:
    resource = looker.resource("seen")
    for request in await looker.app.rotations.submit(RotationCommand("http", resource, Mode.RESYNC)):
        await looker.app.worker.work(request)
    looker.azure.fault("SignalR.list", status=403, times=10)

    assert (await looker.cache.current()).holds(resource)


def test_a_subscription_that_could_not_be_listed_is_reported() -> None:
    now = datetime.now(UTC)
    hidden = Unreadable(subscription="3f2504e0", code="NotPermitted", message="no right")
    beat = Heartbeat(started_at=now, ended_at=now, resources=1, enqueued=1, unreadable=(hidden,))

    assert "could not list 3f2504e0 (NotPermitted)" in CachedFleet(now, (), beat).warning


def test_what_is_wrong_with_the_app_itself_is_said_of_the_app() -> None:
    now = datetime.now(UTC)
    waiting = Finding(resource="", code="PoisonMessages", message="one message")
    beat = Heartbeat(started_at=now, ended_at=now, resources=1, enqueued=1, findings=(waiting,))

    assert "It found: the app (PoisonMessages: one message)." == CachedFleet(now, (), beat).warning


async def test_a_read_that_began_before_something_was_changed_is_not_shown_after_it(looker: Looker) -> None:
    """A hold was ended while a refresh in the background still listed the records."""
    await looker.found("one")
    late, listing = asyncio.Event(), looker.app.inventory.listing

    async def slow() -> Listing:
        found = await listing()
        await late.wait()
        return found

    looker.cache._inventory = SimpleNamespace(listing=slow)  # type: ignore[assignment] - the rest is not asked for
    before = asyncio.create_task(looker.cache.current())
    await asyncio.sleep(0.2)
    looker.cache._inventory = looker.app.inventory
    looker.cache.forget()
    after = await looker.cache.current()

    late.set()
    await before

    assert after is await looker.cache.current()


async def test_silence_is_reported(looker: Looker) -> None:
    looker.resource("one")
    await looker.app.rotations.sweep()
    assert "" == (await looker.cache.current()).warning

    looker.pass_time(SILENT_AFTER + timedelta(minutes=1))

    assert "The last sweep ended 3 hours ago" in (await looker.cache.current()).warning
