"""What a person starts from the page, and what the page never gives away."""

import asyncio
import re
import uuid

import requests
from playwright.async_api import Page, Route

from tests.browser.conftest import Visitor, create
from tests.world import World, until

_FORM = {"act": "rotate", "mode": "rotate", "confirmed": "yes", "token": "11111111-2222-4333-8444-555555555555"}


async def _rotate(page: Page, reason: str, name: str) -> None:
    await page.get_by_text("Rotate…").click()
    await page.get_by_label("Reason").fill(reason)
    await page.get_by_label(f"Rotate {name} now").check()
    await page.get_by_role("button", name="Start").click()


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(visitor: Visitor, world: World) -> None:
    resource = create(world.azure, "dry")
    await visitor.open_resource(resource)

    await visitor.page.get_by_role("button", name="Dry run").click()
    await visitor.page.get_by_text("Dry run:").wait_for()

    said = await visitor.page.locator("#notice").inner_text()
    assert "Dry run: would regenerate Secondary, verify it, publish it and announce it. Nothing was done." == said
    assert 0 == len(world.azure.regenerations(resource))
    assert [] == world.versions(resource)


async def test_a_rotation_is_started_and_watched_to_its_end_without_a_reload(visitor: Visitor, world: World) -> None:
    resource = create(world.azure, "watched")
    await visitor.open_resource(resource)
    await visitor.page.evaluate("window.stayed = true")

    await _rotate(visitor.page, "quarterly audit", "watched")
    await visitor.page.locator(".progress.succeeded").wait_for()

    assert await visitor.page.evaluate("window.stayed")
    steps = await visitor.page.locator(".progress .stages .done .step").all_inner_texts()
    assert ["requested", "planned", "regenerated", "verified", "published", "announced"] == steps
    assert "Secondary" == world.live_slot(resource)
    assert "quarterly audit" in await visitor.page.locator(".history").inner_text()


async def test_a_refresh_that_began_meanwhile_is_not_shown_over_the_answer(visitor: Visitor, world: World) -> None:
    """The page looked again while the form was on its way, and its look came back last."""
    resource = create(world.azure, "overtaken")
    await visitor.open_resource(resource)
    sent, looked, shown = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def overtaken(route: Route) -> None:
        answer = await route.fetch()
        if route.request.method == "POST":
            sent.set()
            await looked.wait()
        elif not looked.is_set():
            looked.set()
            await shown.wait()
        await route.fulfill(response=answer)

    await visitor.page.route("**/api/dashboard*", overtaken)
    await _rotate(visitor.page, "overtaken", "overtaken")
    await sent.wait()
    await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await visitor.page.get_by_text("Rotation requested.").wait_for()
    async with visitor.page.expect_response(lambda response: response.request.method == "GET") as look:
        shown.set()
    await (await look.value).finished()
    await visitor.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")

    assert 1 == await visitor.page.locator(".progress").count()


async def test_a_rotation_needs_the_tick(visitor: Visitor, world: World) -> None:
    resource = create(world.azure, "unticked")
    await visitor.open_resource(resource)

    await visitor.page.get_by_text("Rotate…").click()
    await visitor.page.get_by_role("button", name="Start").click()

    assert await visitor.page.locator("input[name=confirmed]:invalid").count()
    assert not [url for url in visitor.requests if url.endswith("/api/dashboard")]
    assert 0 == len(world.azure.regenerations(resource))


async def test_without_script_a_rotation_is_started_and_followed_by_looking_again(
    scriptless: Visitor, world: World
) -> None:
    resource = create(world.azure, "scriptless")
    await scriptless.open_resource(resource)

    await _rotate(scriptless.page, "no script", "scriptless")
    for _ in range(40):
        if await scriptless.page.locator(".progress.succeeded").count():
            break
        await scriptless.page.get_by_role("button", name="Look again").click()

    assert 1 == await scriptless.page.locator(".progress.succeeded").count()
    assert "Secondary" == world.live_slot(resource)


async def test_the_same_form_sent_twice_is_one_rotation(world: World) -> None:
    resource = create(world.azure, "twice")
    for _ in range(2):
        world.host.request("POST", "/api/dashboard", data=_FORM | {"resource": resource}, headers=_OWN)
    until(lambda: world.azure.regenerations(resource) or None, timeout=60)
    world.host.idle()

    assert 1 == len(world.azure.regenerations(resource))


async def test_the_same_form_with_something_else_in_it_is_no_rotation_that_was_requested(world: World) -> None:
    """An operator whose first answer was lost chooses Revoke instead, on the page that still stands there."""
    resource = create(world.azure, "changed-mind")
    form = _FORM | {"resource": resource, "token": str(uuid.uuid4())}
    world.host.request("POST", "/api/dashboard", data=form, headers=_OWN).raise_for_status()

    answer = world.host.request("POST", "/api/dashboard", data=form | {"mode": "revoke"}, headers=_OWN)

    assert 409 == answer.status_code
    assert "open the page again" in answer.text


_OWN = {"sec-fetch-site": "same-origin"}


def _forged(world: World, resource: str, headers: dict[str, str]) -> requests.Response:
    form = _FORM | {"resource": resource, "token": str(uuid.uuid4())}
    return world.host.request("POST", "/api/dashboard", data=form, headers=headers)


async def test_a_form_from_anywhere_else_is_refused(world: World) -> None:
    resource = create(world.azure, "forged")
    strangers = [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ]

    assert [403] * len(strangers) == [_forged(world, resource, headers).status_code for headers in strangers]
    world.host.idle()
    assert 0 == len(world.azure.regenerations(resource))


async def test_an_old_browser_is_known_by_its_origin(world: World) -> None:
    resource = create(world.azure, "oldbrowser")

    assert 200 == _forged(world, resource, {"origin": world.host.url}).status_code


async def test_nothing_is_changed_by_an_address(world: World) -> None:
    resource = create(world.azure, "byaddress")
    query = "&".join(f"{name}={value}" for name, value in (_FORM | {"resource": resource}).items())

    assert 405 == world.host.request("GET", f"/api/dashboard?{query}", headers=_OWN).status_code


async def test_without_the_key_there_is_no_page(world: World) -> None:
    assert 401 == world.host.request("GET", "/api/dashboard", key=None).status_code


async def test_the_key_is_nowhere_in_the_page_its_links_or_the_log(visitor: Visitor, world: World) -> None:
    resource = create(world.azure, "keyless-links")
    await visitor.open()
    pages = [await visitor.page.content()]
    await visitor.open_resource(resource)
    await _rotate(visitor.page, "", "keyless-links")
    await visitor.page.locator(".progress.succeeded").wait_for()
    pages.append(await visitor.page.content())

    assert not [page for page in pages if visitor.key in page]
    assert visitor.key not in world.host.log_text()
    assert visitor.key not in world.stored_text()


async def test_a_link_carries_the_key_only_when_it_is_followed(visitor: Visitor, world: World) -> None:
    resource = create(world.azure, "followed")
    await visitor.open_resource(resource)
    # A resource is listed once a sweep has found it, or once it was asked for by name.
    world.host.request("POST", "/api/rotate", json={"resource": resource, "mode": "resync"}).raise_for_status()
    world.host.idle()
    await visitor.open("&text=followed")
    link = visitor.page.locator("tbody").get_by_role("link", name="followed")
    assert "code=" not in str(await link.get_attribute("href"))

    await link.click()
    await visitor.page.get_by_role("heading", name="History").wait_for()

    assert f"code={visitor.key}" in visitor.page.url


async def test_what_others_wrote_stays_text(visitor: Visitor, world: World) -> None:
    """A tag and a reason that try to be HTML are shown as they are."""
    evil = "<img src=x onerror=alert(1)>"
    resource = create(world.azure, "injected", key_rotation_secret=evil)
    await visitor.open_resource(resource)

    await _rotate(visitor.page, "</script><script>window.broken = 1</script>", "injected")
    await visitor.page.locator(".progress.failed").wait_for()

    page = await visitor.page.locator("main").inner_text()
    assert evil in page
    assert "</script><script>window.broken = 1</script>" in page
    assert await visitor.page.evaluate("window.broken") is None
    assert 0 == await visitor.page.locator("main img").count()


async def test_what_is_searched_for_stays_text(visitor: Visitor) -> None:
    await visitor.open("&text=" + "%22%3E%3Csvg%20onload%3Dalert(1)%3E")

    assert '"><svg onload=alert(1)>' == await visitor.page.get_by_label("Name or id").input_value()


async def test_the_policy_allows_nothing_but_the_pages_own_parts(world: World) -> None:
    headers = world.host.request("GET", "/api/dashboard").headers
    policy = headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert not re.search(r"unsafe|\*|https?:", policy)
    assert "no-referrer" == headers["Referrer-Policy"]
    assert "no-store" == headers["Cache-Control"]


async def test_a_script_without_the_nonce_does_not_run(visitor: Visitor) -> None:
    await visitor.open()
    await visitor.page.evaluate(
        "const made = document.createElement('script'); made.textContent = 'window.ran = 1'; document.body.append(made)"
    )

    assert await visitor.page.evaluate("window.ran") is None
    assert [line for line in visitor.complaints if "Content Security Policy" in line]
    visitor.complaints.clear()


async def test_a_sweep_is_started_from_the_page(visitor: Visitor, world: World) -> None:
    resource = create(world.azure, "swept-in")
    await visitor.open()

    await visitor.page.get_by_text("Rotate everything that is due").click()
    await visitor.page.get_by_label("Yes, rotate what is due").check()
    await visitor.page.get_by_role("button", name="Start the sweep").click()
    await visitor.page.get_by_text("Sweep queued for").wait_for()

    assert "Primary" == until(lambda: world.live_slot(resource), timeout=60)
