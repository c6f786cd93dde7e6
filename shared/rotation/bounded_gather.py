"""Doing the same for many, at most so many at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def bounded_gather[Item, Done](
    do: Callable[[Item], Awaitable[Done]], items: Iterable[Item], *, limit: int
) -> list[Done]:
    """What `do` gives for each item, in their order, at most `limit` at once. The first error is raised."""
    places = asyncio.Semaphore(limit)

    async def one(item: Item) -> Done:
        async with places:
            return await do(item)

    return await asyncio.gather(*map(one, items))
