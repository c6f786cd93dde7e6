"""The two worlds that every port is tried in: the services' ports in memory, and the real adapters on the emulators."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobLeaseClient
from azure.storage.queue import QueueClient

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.adapters.azure_services import NAME
from shared.domain.keys import AccessKey
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import Resource, ResourceId
from shared.rotation.ports import Services
from shared.settings import Settings
from tests.faults.memory import RESOURCE, Cloud, Worker
from tests.faults.memory_ports import services_of
from tests.integration.engine import Engine

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class World(Protocol):
    """A resource of the test's own, the ports to it, and what nobody asks a port for."""

    services: Services
    resource: ResourceId

    @property
    def policy(self) -> Policy:
        """How the resource is to be rotated, by its tags."""

    def tag(self, **tags: str) -> None:
        """Put these tags on it."""

    def slow_operations(self) -> None:
        """ARM's operations take seconds from now on."""

    def disable_secret(self) -> None:
        """An operator disables the newest version."""

    async def steal_lease(self) -> None:
        """Another worker has the lease of the record from now on."""

    def out_of_reach(self, key: AccessKey) -> AccessKey:
        """The same key, where SignalR's data plane does not answer."""

    def events(self) -> list[str]:
        """The ids of the events that the topic has received."""

    def messages(self) -> list[WorkItem]:
        """What is on the queue."""

    def closings(self) -> list[str]:
        """The hubs whose connections were closed, in order."""


@dataclass
class MemoryWorld:
    """The ports of `tests/faults`."""

    cloud: Cloud
    services: Services
    resource: ResourceId = RESOURCE

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["MemoryWorld"]:
        cloud = Cloud(now=lambda: datetime.now(UTC), watch=lambda *_: None)
        yield cls(cloud, services_of(Worker(cloud), effect_seconds=15))

    @property
    def policy(self) -> Policy:
        settings = Settings(
            AzureWebJobsStorage="UseDevelopmentStorage=true",
            SIGNALR_RESOURCE_IDS=str(RESOURCE),
            KEY_VAULT_URL="https://vault",
            EVENT_GRID_TOPIC_ENDPOINT="https://topic",
        )
        return settings.policy_defaults.policy_of(
            Resource(RESOURCE, "Succeeded", local_auth_disabled=False, tags=self.cloud.resource.tags)
        )

    def tag(self, **tags: str) -> None:
        self.cloud.resource.tags |= {name.replace("_", "-"): value for name, value in tags.items()}

    def slow_operations(self) -> None:
        """They do in memory, always."""

    def disable_secret(self) -> None:
        self.cloud.secrets[(self.policy.vault_url, self.policy.secret_name)].disabled = True

    async def steal_lease(self) -> None:
        self.cloud.leases[RESOURCE] = (object(), datetime.max.replace(tzinfo=UTC))

    def out_of_reach(self, key: AccessKey) -> AccessKey:
        self.cloud.probes = "closed"
        return key

    def events(self) -> list[str]:
        return [event.id for event in self.cloud.events]

    def messages(self) -> list[WorkItem]:
        return [message for message in self.cloud.queue if isinstance(message, WorkItem)]

    def closings(self) -> list[str]:
        return self.cloud.closings


@dataclass
class EmulatedWorld:
    """The app's own adapters, on the emulators and Azurite."""

    engine: Engine
    services: Services
    resource: ResourceId

    @classmethod
    @asynccontextmanager
    async def open(cls, azure: AzureEmulator, storage: Azurite) -> AsyncIterator["EmulatedWorld"]:
        async with Engine.on(azure, storage) as engine:
            with (
                contextlib.suppress(ResourceNotFoundError),
                QueueClient.from_connection_string(storage.connection_string, NAME) as queue,
            ):
                queue.clear_messages()
            yield cls(engine, engine.app.services, ResourceId.parse(engine.resource))

    @property
    def policy(self) -> Policy:
        known = Resource(self.resource, "Succeeded", local_auth_disabled=False, tags={})
        return self.engine.app.settings.policy_defaults.policy_of(known)

    def tag(self, **tags: str) -> None:
        self.engine.azure.update_signalr(
            self.engine.resource, tags={name.replace("_", "-"): value for name, value in tags.items()}
        )

    def slow_operations(self) -> None:
        self.engine.azure.configure(self.engine.resource, operation_seconds=(3, 3))

    def disable_secret(self) -> None:
        self.engine.azure.disable_secret_version(self.engine.secret)

    async def steal_lease(self) -> None:
        lease = BlobLeaseClient(self.engine.blobs.get_blob_client(NAME, self.engine.record_name))
        await lease.break_lease(lease_break_period=0)
        await lease.acquire(lease_duration=15)

    def out_of_reach(self, key: AccessKey) -> AccessKey:
        return replace(key, endpoint="https://127.0.0.1:1")

    def events(self) -> list[str]:
        return [event["id"] for event in self.engine.events]

    def messages(self) -> list[WorkItem]:
        with QueueClient.from_connection_string(self.engine.storage.connection_string, NAME) as queue:
            return [WorkItem.model_validate_json(str(message.content)) for message in queue.peek_messages(32)]

    def closings(self) -> list[str]:
        return [each["hub"] for each in self.engine.azure.closings(self.engine.resource)]


async def soon() -> None:
    """Let what was just begun begin."""
    await asyncio.sleep(0.3)


def item(world: World, **how: object) -> WorkItem:
    """A request for the world's resource, under an id of its own."""
    command = RotationCommand("http", world.resource, Mode.ROTATE, deduplication_key=str(uuid.uuid4()), **how)
    return command.for_resource(world.resource, NOW)


def outcome(of: WorkItem) -> Outcome:
    """That it succeeded."""
    return Outcome(rotation_id=of.rotation_id, result=Result.SUCCEEDED, trigger="http", requested_at=NOW, ended_at=NOW)
