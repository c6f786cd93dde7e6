"""Doing the same for many, at most so many at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from shared.domain.errors import Rejected, RotationError


async def bounded_gather[Item, Done](
    do: Callable[[Item], Awaitable[Done]], items: Iterable[Item], *, limit: int
) -> list[Done]:
    """What `do` gives for each item, in their order, at most `limit` at once. The first error ends it and is raised."""
    places = asyncio.Semaphore(limit)

    async def one(item: Item) -> Done:
        async with places:
            return await do(item)

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def bounded_settle[Item](
    do: Callable[[Item], Awaitable[object]], items: Sequence[Item], *, limit: int
) -> list[tuple[Item, RotationError]]:
    """Do it for each item, in spite of those for which it fails: these, and why.

    Raises where the service itself is at fault: nothing succeeds. Then not all are tried.
    """
    failed: list[tuple[Item, RotationError]] = []
    succeeded = 0

    async def one(item: Item) -> None:
        nonlocal succeeded
        try:
            await do(item)
        except RotationError as error:
            failed.append((item, error))
            # What is rejected is rejected for what it holds; the next may well be taken.
            if not succeeded and len(failed) >= limit and not isinstance(error, Rejected):
                raise
        else:
            succeeded += 1

    await bounded_gather(one, items, limit=limit)
    if failed and not succeeded:
        raise failed[0][1]
    return failed
