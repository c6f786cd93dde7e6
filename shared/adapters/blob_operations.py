"""Blob storage: one small blob for each rotation id that a caller may read, and one for each idempotency key.

An operation is changed by its ETag (`If-Match`), so that no writer overwrites what it has not read. An accepted one has
an empty blob beside it under `open/` until it has ended: to find those that never started is one listing. The name and
content of an idempotency blob are digests: what a caller chose to call its request is its own business.
"""

import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient
from pydantic import ValidationError

from shared.adapters.azure_errors import translated
from shared.adapters.blob_container import INSTALLATION, PERMISSION, Exists, as_json, download, load, replace, upload
from shared.domain.errors import KeyReused, Unavailable
from shared.domain.operation import Operation
from shared.domain.record import Outcome
from shared.domain.requests import RotationCommand, WorkItem
from shared.domain.resources import ResourceId

log = logging.getLogger("rotation.ledger")

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:signalr-key-rotation:idempotency")
_OPEN = "open/"
_TRIES = 5


class BlobOperations:
    """`OperationStore` in the app's own container."""

    def __init__(self, container: ContainerClient, *, installation: str = "") -> None:
        self._container = container
        self._installation = installation

    async def open(self, item: WorkItem) -> Operation:
        """See `OperationStore.open`."""
        operation = Operation.of(item).model_copy(update={"installation": self._installation})
        with translated("Blob storage (ticket)", needs=PERMISSION, step="submit"):
            try:
                await upload(self._container, _name(item.rotation_id), as_json(operation))
            except Exists:
                return await self.read(item.rotation_id) or operation
        return operation

    async def accepted(self, operation: Operation) -> None:
        """See `OperationStore.accepted`."""
        name = f"{_OPEN}{operation.rotation_id}"
        with translated("Blob storage (ticket)", needs=PERMISSION, step="submit"), suppress(Exists):
            await upload(self._container, name, b"", metadata={INSTALLATION: self._installation})

    async def close(self, resource: ResourceId, outcome: Outcome, *, opened: bool = True) -> Operation:
        """See `OperationStore.close`."""
        unknown = Operation(
            rotation_id=outcome.rotation_id,
            resource=str(resource),
            requested_at=outcome.requested_at,
            installation=self._installation,
        )
        if not opened:
            ended = unknown.ended(outcome)
            with translated("Blob storage (ticket)", needs=PERMISSION, step="ledger"), suppress(Exists):
                await upload(self._container, _name(outcome.rotation_id), as_json(ended))
                return ended
        stored = await self._changed(outcome.rotation_id, lambda known: (known or unknown).ended(outcome)) or unknown
        if stored.item:
            await self._no_longer_open(outcome.rotation_id)
        return stored

    async def revise(self, rotation_id: str, change: Callable[[Operation], Operation]) -> Operation | None:
        """See `OperationStore.revise`."""
        return await self._changed(rotation_id, lambda known: change(known) if known else None)

    async def read(self, rotation_id: str) -> Operation | None:
        """See `OperationStore.read`."""
        with translated("Blob storage (ticket)", needs=PERMISSION, step="ledger"):
            content = await download(self._container, _name(rotation_id))
        return _parsed(content, rotation_id)

    async def unfinished(self, *, before: datetime) -> AsyncIterator[Operation]:
        """See `OperationStore.unfinished`."""
        with translated("Blob storage (list)", needs=PERMISSION, step="sweep"):
            try:
                listed = self._container.list_blobs(name_starts_with=_OPEN, include=["metadata"])
                names = [
                    blob.name.removeprefix(_OPEN)
                    async for blob in listed
                    if blob.creation_time < before
                    and (blob.metadata or {}).get(INSTALLATION, self._installation) == self._installation
                ]
            except ResourceNotFoundError:
                return
        for rotation_id in names:
            operation = await self.read(rotation_id)
            if operation is None or operation.final:
                await self._no_longer_open(rotation_id)
            else:
                yield operation

    async def claim(self, idempotency_key: str, command: RotationCommand) -> None:
        """See `OperationStore.claim`."""
        content = hashlib.sha256(command.meaning.encode()).hexdigest().encode()
        name = f"idempotency/{uuid.uuid5(_NAMESPACE, idempotency_key)}"
        with translated("Blob storage (idempotency key)", needs=PERMISSION, step="submit"):
            try:
                await upload(self._container, name, content)
            except Exists:
                if await download(self._container, name) != content:
                    raise KeyReused(
                        "this Idempotency-Key was used for a different request: use a new key for a new request"
                    ) from None

    async def _changed(
        self, rotation_id: str, change: Callable[[Operation | None], Operation | None]
    ) -> Operation | None:
        """Store what `change` makes of it, unless it has ended; what is stored then. A writer in between is read."""
        for _ in range(_TRIES):
            with translated("Blob storage (ticket)", needs=PERMISSION, step="ledger"):
                content, etag = await load(self._container, _name(rotation_id))
                known = _parsed(content, rotation_id)
                if known and known.final:
                    return known
                changed = change(known)
                if changed is None or changed == known:
                    return known
                with suppress(Exists):
                    await replace(self._container, _name(rotation_id), as_json(changed), etag)
                    return changed
        raise Unavailable(f"the operation {rotation_id} is changed by others all the time", step="ledger")

    async def _no_longer_open(self, rotation_id: str) -> None:
        with (
            translated("Blob storage (ticket)", needs=PERMISSION, step="ledger"),
            suppress(ResourceNotFoundError),
        ):
            await self._container.delete_blob(f"{_OPEN}{rotation_id}")


def _parsed(content: bytes, rotation_id: str) -> Operation | None:
    try:
        return Operation.model_validate_json(content) if content else None
    except ValidationError as error:  # as good as lost
        log.warning("operation unreadable", extra={"rotation_id": rotation_id, "faults": error.error_count()})
        return None


def _name(rotation_id: str) -> str:
    return f"rotations/{rotation_id}.json"
