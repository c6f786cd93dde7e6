"""Somebody takes a worker's lease, as if it had slept through its end. One theft belongs to one delivery."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient


async def break_lease(record: BlobClient) -> None:
    """Nobody holds it from now on. Nothing happens where there is no lease, or no record."""
    with suppress(HttpResponseError):
        await BlobLeaseClient(record).break_lease(lease_break_period=0)


class Theft:
    """The lease of `record`, stolen when `strike` is awaited. `calls`: how many calls the proxy has counted."""

    def __init__(self, record: BlobClient, calls: Callable[[], int]) -> None:
        self.at = 0  # the last call before the lease was stolen
        self._record = record
        self._calls = calls
        self._thief = BlobLeaseClient(record)
        self._etag: object = None
        self._under_way = asyncio.Lock()

    async def strike(self) -> None:
        """The proxy's hook. Before the record is made there is nothing to steal."""
        async with self._under_way:
            await break_lease(self._record)
            with suppress(HttpResponseError):
                await self._thief.acquire(lease_duration=60)
                self._etag = (await self._record.get_blob_properties()).etag
                self.at = self._calls()

    async def give_back(self) -> bool | None:
        """End it; whether the record stayed as it was meanwhile, or None when nothing was stolen.

        A worker gives a slow call up, at its last one its run ends with that: the theft is then still under way.
        """
        async with self._under_way:
            if self._etag is None:
                return None
            same = bool((await self._record.get_blob_properties()).etag == self._etag)
            with suppress(HttpResponseError):  # it may have run out
                await self._thief.release()
            return same
