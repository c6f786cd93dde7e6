"""Errors are pages that say what failed, never a bare error."""

import pytest

from shared import composition
from shared.dashboard.routes import handle
from shared.http.messages import HttpRequest, HttpResponse
from shared.settings import names


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
