"""What a visitor gets when something is in the way: a page that says it, never a bare error."""

import pytest

from shared import composition
from shared.dashboard.forms import Visit
from shared.dashboard.render import Page
from shared.dashboard.routes import answered
from shared.settings import names


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    composition.app.cache_clear()


async def page(**headers: str) -> Page:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await answered(Visit("GET", "https://app.example/api/dashboard", {}, named))


async def test_wrong_settings_are_named_on_a_page() -> None:
    shown = await page()

    assert 500 == shown.status
    assert "KEY_VAULT_URL" in shown.html
    assert "<h1>Misconfigured</h1>" in shown.html


async def test_a_page_that_says_sorry_is_guarded_like_any_other() -> None:
    shown = await page()

    assert "default-src &#39;none&#39;" not in shown.html
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    assert "no-store" == shown.headers["Cache-Control"]


async def test_each_page_has_a_nonce_of_its_own() -> None:
    policies = {(await page()).headers["Content-Security-Policy"] for _ in range(3)}

    assert 3 == len(policies)


async def test_the_pages_own_script_gets_no_second_style_sheet() -> None:
    bare, whole = await page(x_dashboard_part="main"), await page()

    assert ("<style" in whole.html, "<script" in whole.html) == (True, True)
    assert ("<style" in bare.html, "<script" in bare.html) == (False, False)
