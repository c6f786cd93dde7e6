"""Blob storage: one small blob for each rotation id that a caller may ask for, and one for each idempotency key.

The name and content of an idempotency blob are digests: what a caller chose to call its request is its own business.
"""

import hashlib
import logging
import uuid

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import ContainerClient
from pydantic import ValidationError

from shared.adapters.azure_errors import translated
from shared.adapters.blob_container import PERMISSION, as_json, download, upload
from shared.domain.errors import KeyReused
from shared.domain.operation import Operation
from shared.domain.record import Outcome
from shared.domain.requests import RotationCommand, WorkItem
from shared.domain.resources import ResourceId

log = logging.getLogger("rotation.ledger")

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:signalr-key-rotation:idempotency")


class BlobOperations:
    """`OperationStore` in the app's own container."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def open(self, item: WorkItem) -> Operation:
        """See `OperationStore.open`."""
        operation = Operation(rotation_id=item.rotation_id, resource=item.resource, requested_at=item.requested_at)
        with translated("Blob storage (ticket)", needs=PERMISSION, step="submit"):
            try:
                await upload(self._container, _name(item.rotation_id), as_json(operation))
            except ResourceExistsError:
                return await self.read(item.rotation_id) or operation
        return operation

    async def close(self, resource: ResourceId, outcome: Outcome) -> None:
        """See `OperationStore.close`."""
        operation = Operation(
            rotation_id=outcome.rotation_id,
            resource=str(resource),
            requested_at=outcome.requested_at,
            outcome=outcome,
        )
        with translated("Blob storage (ticket)", needs=PERMISSION, step="ledger"):
            await upload(self._container, _name(outcome.rotation_id), as_json(operation), overwrite=True)

    async def read(self, rotation_id: str) -> Operation | None:
        """See `OperationStore.read`."""
        with translated("Blob storage (ticket)", needs=PERMISSION, step="ledger"):
            content = await download(self._container, _name(rotation_id))
        try:
            return Operation.model_validate_json(content) if content else None
        except ValidationError as error:  # as good as lost
            log.warning("operation unreadable", extra={"rotation_id": rotation_id, "faults": error.error_count()})
            return None

    async def claim(self, idempotency_key: str, command: RotationCommand) -> None:
        """See `OperationStore.claim`."""
        content = hashlib.sha256(command.meaning.encode()).hexdigest().encode()
        name = f"idempotency/{uuid.uuid5(_NAMESPACE, idempotency_key)}"
        with translated("Blob storage (idempotency key)", needs=PERMISSION, step="submit"):
            try:
                await upload(self._container, name, content)
            except ResourceExistsError:
                if await download(self._container, name) != content:
                    raise KeyReused(
                        "this Idempotency-Key was used for a different request: use a new key for a new request"
                    ) from None


def _name(rotation_id: str) -> str:
    return f"rotations/{rotation_id}.json"
