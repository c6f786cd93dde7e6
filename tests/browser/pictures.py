"""The pictures of the documentation, taken of the running app: `.venv/bin/python -m pytest tests/browser/pictures.py`.

Not part of the tests: it rewrites docs/images.
"""

from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import window
from tests.dashboard import fleet
from tests.world import ROOT, World

IMAGES = ROOT / "docs" / "images"
_WIDE = {"width": 1280, "height": 860}
_NARROW = {"width": 360, "height": 780}


@pytest.mark.parametrize(
    ("picture", "resource", "how"),
    [
        ("dashboard-light", "", {"color_scheme": "light", "viewport": _WIDE}),
        ("dashboard-dark", "", {"color_scheme": "dark", "viewport": _WIDE}),
        ("dashboard-narrow", "", {"color_scheme": "light", "viewport": _NARROW}),
        ("resource-light", "presence", {"color_scheme": "light", "viewport": _WIDE}),
        ("resource-dark", "board-eu", {"color_scheme": "dark", "viewport": _WIDE}),
    ],
)
async def test_picture(fleet_world: World, browser: Browser, picture: str, resource: str, how: dict[str, Any]) -> None:
    IMAGES.mkdir(exist_ok=True)
    async with window(fleet_world, browser, **how) as visitor:
        await visitor.open(f"&resource={fleet.resource(resource)}" if resource else "")
        await visitor.page.screenshot(path=IMAGES / f"{picture}.png")

    assert (IMAGES / f"{picture}.png").stat().st_size > 0
