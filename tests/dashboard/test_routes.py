"""Errors are pages that say what failed, never a bare error."""

from collections.abc import AsyncIterator

import pytest

from shared import composition
from shared.dashboard.routes import handle
from shared.http.messages import HttpRequest, HttpResponse
from shared.settings import Settings, names


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    composition.app.cache_clear()


async def page(**headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await handle(HttpRequest("GET", "https://app.example/api/dashboard", named), composition.app)


async def test_wrong_settings_are_named_on_a_page() -> None:
    response = await page()

    assert 500 == response.status
    assert b"KEY_VAULT_URL" in response.body
    assert b"<h1>Misconfigured</h1>" in response.body


async def test_an_error_page_has_the_headers_of_any_other() -> None:
    response = await page()

    assert b"default-src &#39;none&#39;" not in response.body
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "no-store" == response.headers["Cache-Control"]


async def test_each_page_has_a_nonce_of_its_own() -> None:
    policies = {(await page()).headers["Content-Security-Policy"] for _ in range(3)}

    assert 3 == len(policies)


async def test_the_pages_own_script_gets_no_second_style_sheet() -> None:
    bare, whole = await page(x_dashboard_part="main"), await page()

    assert (b"<style" in whole.body, b"<script" in whole.body) == (True, True)
    assert (b"<style" in bare.body, b"<script" in bare.body) == (False, False)


@pytest.mark.parametrize(
    ("method", "query", "allow"),
    [
        ("PUT", "", "GET, HEAD, POST"),
        ("DELETE", "?act=rotate", "GET, HEAD, POST"),
        ("GET", "?act=rotate&confirmed=yes", "POST"),
        ("HEAD", "?act=preview", "POST"),
        ("GET", "?act=resume", "POST"),
    ],
)
async def test_a_method_that_is_not_served_is_answered_with_those_that_are(
    site: composition.App, method: str, query: str, allow: str
) -> None:
    request = HttpRequest(method, f"https://app.example/api/dashboard{query}", {})

    response = await handle(request, lambda: site)

    assert (405, allow) == (response.status, response.headers["Allow"])
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_other_errors_name_no_methods(site: composition.App) -> None:
    response = await handle(HttpRequest("GET", "https://app.example/api/dashboard?act=none", {}), lambda: site)

    assert 400 == response.status
    assert "Allow" not in response.headers


@pytest.fixture
async def site() -> AsyncIterator[composition.App]:
    """An app with settings. Nothing that it needs is there."""
    made = composition.build(
        Settings(
            AzureWebJobsStorage="UseDevelopmentStorage=true",
            SIGNALR_RESOURCE_IDS="/subscriptions/5ab5c4b0-0000-4000-8000-000000000001/resourceGroups/live/providers"
            "/Microsoft.SignalRService/SignalR/chat",
            KEY_VAULT_URL="https://vault",
            EVENT_GRID_TOPIC_ENDPOINT="https://topic",
        )
    )
    yield made
    await made.close()
