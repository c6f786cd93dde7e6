"""The one place that wires the app. Everything is made once per worker process."""

import logging
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from shared.adapters.azure_services import AzureServices
from shared.observability import log_redaction
from shared.rotation.health import Health
from shared.rotation.incoming_events import IncomingEvents
from shared.rotation.inventory import Fleet, Inventory
from shared.rotation.leased_record import CALL_SECONDS, LEASE_SECONDS
from shared.rotation.ports import Services
from shared.rotation.queue_messages import QueueMessages
from shared.rotation.rollout import Rollouts
from shared.rotation.submit import Rotations
from shared.rotation.worker import Worker
from shared.settings import Settings, load

if TYPE_CHECKING:
    from shared.dashboard.pages import Dashboard

log = logging.getLogger("rotation")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    """The app, ready to be called."""

    settings: Settings
    services: Services
    rotations: Rotations
    rollouts: Rollouts
    worker: Worker
    messages: QueueMessages
    inventory: Inventory
    incoming_events: IncomingEvents
    health: Health
    make_dashboard: Callable[[], "Dashboard"]
    clients: AsyncExitStack

    @property
    def dashboard(self) -> "Dashboard":
        """The pages; made, and their modules loaded, when one is first requested: workers of queues show none."""
        return self.make_dashboard()

    async def close(self) -> None:
        """Close every connection. The platform ends the process instead; tests and tools call this."""
        await self.clients.aclose()


@cache
def app() -> App:
    """The app of this process. To be called inside its event loop. Raises `Misconfigured` until settings are right."""
    log_redaction.install()
    _watch()  # before the settings: what is wrong with them is told too
    return build(load())


@cache
def _watch() -> None:
    """Send telemetry where the platform names an Application Insights resource. Each start takes threads: once.

    Nothing that goes wrong here is raised: telemetry costs no rotation.
    """
    if not os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        return
    try:
        from azure.identity import ManagedIdentityCredential as BlockingCredential  # noqa: PLC0415 - only where needed

        from shared.observability import azure_monitor  # noqa: PLC0415 - brings all of OpenTelemetry with it

        azure_monitor.start(lambda client_id: BlockingCredential(client_id=client_id))
    except Exception as error:  # noqa: BLE001 - whatever a telemetry library raises
        log.warning("telemetry not configured", extra={"kind": type(error).__name__})


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
    rotations = Rotations(services, fleet, grace=grace, waves=settings.waves)
    rollouts = Rollouts(services)
    worker = Worker(services, fleet)
    incoming_events = IncomingEvents(services, fleet, inventory, rotations, vaults=settings.vaults)

    @cache
    def dashboard() -> "Dashboard":
        from shared.dashboard.pages import Dashboard  # noqa: PLC0415 - see App.dashboard

        return Dashboard(rotations, inventory, services, rollouts, grace=grace, silent_after=settings.silent_after)

    return App(
        settings=settings,
        services=services,
        rotations=rotations,
        rollouts=rollouts,
        worker=worker,
        messages=QueueMessages(services, fleet, worker, incoming_events, rotations, installation=settings.installation),
        inventory=inventory,
        incoming_events=incoming_events,
        health=Health(services, fleet, inventory, silent_after=settings.silent_after),
        make_dashboard=dashboard,
        clients=services.clients,
    )
