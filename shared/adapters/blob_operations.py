"""Which request an idempotency key was first used for: one small blob for each key.

The blob's name and content are digests: what a caller chose to call its request is nobody else's business.
"""

import hashlib
import uuid
from contextlib import suppress

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from shared.adapters.azure_errors import translated
from shared.domain.errors import KeyReused
from shared.domain.requests import RotationCommand

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:signalr-key-rotation:idempotency")
_RIGHTS = "the role Storage Blob Data Owner on the app's own storage account"


class BlobOperations:
    """The keys that were used, in the app's own container."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def claim(self, key: str, wish: RotationCommand) -> None:
        """Take the key for this wish; the same wish may take it again. Raises `KeyReused` when another one has it."""
        content = hashlib.sha256(wish.meaning.encode()).hexdigest().encode()
        blob = self._container.get_blob_client(f"idempotency/{uuid.uuid5(_NAMESPACE, key)}")
        with translated("Blob storage (idempotency key)", needs=_RIGHTS, step="submit"):
            try:
                try:
                    await blob.upload_blob(content)
                except ResourceNotFoundError:
                    with suppress(ResourceExistsError):
                        await self._container.create_container()
                    await blob.upload_blob(content)
            except ResourceExistsError:
                first = await (await blob.download_blob()).readall()
                if first != content:
                    raise KeyReused(
                        "this Idempotency-Key was used for a different request: use a new key for a new request"
                    ) from None
