"""The app's own container: small JSON blobs by name. It is made when it is missing."""

from contextlib import suppress

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from shared.domain.wire import Wire

PERMISSION = "the role Storage Blob Data Owner on the app's own storage account"
INSTALLATION = "installation"  # metadata: which installation wrote the blob


async def upload(
    container: ContainerClient,
    name: str,
    content: bytes,
    *,
    overwrite: bool = False,
    metadata: dict[str, str] | None = None,
) -> None:
    """Write a blob. Raises `ResourceExistsError` where it exists and is not to be overwritten, and other SDK errors."""
    blob = container.get_blob_client(name)
    try:
        await blob.upload_blob(content, overwrite=overwrite, metadata=metadata)
    except ResourceNotFoundError:
        with suppress(ResourceExistsError):
            await container.create_container()
        await blob.upload_blob(content, overwrite=overwrite, metadata=metadata)


async def download(container: ContainerClient, name: str) -> bytes:
    """The content of a blob; empty where there is none. Raises the SDK's other errors."""
    try:
        return await (await container.get_blob_client(name).download_blob()).readall()
    except ResourceNotFoundError:
        return b""


def as_json(content: Wire) -> bytes:
    """What is stored of a value: what differs from its defaults."""
    return content.model_dump_json(by_alias=True, exclude_defaults=True).encode()
