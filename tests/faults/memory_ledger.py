"""The engine's port to the record in `memory.Cloud`: a lease that others respect, and that ends if not renewed."""
# ruff: noqa: ARG002 - a port takes what its adapter takes

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from shared.adapters.blob_records import CALL_SECONDS, LeasedRecord
from shared.domain.errors import Busy, LeaseLost
from shared.domain.record import Operation, Outcome, Record
from shared.domain.resources import ResourceId
from tests.faults.memory import LEASE_SECONDS, RESOURCE, Worker


class MemoryHeld(LeasedRecord):
    """The record under a lease that other workers respect, and that ends when it is not renewed."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.token = object()
        self._call_seconds = CALL_SECONDS

    @property
    def holds(self) -> bool:
        lease = self.worker.cloud.lease
        return lease is not None and lease[0] is self.token and lease[1] > self.worker.cloud.now()

    @property
    def remaining_seconds(self) -> float:
        return self._until - asyncio.get_running_loop().time()

    async def take(self) -> None:
        cloud, loop = self.worker.cloud, asyncio.get_running_loop()
        async with self.worker.call("lease"):
            if cloud.lease is not None and cloud.lease[1] > cloud.now():
                raise Busy("taken", retry_after=10)
            cloud.lease = (self.token, cloud.now() + timedelta(seconds=LEASE_SECONDS))
            self._until = loop.time() + LEASE_SECONDS

    async def read(self) -> None:
        async with self.worker.call("read"):
            self.record = self.worker.cloud.record or Record(resource=str(RESOURCE))

    async def write(self, record: Record) -> None:
        async with self.worker.call("write"):
            if not self.holds:
                raise LeaseLost("lost")
            self.worker.cloud.record = record
        self.record = record

    async def renew(self) -> None:
        asked = asyncio.get_running_loop().time()
        async with self.worker.call("renew"):
            if not self.holds:
                raise LeaseLost("lost")
            self.worker.cloud.lease = (self.token, self.worker.cloud.now() + timedelta(seconds=LEASE_SECONDS))
        self._until = asked + LEASE_SECONDS

    async def keep(self) -> None:
        while not self.worker.dead:
            await asyncio.sleep(LEASE_SECONDS / 3)
            if not self.worker.suspended and not self.worker.dead and self.holds:
                self.worker.cloud.lease = (self.token, self.worker.cloud.now() + timedelta(seconds=LEASE_SECONDS))
                self._until = asyncio.get_running_loop().time() + LEASE_SECONDS


@dataclass
class MemoryLedger:
    """Port of the ledger."""

    worker: Worker

    @asynccontextmanager
    async def hold(self, resource: ResourceId) -> AsyncIterator[LeasedRecord]:
        held = MemoryHeld(self.worker)
        await held.take()
        await held.read()
        self.worker.cloud.watch("held", self.worker, held)
        keeper = asyncio.create_task(held.keep())
        try:
            yield held
        finally:
            keeper.cancel()
            if not self.worker.dead and held.holds:
                self.worker.cloud.lease = None

    async def read(self, resource: ResourceId) -> Record | None:
        async with self.worker.call("look"):
            return self.worker.cloud.record

    async def ticket(self, rotation_id: str) -> Operation | None:
        async with self.worker.call("ticket"):
            return self.worker.cloud.tickets.get(rotation_id)

    async def close_ticket(self, resource: ResourceId, outcome: Outcome) -> None:
        async with self.worker.call("close_ticket"):
            self.worker.cloud.tickets[outcome.rotation_id] = Operation(
                rotation_id=outcome.rotation_id,
                resource=str(resource),
                requested_at=outcome.requested_at,
                outcome=outcome,
            )
