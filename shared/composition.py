"""The one place that builds clients and wires the app. Everything is made once per worker process.

A port's adapter, and with it the service's SDK, is imported when the port is first asked for: a webhook that only takes
a request loads storage, not ARM, Key Vault and Event Grid.
"""

import logging
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from shared.dashboard.pages import Dashboard
from shared.observability import log_redaction
from shared.rotation.health import Health
from shared.rotation.incoming_events import IncomingEvents
from shared.rotation.inventory import Fleet, Inventory
from shared.rotation.leased_record import CALL_SECONDS, LEASE_SECONDS
from shared.rotation.ports import (
    EventPublisher,
    KeyProbe,
    OperationStore,
    RecordStore,
    SecretStore,
    Services,
    SignalRKeys,
    WorkQueue,
)
from shared.rotation.queue_messages import QueueMessages
from shared.rotation.submit import Rotations
from shared.rotation.worker import Worker
from shared.settings import Settings, load

if TYPE_CHECKING:
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
    from azure.keyvault.secrets.aio import SecretClient
    from azure.mgmt.signalr.aio import SignalRManagementClient
    from azure.storage.blob.aio import ContainerClient
    from azure.storage.queue.aio import QueueServiceClient

    from shared.adapters.arm_rate_limit import RateLimiter

SOONEST_POLL_SECONDS = 0.5
NAME = "signalr-rotation"  # of the container and of the queue
URGENT = f"{NAME}-urgent"  # of the queue for what no sweep may be in front of
_CONNECT_SECONDS = 10.0
_STORAGE_SUFFIX = {
    "AzureCloud": "core.windows.net",
    "AzureUSGovernment": "core.usgovcloudapi.net",
    "AzureChinaCloud": "core.chinacloudapi.cn",
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    """The app, ready to be called."""

    settings: Settings
    services: Services
    rotations: Rotations
    worker: Worker
    messages: QueueMessages
    inventory: Inventory
    incoming_events: IncomingEvents
    health: Health
    dashboard: Dashboard
    clients: AsyncExitStack

    async def close(self) -> None:
        """Close every connection. The platform ends the process instead; tests and tools call this."""
        await self.clients.aclose()


@cache
def app() -> App:
    """The app of this process. To be called inside its event loop. Raises `Misconfigured` until settings are right."""
    _watch()
    return build(load())


@cache
def _watch() -> None:
    """Redact what is logged; send telemetry where the platform names an Application Insights resource."""
    log_redaction.install()
    if os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        from azure.identity import ManagedIdentityCredential as BlockingCredential  # noqa: PLC0415 - only where needed

        from shared.observability import azure_monitor  # noqa: PLC0415 - brings all of OpenTelemetry with it

        azure_monitor.start(lambda client_id: BlockingCredential(client_id=client_id))


def build(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = _now,
    lease_seconds: int = LEASE_SECONDS,
    call_seconds: float = CALL_SECONDS,
    storage_backoff: int = 1,
) -> App:
    """Wire the app. No client is made, and nothing is connected, until it is needed.

    `call_seconds` is how long a service may take to answer one call: the SDKs' own 300 s would outlast any lease.
    `storage_backoff` [s] is how long a storage call waits before its first repetition.
    """
    # azure-core logs every request, URLs included, and poll URLs carry signatures.
    logging.getLogger("azure").setLevel(logging.WARNING)
    services = AzureServices(
        settings, clock, lease_seconds=lease_seconds, call_seconds=call_seconds, storage_backoff=storage_backoff
    )
    grace = timedelta(hours=settings.OVERDUE_GRACE_HOURS)
    fleet = Fleet(services, named=settings.resources, scopes=settings.scopes, defaults=settings.policy_defaults)
    inventory = Inventory(services, fleet)
    rotations = Rotations(services, fleet, grace=grace)
    worker = Worker(services, fleet)
    incoming_events = IncomingEvents(services, fleet, inventory, rotations, vaults=settings.vaults)
    return App(
        settings=settings,
        services=services,
        rotations=rotations,
        worker=worker,
        messages=QueueMessages(services, fleet, worker, incoming_events, installation=settings.installation),
        inventory=inventory,
        incoming_events=incoming_events,
        health=Health(services, inventory, rotations),
        dashboard=Dashboard(rotations, inventory, services, grace=grace),
        clients=services.clients,
    )


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
        from shared.adapters.signalr_probe import SignalRProbe  # noqa: PLC0415 - likewise

        return SignalRProbe(self._session)

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
        client = self._closing(EventGridPublisherClient(endpoint, self._credential, transport=self._transport))
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
    def operations(self) -> OperationStore:
        """Blob storage."""
        from shared.adapters.blob_operations import BlobOperations  # noqa: PLC0415 - likewise

        return BlobOperations(self._container, installation=self._settings.installation)

    @cached_property
    def queue(self) -> WorkQueue:
        """Queue storage."""
        from shared.adapters.storage_queue import StorageQueue  # noqa: PLC0415 - likewise

        normal, urgent = map(self._queues.get_queue_client, (NAME, URGENT))
        return StorageQueue(normal, urgent, installation=self._settings.installation)

    # -- clients

    @cached_property
    def _transport(self) -> "AioHttpTransport":
        """One pool of connections for all clients.

        With `use_env_settings` aiohttp looks for a netrc file, on another thread, before every single request: a
        quarter of the CPU that a rotation took (docs/performance.md). So it is on only where a proxy is set.
        """
        from shared.adapters.http_transport import sending_once  # noqa: PLC0415 - likewise

        return self._closing(
            sending_once(
                trust_env=bool(getproxies_environment()),
                connection_timeout=min(_CONNECT_SECONDS, self._call_seconds),
                read_timeout=self._call_seconds,
            )
        )

    @cached_property
    def _session(self) -> "aiohttp.ClientSession":
        import aiohttp  # noqa: PLC0415 - likewise

        return self._closing(aiohttp.ClientSession())

    @cached_property
    def _credential(self) -> "ManagedIdentityCredential | DefaultAzureCredential":
        """The app's identity; on a developer's machine, the account that is signed in there (`az login`)."""
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415 - likewise

        client_id = self._settings.AZURE_CLIENT_ID
        if "IDENTITY_ENDPOINT" in os.environ:
            return self._closing(ManagedIdentityCredential(client_id=client_id))
        return self._closing(DefaultAzureCredential(managed_identity_client_id=client_id))

    def _limiter(self, subscription: str) -> "RateLimiter":  # noqa: ARG002 - one for each
        from shared.adapters.arm_rate_limit import RateLimiter  # noqa: PLC0415 - likewise

        return RateLimiter(soonest_poll_seconds=min(SOONEST_POLL_SECONDS, self._settings.FIRST_POLL_SECONDS))

    def _arm_client(self, subscription: str, limiter: "RateLimiter") -> "SignalRManagementClient":
        from azure.mgmt.signalr.aio import SignalRManagementClient  # noqa: PLC0415 - likewise

        from shared.adapters.arm_rate_limit import ArmRetryPolicy, RateLimitPolicy  # noqa: PLC0415 - likewise
        from shared.adapters.arm_signalr import SameHost  # noqa: PLC0415 - likewise

        endpoint = self._settings.arm_endpoint
        client = SignalRManagementClient(
            self._credential,
            subscription,
            base_url=endpoint,
            credential_scopes=[self._settings.arm_scope],
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
        client = SecretClient(vault_url, self._credential, verify_challenge_resource=verify, transport=self._transport)
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
        options = {"retry_policy": retries, "transport": self._transport}
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
