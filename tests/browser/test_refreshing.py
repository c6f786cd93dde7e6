"""What a page does by itself while it stays open: warnings and a hold come and go, and a person is not disturbed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from azure.storage.blob.aio import BlobServiceClient
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.adapters.blob_rollout import BlobRollouts
from shared.domain.heartbeat import Finding, Heartbeat
from shared.domain.record import Record
from shared.domain.resources import ResourceId
from shared.domain.rollout import THREE_FAILED, FailedRotation, Hold
from shared.settings import Settings
from tests.browser.conftest import Visitor, beat, create, remember, window
from tests.dashboard import fleet
from tests.world import World, app_settings, running_host

SUBSCRIPTION = "c3c3c3c3-1000-4000-8000-000000000003"
BY_ITSELF_MS = 60_000
DAY = timedelta(days=1)


def recorded(name: str, age: timedelta = DAY, **facts: object) -> Record:
    made = fleet.record(name, datetime.now(UTC), age=age, **facts)
    return made.model_copy(update={"resource": made.resource.replace(fleet.SUBSCRIPTION, SUBSCRIPTION)})


@pytest.fixture(scope="session")
async def changing(folder: Path, azure_session: AzureEmulator) -> AsyncIterator[World]:
    """The app with a few resources, whose records and surroundings these tests change."""
    with (
        Azurite.start(folder / "storage-changing") as storage,
        running_host(azure_session, storage, folder, SIGNALR_SUBSCRIPTION_IDS=SUBSCRIPTION) as host,
    ):
        for name in ("ant", "bee", "cow"):
            create(azure_session, name, subscription=SUBSCRIPTION)
        yield World(azure_session, storage, host)


@pytest.fixture
async def watcher(changing: World, browser: Browser) -> AsyncIterator[Visitor]:
    """A window onto `changing`, where all is well at first; at the end it must have complained of nothing."""
    await remember(changing.storage, *(recorded(name) for name in ("ant", "bee", "cow")))
    await find(changing)
    await hold(changing, stands=False)
    async with window(changing, browser, viewport={"width": 1280, "height": 900}) as made:
        yield made
    assert [] == made.complaints


async def find(world: World, *findings: Finding) -> None:
    """The last sweep ended a moment ago and found these."""
    now = datetime.now(UTC)
    begun = now - timedelta(minutes=10)
    await beat(world.storage, Heartbeat(started_at=begun, ended_at=now, resources=3, enqueued=3, findings=findings))


async def hold(world: World, *, stands: bool = True) -> None:
    """Scheduled rotations are on hold, or no longer."""
    now = datetime.now(UTC)
    failed = FailedRotation(
        rotation_id="id", resource=recorded("ant").resource, code="NotPermitted", message="no permission", at=now
    )
    made = Hold(since=now, until=now + DAY, code=THREE_FAILED, failures=(failed,))
    settings = Settings.model_validate(
        {
            name: value
            for name, value in app_settings(world.azure, world.storage).items()
            if name in Settings.model_fields
        }
    )
    async with BlobServiceClient.from_connection_string(world.storage.connection_string) as blobs:
        container = blobs.get_container_client("signalr-rotation")
        rollouts = BlobRollouts(container, lambda: now, installation=settings.installation)
        await rollouts.change(lambda state: state.model_copy(update={"hold": made if stands else None}))


async def shown(page: Page, locator: Locator, *, gone: bool = False) -> None:
    """Wait until a page that is not reloaded shows it, or no longer, and hurry its refreshing on."""
    await page.evaluate("window.hurry = setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 1000)")
    await expect(locator).to_be_visible(visible=not gone, timeout=BY_ITSELF_MS)
    await page.evaluate("clearInterval(window.hurry)")


async def test_a_warning_comes_without_a_reload_and_the_message_of_an_action_does_not_hide_it(
    watcher: Visitor, changing: World
) -> None:
    page, warning = watcher.page, watcher.page.locator("#warning")
    await watcher.open_resource(recorded("bee").resource)
    await page.get_by_role("button", name="Dry run").click()
    await page.get_by_text("Dry run:").wait_for()

    await find(changing, Finding(resource="", code="PoisonMessages", message="one message"))
    await shown(page, warning)

    assert "It found: the app (PoisonMessages: one message)." in await warning.inner_text()
    assert "Dry run:" in await page.locator("#notice").inner_text()

    await page.get_by_role("button", name="Dry run").click()
    await expect(page.locator("#notice")).to_be_focused()
    assert "PoisonMessages" in await warning.inner_text()


async def test_a_hold_and_the_form_that_ends_it_come_without_a_reload(watcher: Visitor, changing: World) -> None:
    page = watcher.page
    await watcher.open()
    await page.evaluate("window.stayed = true")
    assert not await page.get_by_text("Resume scheduled rotations…").count()

    await hold(changing)
    await shown(page, page.get_by_text("Resume scheduled rotations…"))

    assert await page.get_by_role("heading", name="Scheduled rotations are on hold").is_visible()
    assert await page.evaluate("window.stayed")


async def test_a_form_that_is_being_filled_in_is_not_replaced(watcher: Visitor, changing: World) -> None:
    await hold(changing)
    page = watcher.page
    await watcher.open()
    await shown(page, page.get_by_text("Resume scheduled rotations…"))
    await page.get_by_text("Resume scheduled rotations…").click()
    await page.get_by_label("Reason to resume").fill("half a sentence")

    await hold(changing, stands=False)
    await shown(page, page.locator("#hold section"), gone=True)

    assert "half a sentence" == await page.get_by_label("Reason to resume").input_value()
    assert await page.get_by_label("Reason to resume").evaluate("each => each === document.activeElement")


async def test_rotations_are_resumed_from_the_page_of_a_resource(watcher: Visitor, changing: World) -> None:
    await hold(changing)
    await remember(changing.storage, recorded("cow", fleet.PERIOD + DAY))
    page = watcher.page
    await watcher.open_resource(recorded("cow").resource)
    await shown(page, page.get_by_text("Resume scheduled rotations…"))
    assert "it waits, for scheduled rotations are on hold" in await page.locator("#headline").inner_text()

    await page.get_by_text("Resume scheduled rotations…").click()
    await page.get_by_label("Reason to resume").fill("the region is back")
    await page.get_by_label("Yes, the cause is corrected").check()
    await page.get_by_role("button", name="Resume", exact=True).click()
    await page.get_by_text("Scheduled rotations go on with the next sweep.").wait_for()

    assert ["ant", "bee", "cow"] == sorted(await page.locator("tbody th a").all_inner_texts())
    assert not await page.get_by_text("Resume scheduled rotations…").count()
    assert (await page.title()).startswith(await page.locator("h1").inner_text())


@pytest.mark.usefixtures("watcher")
@pytest.mark.parametrize("width", [360, 1600])
async def test_axe_finds_nothing_serious_during_a_hold(changing: World, browser: Browser, width: int) -> None:
    await hold(changing)
    await find(changing, Finding(resource="", code="PoisonMessages", message="one message"))
    async with window(changing, browser, viewport={"width": width, "height": 900}, bypass_csp=True) as visitor:
        await visitor.open_resource(recorded("cow").resource)
        await shown(visitor.page, visitor.page.get_by_text("Resume scheduled rotations…"))
        await visitor.page.get_by_text("Resume scheduled rotations…").click()

        found = (await Axe().run(visitor.page)).response["violations"]

        assert [] == [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in {"serious", "critical"}]
        assert width == await visitor.page.evaluate("document.documentElement.scrollWidth")


async def test_the_focus_stays_on_a_resource_when_the_order_changes(watcher: Visitor, changing: World) -> None:
    page, names = watcher.page, watcher.page.locator("tbody th a")
    await watcher.open()
    await shown(page, page.locator(".tile.healthy").get_by_text("3"))
    assert ["ant", "bee", "cow"] == await names.all_inner_texts()
    await names.nth(2).focus()

    rejected = fleet.failure(datetime.now(UTC), "NotPermitted", "no permission")
    for first, second in (("cow", "bee"), ("bee", "cow")):
        await remember(changing.storage, recorded(first, history=(rejected,)), recorded(second))
        await shown(page, page.locator("tbody tr").first.get_by_role("link", name=first))

        assert "cow" == await page.evaluate("document.activeElement.textContent")
        assert await page.evaluate("document.activeElement.matches('tbody th a')")


async def test_the_focus_stays_on_a_tile_whose_number_changes(watcher: Visitor, changing: World) -> None:
    page = watcher.page
    await watcher.open()
    await shown(page, page.locator(".tile.healthy").get_by_text("3"))
    await page.locator(".tile.healthy").focus()

    await remember(changing.storage, recorded("ant", 70 * DAY))
    await shown(page, page.locator(".tile.healthy").get_by_text("2"))

    assert await page.evaluate("document.activeElement.matches('.tile.healthy')")


async def test_a_page_is_left_while_it_refreshes(watcher: Visitor) -> None:
    page = watcher.page
    await watcher.open()
    await page.route("**/*", never_answer_a_refresh)

    async with page.expect_event("requestfailed") as cancelled:
        async with page.expect_request(is_refresh):
            await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await page.locator("tbody").get_by_role("link", name="ant").click()

    assert is_refresh(await cancelled.value)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ant")


async def test_a_refresh_that_fails_is_said_and_the_next_that_succeeds_takes_it_back(
    changing: World, browser: Browser
) -> None:
    async with window(changing, browser) as visitor:
        page, lost = visitor.page, visitor.page.locator("#lost")
        await visitor.open()

        await page.route("**/*", lambda route: route.abort("connectionrefused"))
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(lost).to_contain_text("not refreshed since")
        assert [f"failed: GET {visitor.host.url}/api/dashboard: net::ERR_CONNECTION_REFUSED"] == [
            line for line in visitor.complaints if line.startswith("failed: ")
        ]

        await page.unroute("**/*")
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(lost).to_have_text("")


def is_refresh(request: Request) -> bool:
    return "x-dashboard-part" in request.headers


async def never_answer_a_refresh(route: Route) -> None:
    if not is_refresh(route.request):
        await route.continue_()


async def test_an_error_page_requests_nothing_by_itself(changing: World, browser: Browser) -> None:
    async with window(changing, browser) as visitor:
        await visitor.open_resource(str(ResourceId(SUBSCRIPTION, "live", "nobody")))
        before = len(visitor.requests)

        await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await visitor.page.wait_for_timeout(500)

        assert before == len(visitor.requests)
        assert "" == await visitor.page.locator("#lost").inner_text()
