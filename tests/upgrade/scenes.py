"""What there is to be recorded: each scene makes the engine write something, and takes it down.

A scene's name and its first line are those of its document.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from shared.errors import RotationError
from shared.requests import Request
from tests.integration.engine import Engine
from tests.upgrade.recording import Recorder

type Play = Callable[[Recorder, str, str], Awaitable[None]]

SCENES: list[tuple[Play, str, str, dict[str, Any]]] = []
LOST = {"cut": "before-effect", "times": 20}  # outlasts every SDK's own retries


def scene(kind: str, **settings: Any) -> Callable[[Play], Play]:
    """Register a scene, played by an engine under these settings."""

    def register(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        what = (play.__doc__ or "").strip()
        SCENES.append((play, f"{kind}-{name}", what, settings))
        return play

    return register


async def broken_off(engine: Engine, request: Request) -> None:
    """Work on a message until it fails, as if the worker had died there; what runs at ARM runs on to its end."""
    with suppress(RotationError):
        await engine.app.rotator.work(request)
    engine.azure.clear_faults()
    await asyncio.sleep(0.8)
