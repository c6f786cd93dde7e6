"""A real Chromium in front of the app in its host: pages of its own for each test, and everything it complained of."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient
from playwright.async_api import Browser, Page, Request, async_playwright

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from shared.adapters.blob_records import BlobRecords
from shared.domain.heartbeat import Heartbeat
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Record
from shared.domain.resources import ResourceId
from tests.dashboard import fleet
from tests.world import World, running_host

PATIENCE_MS = 30_000
MANY = "a0a0a0a0-1000-4000-8000-000000001000"
ACTED_ON = "5b1e0a52-7d3c-4a55-9c6e-2f1d8e4b7a90"


@dataclass
class Visitor:
    """One person's browser window, and what went wrong in it."""

    host: FunctionsHost
    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def open(self, query: str = "") -> None:
        """Open the dashboard as an operator does: with the key in the address."""
        await self.page.goto(f"{self.host.url}/api/dashboard?code={quote(self.key)}{query}")

    async def open_resource(self, resource: str, query: str = "") -> None:
        """Open one resource's page."""
        await self.open(f"&resource={quote(resource)}{query}")

    @property
    def key(self) -> str:
        """The one key that is needed: that of the function `dashboard`."""
        return self.host.function_keys["dashboard"]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: run scripts/browser, or name one in CHROMIUM")
    return found


@pytest.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for the session."""
    async with async_playwright() as driver:
        # Chromium's own sandbox does not work for root; everything it opens here is ours, on 127.0.0.1.
        opened = await driver.chromium.launch(executable_path=chromium, chromium_sandbox=os.geteuid() != 0)
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
def world(folder: Path, azure_session: AzureEmulator) -> Iterator[World]:
    """The app with resources that a test may rotate: each makes its own."""
    with (
        Azurite.start(folder / "storage-browser") as storage,
        running_host(azure_session, storage, folder, SIGNALR_SUBSCRIPTION_IDS=ACTED_ON) as host,
    ):
        yield World(azure_session, storage, host)


@pytest.fixture(scope="session")
async def fleet_world(folder: Path, azure_session: AzureEmulator) -> AsyncIterator[World]:
    """The app with a fleet in every condition, recorded and known to ARM: to be looked at only."""
    with (
        Azurite.start(folder / "storage-fleet") as storage,
        running_host(azure_session, storage, folder, SIGNALR_SUBSCRIPTION_IDS=fleet.SUBSCRIPTION) as host,
    ):
        records = fleet.fleet(datetime.now(UTC))
        await remember(storage, *records)
        for record in records:
            create(azure_session, ResourceId.parse(record.resource).name, subscription=fleet.SUBSCRIPTION)
        ended = datetime.now(UTC) - timedelta(minutes=12)
        await beat(storage, Heartbeat(started_at=ended, ended_at=ended, resources=len(records), enqueued=len(records)))
        yield World(azure_session, storage, host)


@pytest.fixture(scope="session")
async def thousand(folder: Path, azure_session: AzureEmulator) -> AsyncIterator[World]:
    """A thousand recorded resources, all of them known to ARM."""
    now = datetime.now(UTC)
    ages = {f"chat-{number:04}": timedelta(days=number % 70) for number in range(1_000)}
    with (
        Azurite.start(folder / "storage-thousand") as storage,
        running_host(azure_session, storage, folder, SIGNALR_SUBSCRIPTION_IDS=MANY) as host,
    ):
        for name in ages:
            create(azure_session, name, subscription=MANY)
        records = [fleet.record(name, now, age=age) for name, age in ages.items()]
        own = [r.model_copy(update={"resource": r.resource.replace(fleet.SUBSCRIPTION, MANY)}) for r in records]
        await remember(storage, *own)
        yield World(azure_session, storage, host)


def create(azure: AzureEmulator, name: str, subscription: str = ACTED_ON, **tags: str) -> str:
    """A resource that the app manages: its ARM id."""
    tags = {"key-rotation": "enabled"} | {tag.replace("_", "-"): value for tag, value in tags.items()}
    return azure.create_signalr(name, subscription=subscription, tags=tags)


async def remember(storage: Azurite, *records: Record) -> None:
    """Write resources' records as the app does."""
    several = asyncio.Semaphore(16)
    async with BlobServiceClient.from_connection_string(storage.connection_string) as blobs:
        container = blobs.get_container_client("signalr-rotation")
        with suppress(ResourceExistsError):
            await container.create_container()

        async def write(record: Record) -> None:
            summary = InventoryEntry.of(record).model_dump(mode="json", by_alias=True, exclude_none=True)
            async with several:
                await container.upload_blob(
                    f"resources/{ResourceId.parse(record.resource).key}.json",
                    record.model_dump_json(by_alias=True, exclude_defaults=True).encode(),
                    overwrite=True,
                    metadata={"summary": json.dumps(summary)},
                )

        await asyncio.gather(*map(write, records))


async def beat(storage: Azurite, heartbeat: Heartbeat) -> None:
    """Write down the last sweep as the app does."""
    async with BlobServiceClient.from_connection_string(storage.connection_string) as blobs:
        await BlobRecords(blobs.get_container_client("signalr-rotation")).write_heartbeat(heartbeat)


@asynccontextmanager
async def window(world: World, browser: Browser, **how: Any) -> AsyncIterator[Visitor]:
    """A window that remembers every complaint and every request; `how` as for Playwright's `new_context`."""
    context = await browser.new_context(**how)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    made = Visitor(world.host, page)
    page.on("console", lambda line: made.complaints.append(line.text) if line.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.on("requestfailed", lambda request: made.complaints.extend(failed(request)))
    page.on("request", lambda request: made.requests.append(request.url))
    yield made
    await context.close()


def failed(request: Request) -> list[str]:
    """What went wrong with a request: nothing where the browser gave up a page's refresh because the page was left."""
    refresh = "GET" == request.method and "fetch" == request.resource_type
    if refresh and "net::ERR_ABORTED" == request.failure:
        return []
    return [f"failed: {request.method} {request.url.partition('?')[0]}: {request.failure}"]


@pytest.fixture
async def visitor(world: World, browser: Browser) -> AsyncIterator[Visitor]:
    """A window 1280 pixels wide onto `world`; at the end of the test it must have complained of nothing."""
    async with window(world, browser, viewport={"width": 1280, "height": 900}) as made:
        yield made
    assert [] == made.complaints


@pytest.fixture
async def onlooker(fleet_world: World, browser: Browser) -> AsyncIterator[Visitor]:
    """The same onto `fleet_world`."""
    async with window(fleet_world, browser, viewport={"width": 1280, "height": 900}) as made:
        yield made
    assert [] == made.complaints


@pytest.fixture
async def scriptless(world: World, browser: Browser) -> AsyncIterator[Visitor]:
    """A window onto `world` in which no script runs."""
    async with window(world, browser, java_script_enabled=False) as made:
        yield made


@pytest.fixture
async def scriptless_onlooker(fleet_world: World, browser: Browser) -> AsyncIterator[Visitor]:
    """The same onto `fleet_world`."""
    async with window(fleet_world, browser, java_script_enabled=False) as made:
        yield made
