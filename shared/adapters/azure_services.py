"""Azure's SDK clients and the adapters over them: what the composition gives the engine as its ports.

A port's adapter, and with it the service's SDK, is imported when the port is first asked for: a webhook that only takes
a request loads storage, not ARM, Key Vault and Event Grid.
"""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from shared.observability import log_redaction
from shared.rotation.ports import (
    EventPublisher,
    HubConnections,
    KeyProbe,
    OperationStore,
    RecordStore,
    RolloutStore,
    SecretStore,
    SignalRKeys,
    SweptFleetStore,
    WorkQueue,
)
from shared.settings import Settings

if TYPE_CHECKING:
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.keyvault.secrets.aio import SecretClient
    from azure.mgmt.signalr.aio import SignalRManagementClient
    from azure.storage.blob.aio import ContainerClient
    from azure.storage.queue.aio import QueueServiceClient

    from shared.adapters.app_identity import AppIdentity
    from shared.adapters.arm_rate_limit import RateLimiter
    from shared.adapters.worker_clock import WorkerClock

SOONEST_POLL_SECONDS = 0.5
NAME = "signalr-rotation"  # of the container and of the queue
URGENT = f"{NAME}-urgent"  # of the queue for what no sweep may be in front of
_CONNECT_SECONDS = _TOKEN_SECONDS = 10.0
_STORAGE_SUFFIX = {
    "AzureCloud": "core.windows.net",
    "AzureUSGovernment": "core.usgovcloudapi.net",
    "AzureChinaCloud": "core.chinacloudapi.cn",
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class _Closable(Protocol):
    async def close(self) -> None: ...


class AzureServices:
    """`Services`: the adapters over Azure's SDKs, each made when it is first asked for. `clients` closes them all."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime],
        *,
        lease_seconds: int,
        call_seconds: float,
        storage_backoff: int,
    ) -> None:
        self.clients = AsyncExitStack()
        self.clock = clock
        self.effect_seconds = settings.KEY_EFFECT_TIMEOUT_SECONDS
        self._settings = settings
        self._lease_seconds = lease_seconds
        self._call_seconds = call_seconds
        self._storage_backoff = storage_backoff

    @cached_property
    def signalr(self) -> SignalRKeys:
        """ARM."""
        from shared.adapters.arm_signalr import ArmSignalR  # noqa: PLC0415 - see the module's docstring

        limiter_for = cache(self._limiter)
        return ArmSignalR(
            cache(lambda subscription: self._arm_client(subscription, limiter_for(subscription))),
            limiter_for,
            key_read=log_redaction.remember,
            operation_timeout_seconds=self._settings.OPERATION_TIMEOUT_SECONDS,
            first_poll_seconds=self._settings.FIRST_POLL_SECONDS,
        )

    @cached_property
    def probe(self) -> KeyProbe:
        """SignalR's data plane."""
        from shared.adapters.http_transport import plain_session  # noqa: PLC0415 - likewise
        from shared.adapters.signalr_probe import SignalRProbe  # noqa: PLC0415 - likewise

        # A connection that stays open may lead to a server that knows the old keys.
        return SignalRProbe(self._closing(plain_session(keep_open=False)), self._clock)

    @cached_property
    def connections(self) -> HubConnections:
        """SignalR's data plane."""
        from shared.adapters.signalr_hubs import SignalRHubs  # noqa: PLC0415 - likewise

        return SignalRHubs(self._session)

    @cached_property
    def secrets(self) -> SecretStore:
        """Key Vault."""
        from shared.adapters.key_vault import KeyVaultSecrets  # noqa: PLC0415 - likewise

        return KeyVaultSecrets(cache(self._vault_client))

    @cached_property
    def events(self) -> EventPublisher:
        """Event Grid."""
        from azure.eventgrid.aio import EventGridPublisherClient  # noqa: PLC0415 - likewise

        from shared.adapters.event_grid import EventGridTopic  # noqa: PLC0415 - likewise

        endpoint = self._settings.EVENT_GRID_TOPIC_ENDPOINT
        client = self._closing(EventGridPublisherClient(endpoint, self._credential, **self._bounded))
        return EventGridTopic(
            client,
            lambda: self._session,
            endpoint=endpoint,
            prefix=self._settings.EVENT_TYPE_PREFIX,
            call_seconds=self._call_seconds,
        )

    @cached_property
    def records(self) -> RecordStore:
        """Blob storage."""
        from shared.adapters.blob_records import BlobRecords  # noqa: PLC0415 - likewise

        return BlobRecords(
            self._container,
            installation=self._settings.installation,
            lease_seconds=self._lease_seconds,
            call_seconds=self._call_seconds,
        )

    @cached_property
    def swept(self) -> SweptFleetStore:
        """Blob storage."""
        from shared.adapters.blob_swept_fleet import BlobSweptFleet  # noqa: PLC0415 - likewise

        return BlobSweptFleet(self._container, self.clock, installation=self._settings.installation)

    @cached_property
    def operations(self) -> OperationStore:
        """Blob storage."""
        from shared.adapters.blob_operations import BlobOperations  # noqa: PLC0415 - likewise

        return BlobOperations(self._container, installation=self._settings.installation)

    @cached_property
    def rollouts(self) -> RolloutStore:
        """Blob storage."""
        from shared.adapters.blob_rollout import BlobRollouts  # noqa: PLC0415 - likewise

        return BlobRollouts(self._container, self.clock, installation=self._settings.installation)

    @cached_property
    def queue(self) -> WorkQueue:
        """Queue storage."""
        from shared.adapters.storage_queue import StorageQueue  # noqa: PLC0415 - likewise

        normal, urgent = map(self._queues.get_queue_client, (NAME, URGENT))
        poison = [self._queues.get_queue_client(f"{name}-poison") for name in (NAME, URGENT)]
        return StorageQueue(normal, urgent, poison=poison, installation=self._settings.installation)

    # -- clients

    @cached_property
    def _transport(self) -> "AioHttpTransport":
        """One pool of connections for all clients but those of blobs."""
        return self._new_transport()

    @cached_property
    def _leases(self) -> "AioHttpTransport":
        """Blob storage's own pool: a lease must be renewed in time, however long ARM and Key Vault take to answer."""
        return self._new_transport()

    @cached_property
    def _clock(self) -> "WorkerClock":
        """The worker's clock, by the answers of all services but SignalR."""
        from shared.adapters.worker_clock import WorkerClock  # noqa: PLC0415 - likewise

        return WorkerClock()

    def _new_transport(self) -> "AioHttpTransport":
        from shared.adapters.http_transport import proxy_is_set, sending_once  # noqa: PLC0415 - likewise

        timeouts = {"connection_timeout": min(_CONNECT_SECONDS, self._call_seconds), "read_timeout": self._call_seconds}
        return self._closing(sending_once(self._clock.compared, trust_env=proxy_is_set(), **timeouts))

    @cached_property
    def _session(self) -> "aiohttp.ClientSession":
        from shared.adapters.http_transport import plain_session  # noqa: PLC0415 - likewise

        return self._closing(plain_session(self._clock.compared))

    @property
    def _bounded(self) -> dict[str, Any]:
        """The options of a client that waits for no long Retry-After."""
        from shared.adapters.http_transport import BoundedRetryPolicy  # noqa: PLC0415 - likewise

        return {"transport": self._transport, "retry_policy": BoundedRetryPolicy()}

    @cached_property
    def _credential(self) -> "AppIdentity":
        """The app's identity; on a developer's machine, the account that is signed in there (`az login`)."""
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415 - likewise

        from shared.adapters.app_identity import AppIdentity  # noqa: PLC0415 - likewise
        from shared.adapters.http_transport import BoundedRetryPolicy  # noqa: PLC0415 - likewise

        client_id = self._settings.AZURE_CLIENT_ID
        if "IDENTITY_ENDPOINT" in os.environ:
            managed = ManagedIdentityCredential(client_id=client_id, retry_policy_class=BoundedRetryPolicy)
            return self._closing(AppIdentity(managed, seconds=min(_TOKEN_SECONDS, self._call_seconds)))
        developer = DefaultAzureCredential(managed_identity_client_id=client_id)
        return self._closing(AppIdentity(developer, seconds=self._call_seconds))

    def _limiter(self, subscription: str) -> "RateLimiter":  # noqa: ARG002 - one for each
        from shared.adapters.arm_rate_limit import RateLimiter  # noqa: PLC0415 - likewise

        return RateLimiter(soonest_poll_seconds=min(SOONEST_POLL_SECONDS, self._settings.FIRST_POLL_SECONDS))

    def _arm_client(self, subscription: str, limiter: "RateLimiter") -> "SignalRManagementClient":
        from azure.mgmt.signalr.aio import SignalRManagementClient  # noqa: PLC0415 - likewise

        from shared.adapters.app_identity import NewTokenPolicy  # noqa: PLC0415 - likewise
        from shared.adapters.arm_rate_limit import ArmRetryPolicy, RateLimitPolicy  # noqa: PLC0415 - likewise
        from shared.adapters.arm_signalr import SameHost  # noqa: PLC0415 - likewise

        endpoint = self._settings.arm_endpoint
        client = SignalRManagementClient(
            self._credential,
            subscription,
            base_url=endpoint,
            credential_scopes=[self._settings.arm_scope],
            authentication_policy=NewTokenPolicy(self._credential, self._settings.arm_scope),
            per_call_policies=[SameHost(endpoint)],
            per_retry_policies=[RateLimitPolicy(limiter)],
            retry_policy=ArmRetryPolicy(),
            transport=self._transport,
        )
        return self._closing(client)

    def _vault_client(self, vault_url: str) -> "SecretClient":
        from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415 - likewise

        # The SDK checks that the challenge names the vault's own domain. On loopback there is none.
        verify = urlsplit(vault_url).hostname not in _LOOPBACK
        client = SecretClient(vault_url, self._credential, verify_challenge_resource=verify, **self._bounded)
        return self._closing(client)

    @cached_property
    def _container(self) -> "ContainerClient":
        from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415 - likewise

        blobs: BlobServiceClient = self._closing(self._storage(BlobServiceClient, "blob"))
        return blobs.get_container_client(NAME)

    @cached_property
    def _queues(self) -> "QueueServiceClient":
        from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415 - likewise

        queues: QueueServiceClient = self._closing(self._storage(QueueServiceClient, "queue"))
        return queues

    def _storage(self, client: Any, service: str) -> Any:  # noqa: ANN401 - two SDKs' clients, made alike
        """A client of the app's own storage account: by connection string for local work, else by identity."""
        from azure.storage.blob.aio import ExponentialRetry  # noqa: PLC0415 - likewise

        # The default waits 15 s before the first repetition: a quarter of a lease.
        backoff = self._storage_backoff
        retries = ExponentialRetry(
            initial_backoff=backoff, increment_base=2 * backoff, retry_total=3, random_jitter_range=backoff
        )
        options = {"retry_policy": retries, "transport": self._leases if service == "blob" else self._transport}
        settings = self._settings
        if settings.AzureWebJobsStorage:
            return client.from_connection_string(settings.AzureWebJobsStorage, **options)
        account, suffix = settings.AzureWebJobsStorage__accountName, _STORAGE_SUFFIX[settings.AZURE_CLOUD]
        named = {
            "blob": settings.AzureWebJobsStorage__blobServiceUri,
            "queue": settings.AzureWebJobsStorage__queueServiceUri,
        }
        return client(named[service] or f"https://{account}.{service}.{suffix}", self._credential, **options)

    def _closing[Client: _Closable](self, client: Client) -> Client:
        self.clients.push_async_callback(client.close)
        return client
