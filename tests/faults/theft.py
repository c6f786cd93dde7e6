"""Somebody takes a worker's lease, as if it had slept through its end. One theft belongs to one delivery."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import takewhile

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient

from tests.faults.proxy import Call


async def break_lease(record: BlobClient) -> None:
    """Nobody holds it from now on. Nothing happens where there is no lease, or no record."""
    with suppress(HttpResponseError):
        await BlobLeaseClient(record).break_lease(lease_break_period=0)


def changed_without_lease(calls: Sequence[Call], at: int) -> list[str]:
    """What a worker changed although it could know that its lease was stolen at the call numbered `at`.

    The call that was under way then cannot be called back: its time is bounded by the lease. Where that one was granted
    under the lease, a moment before, it is the next: what the worker renewed it for. A token that was being fetched,
    however often it took, is part of the call that it is for.
    """
    since = [call for call in calls if call.n >= at]
    granted = [call for call in since[:1] if "/resources/" in call.path and call.status in {200, 201}]
    tokens = [*takewhile(lambda call: call.service == "identity", since[len(granted) :])]
    return [str(call) for call in since if call.n > at + len(granted) + len(tokens) and call.changed]


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
