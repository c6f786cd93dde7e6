"""What a person sees, finds and follows in a real browser."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.browser.conftest import Visitor, remember, window
from tests.dashboard import fleet
from tests.world import World


async def test_the_headline_counts_and_names_what_needs_attention(onlooker: Visitor) -> None:
    await onlooker.open()

    assert "5 of" in await onlooker.page.locator("h1").inner_text()
    named = await onlooker.page.locator(".urgent li").all_inner_texts()
    assert [
        "orders Invalid key published",
        "board-eu KeyRefused",
        "chat-eu NotPermitted",
        "legacy SecretDisabled",
    ] == named[:4]


async def test_the_most_urgent_rows_come_first_with_reason_and_remedy(onlooker: Visitor) -> None:
    await onlooker.open()

    first, second = [await onlooker.page.locator("tbody tr").nth(number).inner_text() for number in (0, 1)]
    assert "orders" in first
    assert "clients that read it get 401" in first
    assert "→ Resync it now" in first
    assert "board-eu" in second
    assert "SignalR still rejects the Secondary key" in second
    assert "→ Nothing at first." in second


async def test_the_page_says_when_the_last_sweep_ended(onlooker: Visitor) -> None:
    await onlooker.open()

    assert "last sweep 12 minutes ago" in await onlooker.page.locator("#asof").inner_text()


async def test_a_text_narrows_the_list(onlooker: Visitor) -> None:
    await onlooker.open()

    await onlooker.page.get_by_label("Name or id").fill("chat-")
    await onlooker.page.get_by_role("button", name="Show").click()
    await onlooker.page.get_by_role("heading", name="2 resources found").wait_for()

    assert ["chat-eu", "chat-us"] == await onlooker.page.locator("tbody th a").all_inner_texts()


async def test_a_tile_shows_the_resources_of_its_state(onlooker: Visitor) -> None:
    await onlooker.open()

    await onlooker.page.get_by_role("link", name="Overdue").click()
    await onlooker.page.get_by_role("heading", name="1 resource found").wait_for()

    assert ["telemetry"] == await onlooker.page.locator("tbody th a").all_inner_texts()


async def test_a_resource_opens_with_its_whole_history(onlooker: Visitor) -> None:
    await onlooker.open()

    await onlooker.page.locator("tbody").get_by_role("link", name="chat-eu").click()
    await onlooker.page.get_by_role("heading", name="History").wait_for()

    assert 5 == await onlooker.page.locator(".history > li").count()
    newest = await onlooker.page.locator(".history > li").first.inner_text()
    assert "NotPermitted" in newest
    oldest = await onlooker.page.locator(".history > li").last.inner_text()
    assert "Publish Secondary" in oldest
    assert "regenerated" in await onlooker.page.locator(".history > li").nth(1).inner_text()


async def test_the_timeline_says_in_words_what_it_draws(onlooker: Visitor) -> None:
    await onlooker.open_resource(str(fleet.resource("chat-eu")))

    label = await onlooker.page.locator("#timeline svg[role=img]").get_attribute("aria-label")

    assert label is not None
    assert label.startswith("3 rotations and 1 failures; Primary published since")


async def test_the_way_back_leads_to_the_fleet(onlooker: Visitor) -> None:
    await onlooker.open_resource(str(fleet.resource("quiz")))

    await onlooker.page.get_by_role("link", name="All resources").click()

    await onlooker.page.locator("#states").wait_for()


async def test_an_unknown_resource_is_a_page_that_says_so(fleet_world: World, browser: Browser) -> None:
    async with window(fleet_world, browser) as visitor:
        await visitor.open_resource(str(fleet.resource("nobody")))

        assert "nothing is known of" in await visitor.page.locator("#notice").inner_text()


async def test_everything_can_be_reached_with_the_keyboard_alone(onlooker: Visitor) -> None:
    await onlooker.open()

    await onlooker.page.keyboard.press("Tab")
    assert "Skip to content" == await onlooker.page.evaluate("document.activeElement.textContent")
    await onlooker.page.keyboard.press("Enter")
    await onlooker.page.keyboard.press("Tab")
    assert "orders" == await onlooker.page.evaluate("document.activeElement.textContent")
    await onlooker.page.keyboard.press("Enter")

    await onlooker.page.get_by_role("heading", name="History").wait_for()


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1600)])
@pytest.mark.parametrize("name", ["", "chat-eu", "presence"])
async def test_axe_finds_nothing_serious(
    fleet_world: World, browser: Browser, scheme: str, width: int, name: str
) -> None:
    how = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "bypass_csp": True}
    async with window(fleet_world, browser, **how) as visitor:
        await visitor.open(f"&resource={fleet.resource(name)}" if name else "")
        for details in await visitor.page.locator("details").all():
            await details.locator("summary").click()

        found = (await Axe().run(visitor.page)).response["violations"]

        assert [] == [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in {"serious", "critical"}]
        assert width == await visitor.page.evaluate("document.documentElement.scrollWidth")


async def test_all_text_of_the_page_comes_from_this_app_alone(onlooker: Visitor) -> None:
    await onlooker.open()
    await onlooker.open_resource(str(fleet.resource("chat-eu")))

    assert {onlooker.host.url} == {"/".join(url.split("/")[:3]) for url in onlooker.requests if url.startswith("http")}


async def test_what_changes_shows_without_a_reload(onlooker: Visitor, fleet_world: World) -> None:
    """The page asks again by itself, and what a person was doing on it stays as it was."""
    now = datetime.now(UTC)
    changing = fleet.record("presence", now, age=fleet.PERIOD, journal=fleet.journal(now, fleet.Slot.SECONDARY))
    await remember(fleet_world.storage, changing)
    await onlooker.open_resource(changing.resource)
    await onlooker.page.evaluate("window.stayed = true")
    await onlooker.page.get_by_text("Rotate…").click()
    await onlooker.page.get_by_label("Reason").fill("half a sentence")

    await remember(fleet_world.storage, fleet.record("presence", now, age=0 * fleet.PERIOD))
    await onlooker.page.locator(".chip.healthy").wait_for()

    assert await onlooker.page.evaluate("window.stayed")
    assert "half a sentence" == await onlooker.page.get_by_label("Reason").input_value()


async def test_without_script_the_list_is_filtered_and_opened(scriptless_onlooker: Visitor) -> None:
    page = scriptless_onlooker.page
    await scriptless_onlooker.open()

    await page.get_by_label("Name or id").fill("board")
    await page.get_by_role("button", name="Show").click()
    await page.locator("tbody").get_by_role("button", name="board-eu").click()

    assert await page.get_by_role("heading", name="History").is_visible()
