"""Waiting for rotations to end, for callers who asked to (`Prefer: wait=N`)."""

import asyncio
from collections.abc import Sequence

from shared.rotation.submit import RotationStatus, Rotator

_FIRST_LOOK_SECONDS = 0.5
_SLOWEST_LOOK_SECONDS = 3.0
_AT_ONCE = 16


async def ended(rotator: Rotator, rotation_ids: Sequence[str], *, seconds: float) -> list[RotationStatus]:
    """How the rotations stand when the last of them has ended, or when the time is up.

    Each look opens one or two blobs for every rotation that still runs. Looks get rarer, at most one in three seconds.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    found: dict[str, RotationStatus] = {}

    async def look(rotation_id: str) -> None:
        async with slots:
            status = await rotator.status(rotation_id)
        if status:
            found[rotation_id] = status

    loop = asyncio.get_running_loop()
    until, pause = loop.time() + seconds, _FIRST_LOOK_SECONDS
    while True:
        await asyncio.gather(*[look(each) for each in rotation_ids if each not in found or not found[each].final])
        left = until - loop.time()
        if left <= 0 or all(each in found and found[each].final for each in rotation_ids):
            return [found[each] for each in rotation_ids if each in found]
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _SLOWEST_LOOK_SECONDS)
