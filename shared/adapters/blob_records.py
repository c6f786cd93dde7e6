"""One blob per resource: at once its lock, the journal of what runs, and the history of what ended.

The lock is the blob's lease, and every write carries the lease id: a worker that lost the lease gets 412 and stops.
Tickets are small blobs beside it, one for each rotation id that somebody may ask for.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, ContainerClient
from pydantic import ValidationError

from shared.adapters.azure_errors import translated
from shared.domain.errors import Busy, LeaseLost, RotationError, Unavailable
from shared.domain.heartbeat import Heartbeat
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Journal, Operation, Outcome, Record
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire

log = logging.getLogger("rotation.ledger")

LEASE_SECONDS = 60  # the longest a blob lease can be, short of forever (Blob service REST API, Lease Blob)
_BUSY_SECONDS = 10.0
CALL_SECONDS = 30.0  # how long one call to a service may take: half a lease
_MARGIN_SECONDS = 5.0
_LOOKS, _LOOK_SECONDS = 4, 0.3
_SUMMARY, _HEARTBEAT = "summary", "heartbeat.json"
_RIGHTS = "the role Storage Blob Data Owner on the app's own storage account"
_NOT_FOUND, _CONFLICT, _PRECONDITION = 404, 409, 412


class LeasedRecord:
    """A resource's blob while this run holds its lease."""

    def __init__(
        self, blob: BlobClient, lease: BlobLeaseClient, *, seconds: int, call_seconds: float, since: float
    ) -> None:
        self._blob = blob
        self._lease = lease
        self._seconds = seconds
        self._call_seconds = call_seconds
        self._until = since + seconds
        self.record: Record

    @property
    def remaining_seconds(self) -> float:
        """How long the lease lasts for sure, as far as this worker can know."""
        return self._until - time.monotonic()

    @property
    def answer_within(self) -> float:
        """How long [s] a call that changes something may take: the lease must outlive it. Raises `LeaseLost`."""
        left = min(self._call_seconds, self.remaining_seconds - _MARGIN_SECONDS)
        if left <= 0:
            raise LeaseLost("the lease of this resource is about to run out", step="ledger")
        return left

    @property
    def journal(self) -> Journal:
        """The open journal, as it was last written."""
        if self.record.journal is None:
            raise AssertionError("no journal is open")
        return self.record.journal

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log line says of the run: nothing secret."""
        return {"resource": self.record.resource, **self.journal.log_fields}

    async def update(self, journal: Journal) -> None:
        """Write the open journal as it is now known."""
        await self.write(self.record.with_journal(journal))

    def stage(self, record: Record) -> None:
        """Hold this record back for the next write: a crash before it loses the change."""
        self.record = record

    async def load(self, resource: ResourceId) -> None:
        """Read the record. One that can't be read is as good as lost: state is derived again."""
        with translated("Blob storage (read)", needs=_RIGHTS, step="ledger"), _fenced():
            content = await (await self._blob.download_blob(lease=self._lease)).readall()
        try:
            self.record = Record.model_validate_json(content) if content.strip() else Record(resource=str(resource))
        except ValidationError as error:
            log.warning("record unreadable", extra={"resource": str(resource), "faults": error.error_count()})
            self.record = Record(resource=str(resource))

    async def write(self, record: Record) -> None:
        """Replace the record. Raises `LeaseLost` when the lease, or the blob, is no longer ours."""
        with translated("Blob storage (write)", needs=_RIGHTS, step="ledger"), _fenced():
            # Headers carry ASCII only, and every JSON text can be written in it.
            summary = json.dumps(InventoryEntry.of(record).model_dump(mode="json", by_alias=True, exclude_none=True))
            metadata = {} if record.removed else {_SUMMARY: summary}
            await self._blob.upload_blob(_json(record), overwrite=True, lease=self._lease, metadata=metadata)
        self.record = record

    async def prolong(self) -> None:
        """Make the lease outlast a whole call, if it does not. Raises `LeaseLost` when it is somebody else's."""
        if self.remaining_seconds - _MARGIN_SECONDS < self._call_seconds:
            await self.renew()

    async def renew(self) -> None:
        """Make the lease last its whole length again. Raises `LeaseLost` when it is somebody else's."""
        asked = time.monotonic()
        with translated("Blob storage (renew)", needs=_RIGHTS, step="ledger"), _fenced():
            await self._lease.renew()
        self._until = asked + self._seconds

    async def keep(self) -> None:
        """Renew for as long as the run lasts. A renewal that fails is left for the next write to find out."""
        while True:
            await asyncio.sleep(self._seconds / 3)
            with suppress(RotationError):
                await self.renew()


class BlobRecords:
    """The app's container of records and tickets. It is made when it is missing."""

    def __init__(
        self, container: ContainerClient, *, lease_seconds: int = LEASE_SECONDS, call_seconds: float = CALL_SECONDS
    ) -> None:
        self._container = container
        self._seconds = lease_seconds
        self._call_seconds = call_seconds

    @asynccontextmanager
    async def hold(self, resource: ResourceId) -> AsyncIterator[LeasedRecord]:
        """Take the resource's lease, keep it alive, and give it back. Raises `Busy` when somebody else has it."""
        blob = self._container.get_blob_client(_record_name(resource))
        lease = BlobLeaseClient(blob)
        asked = time.monotonic()
        with translated("Blob storage (lease)", needs=_RIGHTS, step="ledger"):
            await self._acquire_soon(lease, resource)
        held = LeasedRecord(blob, lease, seconds=self._seconds, call_seconds=self._call_seconds, since=asked)
        try:
            await held.load(resource)
            keeper = asyncio.create_task(held.keep())
            try:
                yield held
            finally:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
        finally:
            with suppress(AzureError, TimeoutError, OSError):  # it runs out by itself
                await lease.release()

    async def read(self, resource: ResourceId) -> Record | None:
        """The record as it is now, without taking the lease; None where there is none."""
        with translated("Blob storage (read)", needs=_RIGHTS, step="ledger"):
            content = await self._read(_record_name(resource))
        with suppress(ValidationError):
            return Record.model_validate_json(content) if content else None
        return None

    async def entries(self) -> AsyncIterator[InventoryEntry]:
        """Every resource that was ever worked on, at a glance: one listing, up to 5,000 a page."""
        with translated("Blob storage (list)", needs=_RIGHTS, step="ledger"):
            try:
                async for blob in self._container.list_blobs(name_starts_with="resources/", include=["metadata"]):
                    with suppress(ValidationError, KeyError):
                        yield InventoryEntry.model_validate_json(blob.metadata[_SUMMARY])
            except ResourceNotFoundError:
                return

    async def beat(self, heartbeat: Heartbeat) -> None:
        """Write down what a sweep came to."""
        with translated("Blob storage (heartbeat)", needs=_RIGHTS, step="sweep"):
            await self._upload(_HEARTBEAT, _json(heartbeat), overwrite=True)

    async def heartbeat(self) -> Heartbeat | None:
        """What the last sweep came to; None when there was none."""
        with translated("Blob storage (heartbeat)", needs=_RIGHTS, step="sweep"):
            content = await self._read(_HEARTBEAT)
        with suppress(ValidationError):
            return Heartbeat.model_validate_json(content) if content else None
        return None

    async def open_ticket(self, request: WorkItem) -> Operation:
        """Note that this was asked for; the same request again gives the ticket it already has."""
        name = _ticket_name(request.rotation_id)
        ticket = Operation(
            rotation_id=request.rotation_id, resource=request.resource, requested_at=request.requested_at
        )
        with translated("Blob storage (ticket)", needs=_RIGHTS, step="submit"):
            try:
                await self._upload(name, _json(ticket))
            except ResourceExistsError:
                return await self.ticket(request.rotation_id) or ticket
        return ticket

    async def close_ticket(self, resource: ResourceId, outcome: Outcome) -> None:
        """Write down how it ended."""
        ticket = Operation(
            rotation_id=outcome.rotation_id,
            resource=str(resource),
            requested_at=outcome.requested_at,
            outcome=outcome,
        )
        with translated("Blob storage (ticket)", needs=_RIGHTS, step="ledger"):
            await self._upload(_ticket_name(outcome.rotation_id), _json(ticket), overwrite=True)

    async def ticket(self, rotation_id: str) -> Operation | None:
        """What was asked under this id; None when nothing was."""
        with translated("Blob storage (ticket)", needs=_RIGHTS, step="ledger"):
            content = await self._read(_ticket_name(rotation_id))
        try:
            return Operation.model_validate_json(content) if content else None
        except ValidationError as error:  # as good as lost
            log.warning("ticket unreadable", extra={"rotation_id": rotation_id, "faults": error.error_count()})
            return None

    async def _acquire_soon(self, lease: BlobLeaseClient, resource: ResourceId) -> None:
        """Wait a moment for a run that is just ending: putting the request off would cost it ten seconds."""
        for _ in range(_LOOKS):
            with suppress(Busy):
                await self._acquire(lease, resource)
                return
            await asyncio.sleep(_LOOK_SECONDS)
        await self._acquire(lease, resource)

    async def _acquire(self, lease: BlobLeaseClient, resource: ResourceId) -> None:
        try:
            try:
                await lease.acquire(lease_duration=self._seconds)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    await self._upload(_record_name(resource), b"")
                await lease.acquire(lease_duration=self._seconds)
        except HttpResponseError as error:
            if error.status_code == _NOT_FOUND:  # made, and gone again at once
                raise Unavailable(f"the record of {resource.name} does not stay", step="ledger") from None
            if error.status_code != _CONFLICT:
                raise
            raise Busy(f"another run works on {resource.name}", step="ledger", retry_after=_BUSY_SECONDS) from error

    async def _upload(self, name: str, body: bytes, *, overwrite: bool = False) -> None:
        blob = self._container.get_blob_client(name)
        try:
            await blob.upload_blob(body, overwrite=overwrite)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                await self._container.create_container()
            await blob.upload_blob(body, overwrite=overwrite)

    async def _read(self, name: str) -> bytes:
        try:
            return await (await self._container.get_blob_client(name).download_blob()).readall()
        except ResourceNotFoundError:
            return b""


@contextmanager
def _fenced() -> Iterator[None]:
    """Read the storage's "that lease is not yours" as `LeaseLost`."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code not in {_NOT_FOUND, _CONFLICT, _PRECONDITION}:
            raise
        raise LeaseLost("the lease of this resource was lost: somebody else may work on it", step="ledger") from error


def _json(content: Wire) -> bytes:
    return content.model_dump_json(by_alias=True, exclude_defaults=True).encode()


def _record_name(resource: ResourceId) -> str:
    return f"resources/{resource.key}.json"


def _ticket_name(rotation_id: str) -> str:
    return f"rotations/{rotation_id}.json"
