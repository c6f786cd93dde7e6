"""The engine's ports to records and operations in `memory.Cloud`: a lease that others respect, and that ends."""
# ruff: noqa: ARG002 - a port takes what its adapter takes

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import Busy, KeyReused, LeaseLost
from shared.domain.heartbeat import Finding, Heartbeat
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.operation import Operation
from shared.domain.record import Outcome, Record
from shared.domain.requests import RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.domain.rollout import RolloutState
from shared.domain.swept_fleet import SweptFleet
from shared.rotation.leased_record import LEASE_SECONDS, LeasedRecord
from shared.rotation.ports import RecordPage
from tests.faults.memory import Worker


class MemoryLease:
    """The lease of one record: other workers respect it, and it ends when it is not renewed."""

    def __init__(self, worker: Worker, resource: ResourceId) -> None:
        self.worker = worker
        self.resource = resource
        self.token = object()
        self._until = 0.0

    @property
    def holds(self) -> bool:
        lease = self.worker.cloud.leases.get(self.resource)
        return lease is not None and lease[0] is self.token and lease[1] > self.worker.cloud.now()

    @property
    def remaining_seconds(self) -> float:
        return self._until - asyncio.get_running_loop().time()

    async def take(self) -> None:
        cloud = self.worker.cloud
        async with self.worker.call("lease"):
            held = cloud.leases.get(self.resource)
            if held is not None and held[1] > cloud.now():
                raise Busy("taken", step="ledger", retry_after=10)
            self._grant()

    async def write(self, record: Record) -> None:
        async with self.worker.call("write"):
            if not self.holds:
                raise LeaseLost("lost", step="ledger")
            self.worker.cloud.records[self.resource] = record

    async def renew(self) -> None:
        asked = asyncio.get_running_loop().time()
        async with self.worker.call("renew"):
            if not self.holds:
                raise LeaseLost("lost", step="ledger")
            self._grant()
        self._until = asked + LEASE_SECONDS

    async def keep(self, run: asyncio.Timeout) -> None:
        """Renew it; once it is lost, end the run."""
        while not self.worker.dead:
            await asyncio.sleep(LEASE_SECONDS / 3)
            if self.worker.suspended or self.worker.dead:
                continue
            if not self.holds:
                run.reschedule(asyncio.get_running_loop().time())
                return
            self._grant()

    def _grant(self) -> None:
        until = self.worker.cloud.now() + timedelta(seconds=LEASE_SECONDS)
        self.worker.cloud.leases[self.resource] = (self.token, until)
        self._until = asyncio.get_running_loop().time() + LEASE_SECONDS


@dataclass
class MemoryRecords:
    """`RecordStore`."""

    worker: Worker

    @asynccontextmanager
    async def lease(self, resource: ResourceId) -> AsyncIterator[LeasedRecord]:
        cloud, lease = self.worker.cloud, MemoryLease(self.worker, resource)
        await lease.take()
        async with self.worker.call("read"):
            leased = LeasedRecord(lease, cloud.records.get(resource) or Record(resource=str(resource)))
        cloud.watch("leased", self.worker, resource, lease)
        try:
            async with asyncio.timeout(None) as run:
                keeper = asyncio.create_task(lease.keep(run))
                try:
                    yield leased
                finally:
                    keeper.cancel()
                    if not self.worker.dead and lease.holds:
                        cloud.leases.pop(resource, None)
        except TimeoutError:
            if not run.expired():
                raise
            raise LeaseLost("lost", step="ledger") from None

    async def read(self, resource: ResourceId) -> Record | None:
        async with self.worker.call("look"):
            return self.worker.cloud.records.get(resource)

    async def entries(self) -> AsyncIterator[InventoryEntry]:
        async with self.worker.call("list"):
            records = list(self.worker.cloud.records.values())
        for record in records:
            if not record.removed or record.outbox:
                yield InventoryEntry.of(record)

    async def page(self, *, most: int, marker: str = "") -> RecordPage:
        entries = [each async for each in self.entries()]
        return RecordPage(tuple(entries), entries[-1].resource_id.order if entries else "", None)

    async def write_heartbeat(self, heartbeat: Heartbeat) -> None:
        async with self.worker.call("write heartbeat"):
            self.worker.cloud.heartbeat = heartbeat

    async def unwritable(self) -> Sequence[Finding]:
        return ()

    async def other_installations(self) -> Mapping[str, datetime]:
        async with self.worker.call("list"):
            return {}

    async def heartbeat(self) -> Heartbeat | None:
        async with self.worker.call("heartbeat"):
            return self.worker.cloud.heartbeat


@dataclass
class MemorySweptFleet:
    """`SweptFleetStore`."""

    worker: Worker

    async def read(self) -> SweptFleet | None:
        async with self.worker.call("read fleet"):
            return self.worker.cloud.swept

    async def write(self, fleet: SweptFleet) -> bool:
        async with self.worker.call("write fleet"):
            cloud = self.worker.cloud
            if cloud.swept and not fleet.replaces(cloud.swept, cloud.now()):
                return False
            cloud.swept = fleet
            return True


@dataclass
class MemoryRollouts:
    """`RolloutStore`."""

    worker: Worker

    async def read(self) -> RolloutState:
        async with self.worker.call("rollout"):
            return self.worker.cloud.rollout

    async def change(self, change: Callable[[RolloutState], RolloutState]) -> RolloutState:
        async with self.worker.call("change rollout"):
            self.worker.cloud.rollout = change(self.worker.cloud.rollout)
            return self.worker.cloud.rollout


@dataclass
class MemoryOperations:
    """`OperationStore`."""

    worker: Worker

    async def open(self, item: WorkItem) -> Operation:
        async with self.worker.call("open operation"):
            return self.worker.cloud.operations.setdefault(item.rotation_id, Operation.of(item))

    async def accepted(self, operation: Operation) -> None:
        async with self.worker.call("accept operation"):
            self.worker.cloud.accepted.setdefault(operation.rotation_id, self.worker.cloud.now())

    async def close(self, resource: ResourceId, outcome: Outcome, *, opened: bool = True) -> Operation:
        unknown = Operation(rotation_id=outcome.rotation_id, resource=str(resource), requested_at=outcome.requested_at)
        async with self.worker.call("close operation"):
            known = self.worker.cloud.operations.get(outcome.rotation_id, unknown)
            if not known.final:
                known = self.worker.cloud.operations[outcome.rotation_id] = known.ended(outcome)
            self.worker.cloud.accepted.pop(outcome.rotation_id, None)
            return known

    async def revise(self, rotation_id: str, change: Callable[[Operation], Operation]) -> Operation | None:
        async with self.worker.call("revise operation"):
            known = self.worker.cloud.operations.get(rotation_id)
            if known and not known.final:
                known = self.worker.cloud.operations[rotation_id] = change(known)
            return known

    async def unfinished(self, *, before: datetime) -> AsyncIterator[Operation]:
        async with self.worker.call("list"):
            waiting = [each for each, at in self.worker.cloud.accepted.items() if at < before]
        for rotation_id in waiting:
            operation = await self.read(rotation_id)
            if operation is None or operation.final:
                self.worker.cloud.accepted.pop(rotation_id, None)
            else:
                yield operation

    async def read(self, rotation_id: str) -> Operation | None:
        async with self.worker.call("operation"):
            return self.worker.cloud.operations.get(rotation_id)

    async def claim(self, idempotency_key: str, command: RotationCommand) -> None:
        async with self.worker.call("claim"):
            if self.worker.cloud.claims.setdefault(idempotency_key, command.meaning) != command.meaning:
                raise KeyReused("used for a different request")
