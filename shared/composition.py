"""The one place that builds clients. Everything is made once per worker process, at the first invocation.

Tokens, connections and caches then serve every later invocation.
"""

import logging
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport
from azure.eventgrid.aio import EventGridPublisherClient
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.signalr.aio import SignalRManagementClient
from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry
from azure.storage.queue.aio import QueueServiceClient

from shared.adapters.arm_rate_limit import SOONEST_POLL_SECONDS, ArmRetryPolicy, RateLimiter, RateLimitPolicy
from shared.adapters.arm_signalr import ArmSignalR, SameHost
from shared.adapters.blob_operations import BlobOperations
from shared.adapters.blob_records import CALL_SECONDS, LEASE_SECONDS, BlobRecords
from shared.adapters.event_grid import EventGridTopic
from shared.adapters.http_transport import sending_once
from shared.adapters.key_vault import KeyVaultSecrets
from shared.adapters.signalr_probe import SignalRProbe
from shared.adapters.storage_queue import StorageQueue
from shared.dashboard.pages import Dashboard
from shared.observability import log_redaction
from shared.rotation.health import Health
from shared.rotation.incoming_events import IncomingEvents
from shared.rotation.inventory import Fleet
from shared.rotation.ports import Services
from shared.rotation.preflight import Preflight
from shared.rotation.roster import Inventory
from shared.rotation.submit import Rotator
from shared.settings import Settings, load

_CONNECT_SECONDS = 10.0
NAME = "signalr-rotation"  # of the container and of the queue
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
    rotator: Rotator
    roster: Inventory
    notices: IncomingEvents
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
    """Make every client that the settings ask for. Nothing is connected yet.

    `call_seconds` is how long a service may take to answer one call: the SDKs' own 300 s would outlast any lease.
    `storage_backoff` [s] is how long a storage call waits before its first repetition.
    """
    # azure-core logs every request, URLs included, and poll URLs carry signatures.
    logging.getLogger("azure").setLevel(logging.WARNING)
    clients = AsyncExitStack()
    transport = _closing(clients, _transport(call_seconds))
    credential = _closing(clients, _credential(settings))
    pace_for = _paces(settings)
    signalr = ArmSignalR(
        _signalr_clients(settings, credential, clients, pace_for, transport),
        pace_for,
        operation_timeout_seconds=settings.OPERATION_TIMEOUT_SECONDS,
        first_poll_seconds=settings.FIRST_POLL_SECONDS,
    )
    session = _closing(clients, aiohttp.ClientSession())
    publisher = EventGridPublisherClient(settings.EVENT_GRID_TOPIC_ENDPOINT, credential, transport=transport)
    topic = _closing(clients, publisher)
    services = Services(
        signalr=signalr,
        data_plane=SignalRProbe(session),
        vaults=KeyVaultSecrets(_vault_clients(credential, clients, transport)),
        topic=EventGridTopic(topic, prefix=settings.EVENT_TYPE_PREFIX, answer_within=call_seconds),
        clock=clock,
        effect_seconds=settings.KEY_EFFECT_TIMEOUT_SECONDS,
    )
    blobs, queues = _storage(settings, credential, retry_policy=_retries(storage_backoff), transport=transport)
    container = _closing(clients, blobs).get_container_client(NAME)
    queue = _closing(clients, queues).get_queue_client(NAME)
    fleet = Fleet(settings, signalr)
    ledger = BlobRecords(container, lease_seconds=lease_seconds, call_seconds=call_seconds)
    work = StorageQueue(queue)
    roster = Inventory(fleet, ledger)
    rotator = Rotator(
        fleet=fleet,
        ledger=ledger,
        queue=work,
        keys=BlobOperations(container),
        services=services,
        preflight=Preflight(
            fleet=fleet,
            ledger=ledger,
            services=services,
            session=session,
            topic_endpoint=settings.EVENT_GRID_TOPIC_ENDPOINT,
        ),
        grace=timedelta(hours=settings.OVERDUE_GRACE_HOURS),
    )
    notices = IncomingEvents(
        settings=settings, fleet=fleet, roster=roster, queue=work, rotator=rotator, services=services
    )
    dashboard = Dashboard(rotator, roster, ledger, clock, grace=timedelta(hours=settings.OVERDUE_GRACE_HOURS))
    return App(settings, rotator, roster, notices, Health(roster, rotator), dashboard, clients)


def _transport(call_seconds: float) -> AioHttpTransport:
    """One pool of connections for all clients.

    With `use_env_settings` aiohttp looks for a netrc file, on another thread, before every single request: a quarter of
    the CPU that a rotation took (docs/performance.md). So it is on only where a proxy is set.
    """
    return sending_once(
        trust_env=bool(getproxies_environment()),
        connection_timeout=min(_CONNECT_SECONDS, call_seconds),
        read_timeout=call_seconds,
    )


class _Closable(Protocol):
    async def close(self) -> None: ...


def _closing[Client: _Closable](clients: AsyncExitStack, client: Client) -> Client:
    clients.push_async_callback(client.close)
    return client


def _credential(settings: Settings) -> ManagedIdentityCredential | DefaultAzureCredential:
    """The app's identity; on a developer's machine, whoever is signed in there (`az login`)."""
    if "IDENTITY_ENDPOINT" in os.environ:
        return ManagedIdentityCredential(client_id=settings.AZURE_CLIENT_ID)
    return DefaultAzureCredential(managed_identity_client_id=settings.AZURE_CLIENT_ID)


def _paces(settings: Settings) -> Callable[[str], RateLimiter]:
    soonest = min(SOONEST_POLL_SECONDS, settings.FIRST_POLL_SECONDS)

    @cache
    def pace_for(subscription: str) -> RateLimiter:  # noqa: ARG001 - one for each
        return RateLimiter(soonest_poll_seconds=soonest)

    return pace_for


def _signalr_clients(
    settings: Settings,
    credential: AsyncTokenCredential,
    clients: AsyncExitStack,
    pace_for: Callable[[str], RateLimiter],
    transport: AioHttpTransport,
) -> Callable[[str], SignalRManagementClient]:
    @cache
    def client_for(subscription: str) -> SignalRManagementClient:
        client = SignalRManagementClient(
            credential,
            subscription,
            base_url=settings.arm_endpoint,
            credential_scopes=[settings.arm_scope],
            per_call_policies=[SameHost(settings.arm_endpoint)],
            per_retry_policies=[RateLimitPolicy(pace_for(subscription))],
            retry_policy=ArmRetryPolicy(),
            transport=transport,
        )
        return _closing(clients, client)

    return client_for


def _vault_clients(
    credential: AsyncTokenCredential, clients: AsyncExitStack, transport: AioHttpTransport
) -> Callable[[str], SecretClient]:
    @cache
    def client_for(vault_url: str) -> SecretClient:
        # The SDK checks that the challenge names the vault's own domain. On loopback there is none.
        verify = urlsplit(vault_url).hostname not in _LOOPBACK
        client = SecretClient(vault_url, credential, verify_challenge_resource=verify, transport=transport)
        return _closing(clients, client)

    return client_for


def _storage(
    settings: Settings,
    credential: AsyncTokenCredential,
    **client: Any,  # noqa: ANN401 - the SDK's own keywords
) -> tuple[BlobServiceClient, QueueServiceClient]:
    """The app's own storage account: by connection string for local work, else by identity."""
    if settings.AzureWebJobsStorage:
        return (
            BlobServiceClient.from_connection_string(settings.AzureWebJobsStorage, **client),
            QueueServiceClient.from_connection_string(settings.AzureWebJobsStorage, **client),
        )
    account, suffix = settings.AzureWebJobsStorage__accountName, _STORAGE_SUFFIX[settings.AZURE_CLOUD]
    blob_url = settings.AzureWebJobsStorage__blobServiceUri or f"https://{account}.blob.{suffix}"
    queue_url = settings.AzureWebJobsStorage__queueServiceUri or f"https://{account}.queue.{suffix}"
    return (
        BlobServiceClient(blob_url, credential, **client),
        QueueServiceClient(queue_url, credential, **client),
    )


def _retries(backoff: int) -> ExponentialRetry:
    # The default waits 15 s before the first repetition: a quarter of a lease.
    return ExponentialRetry(
        initial_backoff=backoff, increment_base=2 * backoff, retry_total=3, random_jitter_range=backoff
    )
