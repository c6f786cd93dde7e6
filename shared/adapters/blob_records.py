"""Blob storage: one blob for each resource, which is at once its lock, the open journal, and the history.

The lock is the blob's lease (`Lease Blob`), and every write carries the lease id: a worker that lost the lease is
answered 412 and stops.
"""

import asyncio
import gc
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, ContainerClient
from pydantic import ValidationError

from shared.adapters.azure_errors import refusal, translated
from shared.adapters.blob_container import INSTALLATION, PERMISSION, Exists, as_json, download, list_metadata, upload
from shared.domain.errors import Busy, LeaseLost, RotationError, StorageImmutable, Terminal, Unavailable
from shared.domain.heartbeat import Finding, Heartbeat
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Record
from shared.domain.resources import ResourceId
from shared.rotation.leased_record import CALL_SECONDS, LEASE_SECONDS, LeasedRecord
from shared.rotation.ports import RecordPage

log = logging.getLogger("rotation.ledger")

_BUSY_SECONDS = 10.0
_LOOKS, _LOOK_SECONDS = 4, 0.3
_ENTRY, _HEARTBEAT, _HEARTBEATS = "summary", "heartbeat.json", "heartbeats/"
_MOST_LISTED = 1_000
_NOT_FOUND, _CONFLICT, _PRECONDITION = 404, 409, 412
_WRITABLE_SECONDS, _MOST_REFUSED = 600.0, 10
_IMMUTABLE = (
    "the app's container has an immutability policy or a legal hold, and the app must rewrite its records: nothing is "
    "rotated. Take it off the container"
)
_LOST = "the lease of this resource was lost: another run may work on it"

type _Refused = tuple[Terminal, datetime]


def written(record: Record, installation: str) -> tuple[str, bytes, dict[str, str]]:
    """The blob of a record: its name, its content, and its metadata, which are what lists show."""
    # Headers carry ASCII only, and every JSON text can be written in it.
    entry = json.dumps(InventoryEntry.of(record).model_dump(mode="json", by_alias=True, exclude_none=True))
    # What has left is in no list, and no sweep looks at it: not before the topic has its events.
    listed = not record.removed or record.outbox
    metadata = ({_ENTRY: entry} if listed else {}) | {INSTALLATION: installation}
    return _name(ResourceId.parse(record.resource)), as_json(record), metadata


class _BlobLease:
    """`Lease` of one blob, held since `since` (monotonic clock) for `seconds`."""

    def __init__(
        self,
        blob: BlobClient,
        lease: BlobLeaseClient,
        *,
        seconds: int,
        since: float,
        installation: str,
        refused: dict[str, _Refused],
    ) -> None:
        self._blob = blob
        self._refused = refused
        self._installation = installation
        self._lease = lease
        self._seconds = seconds
        self._until = since + seconds

    @property
    def remaining_seconds(self) -> float:
        return self._until - time.monotonic()

    async def renew(self) -> None:
        asked = time.monotonic()
        with translated("Blob storage (renew)", needs=PERMISSION, step="ledger"), _fenced():
            await self._lease.renew()
        self._until = asked + self._seconds

    async def write(self, record: Record) -> None:
        with (
            _remembered(self._refused, record.resource),
            translated("Blob storage (write)", needs=PERMISSION, step="ledger"),
            _fenced(),
        ):
            _, content, metadata = written(record, self._installation)
            await self._blob.upload_blob(content, overwrite=True, lease=self._lease, metadata=metadata)
        self._refused.pop(record.resource, None)

    async def load(self, resource: ResourceId) -> Record:
        """Read the record. One that can't be read is as good as lost: state is derived again."""
        with translated("Blob storage (read)", needs=PERMISSION, step="ledger"), _fenced():
            content = await (await self._blob.download_blob(lease=self._lease)).readall()
        try:
            return Record.read(content) if content.strip() else Record(resource=str(resource))
        except ValidationError as error:
            log.warning("record unreadable", extra={"resource": str(resource), "faults": error.error_count()})
            return Record(resource=str(resource))

    async def keep(self) -> None:
        """Renew for as long as the run lasts. Ends when the lease is lost, or ran out before it could be renewed."""
        while self.remaining_seconds > 0:
            await asyncio.sleep(self._seconds / 3)
            try:
                await self.renew()
            except LeaseLost:
                return
            except RotationError:
                log.warning("lease not renewed", extra={"remaining_seconds": round(self.remaining_seconds)})


class BlobRecords:
    """`RecordStore` in the app's own container."""

    def __init__(
        self,
        container: ContainerClient,
        *,
        installation: str = "",
        lease_seconds: int = LEASE_SECONDS,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._container = container
        self._installation = installation
        self._seconds = lease_seconds
        self._call_seconds = call_seconds
        self._refused: dict[str, _Refused] = {}  # by resource
        self._writable_until = 0.0

    @asynccontextmanager
    async def lease(self, resource: ResourceId) -> AsyncIterator[LeasedRecord]:
        """See `RecordStore.lease`."""
        blob = self._container.get_blob_client(_name(resource))
        client = BlobLeaseClient(blob)
        asked = time.monotonic()
        with (
            _remembered(self._refused, str(resource)),
            translated("Blob storage (lease)", needs=PERMISSION, step="ledger"),
        ):
            await self._acquire_soon(client, resource)
        lease = _BlobLease(
            blob,
            client,
            seconds=self._seconds,
            since=asked,
            installation=self._installation,
            refused=self._refused,
        )
        try:
            leased = LeasedRecord(lease, await lease.load(resource), call_seconds=self._call_seconds)
            async with _while_kept(lease):
                yield leased
        finally:
            with suppress(AzureError, TimeoutError, OSError):  # it runs out by itself
                await client.release()

    async def read(self, resource: ResourceId) -> Record | None:
        """See `RecordStore.read`."""
        with translated("Blob storage (read)", needs=PERMISSION, step="ledger"):
            content = await download(self._container, _name(resource))
        with suppress(ValidationError):
            return Record.read(content) if content else None
        return None

    async def entries(self) -> AsyncIterator[InventoryEntry]:
        """See `RecordStore.entries`: a thousand at a time: what is parsed of them is gone again soon."""
        marker: str | None = ""
        while marker is not None:
            page = await self.page(most=_MOST_LISTED, marker=marker)
            marker = page.marker
            for entry in page.entries:
                yield entry

    async def page(self, *, most: int, marker: str = "") -> RecordPage:
        """See `RecordStore.page`."""
        with translated("Blob storage (list)", needs=PERMISSION, step="ledger"):
            try:
                blobs, following = await list_metadata(self._container, "resources/", most=most, marker=marker)
            except ResourceNotFoundError:
                return RecordPage((), "", None)
        with _collected_later():
            entries = tuple(entry for _, metadata in blobs if (entry := self._entry(metadata)))
        last = blobs[-1][0].removeprefix("resources/").removesuffix("json") if blobs else ""
        return RecordPage(entries, last, following)

    def _entry(self, metadata: Mapping[str, str]) -> InventoryEntry | None:
        """What a record's metadata tell; None where the resource has left, or they can't be read."""
        try:
            entry = InventoryEntry.model_validate_json(metadata[_ENTRY])
        except (ValidationError, KeyError):
            return None
        foreign = metadata.get(INSTALLATION, self._installation) != self._installation
        return entry.model_copy(update={"foreign": True}) if foreign else entry

    async def write_heartbeat(self, heartbeat: Heartbeat) -> None:
        """See `RecordStore.write_heartbeat`."""
        with translated("Blob storage (heartbeat)", needs=PERMISSION, step="sweep"):
            await upload(self._container, self._heartbeat, as_json(heartbeat), overwrite=True)

    async def heartbeat(self) -> Heartbeat | None:
        """See `RecordStore.heartbeat`."""
        with translated("Blob storage (heartbeat)", needs=PERMISSION, step="sweep"):
            # Versions that named no installation wrote it under one name for all.
            content = await download(self._container, self._heartbeat) or await download(self._container, _HEARTBEAT)
        with suppress(ValidationError):
            return Heartbeat.model_validate_json(content) if content else None
        return None

    async def other_installations(self) -> Mapping[str, datetime]:
        """See `RecordStore.other_installations`."""
        with translated("Blob storage (list)", needs=PERMISSION, step="sweep"):
            try:
                listed = self._container.list_blobs(name_starts_with=_HEARTBEATS)
                swept = {blob.name: blob.last_modified async for blob in listed if blob.name != self._heartbeat}
            except ResourceNotFoundError:
                return {}
        return {name.removeprefix(_HEARTBEATS).removesuffix(".json"): at for name, at in swept.items()}

    async def unwritable(self) -> Sequence[Finding]:
        """See `RecordStore.unwritable`. A container that can be written is looked at again after ten minutes."""
        found = []
        if time.monotonic() >= self._writable_until:
            with translated("Blob storage (container)", needs=PERMISSION, step="ledger"):
                try:
                    container = await self._container.get_container_properties()
                    fixed = bool(container.has_immutability_policy or container.has_legal_hold)
                except ResourceNotFoundError:
                    fixed = False
            if fixed:
                found.append(Finding(resource="", code=StorageImmutable.code, message=_IMMUTABLE))
            else:
                self._writable_until = time.monotonic() + _WRITABLE_SECONDS
        for resource, (error, at) in list(self._refused.items())[:_MOST_REFUSED]:
            if await self._written_since(resource, at):
                self._refused.pop(resource, None)
            else:
                found.append(Finding(resource=resource, code=error.code, message=error.message))
        return found

    async def _written_since(self, resource: str, at: datetime) -> bool:
        """Whether a worker, this one or another, could write this record again."""
        blob = self._container.get_blob_client(_name(ResourceId.parse(resource)))
        with suppress(AzureError, RotationError):
            return bool((await blob.get_blob_properties()).last_modified > at)
        return False

    @property
    def _heartbeat(self) -> str:
        return f"{_HEARTBEATS}{self._installation}.json" if self._installation else _HEARTBEAT

    async def _acquire_soon(self, lease: BlobLeaseClient, resource: ResourceId) -> None:
        """Wait a moment for a run that is just ending: a retry would cost the request ten seconds."""
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
                with suppress(Exists):
                    await upload(self._container, _name(resource), b"")
                await lease.acquire(lease_duration=self._seconds)
        except HttpResponseError as error:
            if error.status_code == _NOT_FOUND:  # made, and gone again at once
                raise Unavailable(f"the record of {resource.name} does not stay", step="ledger") from None
            if error.status_code != _CONFLICT or refusal(error, "Blob storage").cause.terminal:
                raise
            raise Busy(f"another run works on {resource.name}", step="ledger", retry_after=_BUSY_SECONDS) from error


@contextmanager
def _remembered(refused: dict[str, _Refused], resource: str) -> Iterator[None]:
    """Remember that storage does not let this record be written: there is nowhere to store that."""
    try:
        yield
    except Terminal as error:
        refused[resource] = error, datetime.now(UTC)
        raise


@contextmanager
def _collected_later() -> Iterator[None]:
    """Let no garbage be collected meanwhile. What is made is all kept, and looking through it took half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@asynccontextmanager
async def _while_kept(lease: _BlobLease) -> AsyncIterator[None]:
    """Keep the lease meanwhile. Where it is lost, the run is cancelled where it stands, and `LeaseLost` is raised."""
    loop = asyncio.get_running_loop()
    keeper = asyncio.create_task(lease.keep())
    try:
        async with asyncio.timeout(None) as run:

            def lost(_: asyncio.Task[None]) -> None:
                run.reschedule(loop.time())

            keeper.add_done_callback(lost)
            try:
                yield
            finally:
                keeper.remove_done_callback(lost)
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
    except TimeoutError:
        if not run.expired():
            raise
        raise LeaseLost(_LOST, step="ledger") from None


@contextmanager
def _fenced() -> Iterator[None]:
    """Read the storage's "that lease is not yours" as `LeaseLost`."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code not in {_NOT_FOUND, _CONFLICT, _PRECONDITION}:
            raise
        if error.status_code == _CONFLICT and refusal(error, "Blob storage").cause.terminal:
            raise
        raise LeaseLost(_LOST, step="ledger") from error


def _name(resource: ResourceId) -> str:
    return f"resources/{resource.key}.json"
