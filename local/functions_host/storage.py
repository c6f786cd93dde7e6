"""Queues of the storage account an app setting names, by connection string or by identity."""

import os

from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.queue.aio import QueueServiceClient

from local.functions_host.host_json import ConfigurationError


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
    managed = os.environ.get(f"{connection}__credential", "").lower() == "managedidentity"
    client_id = os.environ.get(f"{connection}__clientId")
    credential = ManagedIdentityCredential(client_id=client_id) if managed else DefaultAzureCredential()
    return QueueServiceClient(
        url or f"https://{account}.queue.core.windows.net", credential=credential, transport=_transport()
    )


def _transport() -> AioHttpTransport:
    # No proxy stands before loopback: aiohttp would look for a netrc file, on another thread, before every request.
    return AioHttpTransport(use_env_settings=False)
