"""Queues and blobs of the storage account an app setting names, by connection string or by identity."""

import os
from typing import TYPE_CHECKING

from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.functions_host.host_json import ConfigurationError

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential


def queue_service(connection: str) -> QueueServiceClient:
    """The queue service behind `connection`, as the platform reads its settings.

    Either one setting with a connection string, or `<connection>__queueServiceUri` (or `__accountName`), optionally
    with `__credential=managedidentity` and `__clientId`. Raises `ConfigurationError` naming the missing setting.
    """
    if text := os.environ.get(connection):
        return QueueServiceClient.from_connection_string(text, transport=_transport())
    account = os.environ.get(f"{connection}__accountName")
    url = os.environ.get(f"{connection}__queueServiceUri")
    if not url and not account:
        raise ConfigurationError(f"the app setting {connection} (or {connection}__queueServiceUri) is not set")
    return QueueServiceClient(
        url or f"https://{account}.queue.core.windows.net", credential=_credential(connection), transport=_transport()
    )


def blob_service(connection: str) -> BlobServiceClient | None:
    """The blob service behind `connection`, named as `queue_service` reads it; None where it is not."""
    if text := os.environ.get(connection):
        return BlobServiceClient.from_connection_string(text, transport=_transport(), retry_total=1)
    account = os.environ.get(f"{connection}__accountName")
    url = os.environ.get(f"{connection}__blobServiceUri") or (account and f"https://{account}.blob.core.windows.net")
    if not url:
        return None
    return BlobServiceClient(url, credential=_credential(connection), transport=_transport(), retry_total=1)


def _credential(connection: str) -> "ManagedIdentityCredential | DefaultAzureCredential":
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415 - a tenth of a start

    managed = os.environ.get(f"{connection}__credential", "").lower() == "managedidentity"
    client_id = os.environ.get(f"{connection}__clientId")
    return ManagedIdentityCredential(client_id=client_id) if managed else DefaultAzureCredential()


def _transport() -> AioHttpTransport:
    # No proxy stands before loopback: aiohttp would look for a netrc file, on another thread, before every request.
    return AioHttpTransport(use_env_settings=False)
