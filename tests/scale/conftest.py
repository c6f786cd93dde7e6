"""A site of its own for each test: the engine in this process, real services on the wire, nobody else's resources."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared import composition
from shared.domain.record import Outcome
from shared.domain.requests import RotationCommand, WorkItem
from shared.settings import Settings

_numbers = count(1)
WRITES = {"SignalR.listKeys", "SignalR.regenerateKey"}


class Site:
    """Some resources of one or more subscriptions, and apps that rotate them."""

    def __init__(self, azure: AzureEmulator, storage: Azurite, clients: AsyncExitStack) -> None:
        self.azure = azure
        self.storage = storage
        self.subscription = str(uuid.uuid4())
        self.ahead = timedelta()
        self._clients = clients

    def app(self, **settings: Any) -> composition.App:
        """The app under these settings; by default it manages what is tagged in the site's subscription."""
        known = {name: value for name, value in self.azure.env.items() if name in Settings.model_fields}
        values = {
            "AzureWebJobsStorage": self.storage.connection_string,
            "SIGNALR_SUBSCRIPTION_IDS": self.subscription,
            "FIRST_POLL_SECONDS": 0.1,
            "KEY_EFFECT_TIMEOUT_SECONDS": 2,
            **known,
            **settings,
        }
        app = composition.build(Settings(**values), clock=lambda: datetime.now(UTC) + self.ahead)
        self._clients.push_async_callback(app.close)
        return app

    def resource(self, tags: Mapping[str, str] | None = None, *, subscription: str = "", name: str = "") -> str:
        """A resource that opted in: its ARM id."""
        return self.azure.create_signalr(
            name or f"scale{next(_numbers)}",
            subscription=subscription or self.subscription,
            tags={"key-rotation": "enabled"} | dict(tags or {}),
        )

    async def swept(self, app: composition.App) -> dict[str, Outcome | None]:
        """Sweep, and do what was queued: the outcomes by resource. Two sweeps in one minute would be one."""
        self.ahead += timedelta(minutes=1)
        return await self.done(app, await app.rotations.sweep())

    async def done(self, app: composition.App, requests: list[WorkItem]) -> dict[str, Outcome | None]:
        """Do these, one after the other."""
        return {request.resource: await app.worker.work(request) for request in requests}

    async def asked(self, app: composition.App, wish: RotationCommand) -> Outcome | None:
        """Ask for one resource, and do it."""
        return next(iter((await self.done(app, await app.rotations.submit(wish))).values()))

    def mark(self) -> int:
        """The number of the newest request to the emulators."""
        return max((request["n"] for request in self.azure.requests()), default=0)

    def operations(self, since: int) -> list[str]:
        """What was asked of Azure since then, sign-in apart."""
        return [each["operation"] for each in self.azure.requests(since=since) if each["service"] != "identity"]

    def writes(self, since: int) -> list[str]:
        """Those that draw on ARM's write budget."""
        return [operation for operation in self.operations(since) if operation in WRITES]


@pytest.fixture(scope="session")
def scale_storage(folder: Path) -> Iterator[Azurite]:
    """A storage account for these tests: the fleet is whatever its container knows."""
    with Azurite.start(folder / "storage-scale") as azurite:
        yield azurite


@asynccontextmanager
async def empty_site(azure: AzureEmulator, storage: Azurite) -> AsyncIterator[Site]:
    """A site on this storage account, which is emptied."""
    with BlobServiceClient.from_connection_string(storage.connection_string) as blobs:
        for container in blobs.list_containers():
            blobs.delete_container(container.name)
    with QueueServiceClient.from_connection_string(storage.connection_string) as queues:
        for queue in queues.list_queues():
            queues.get_queue_client(queue.name).clear_messages()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
            patch.setitem(os.environ, name, azure.env[name])
        async with AsyncExitStack() as clients:
            yield Site(azure, storage, clients)


@pytest.fixture
async def site(azure_session: AzureEmulator, scale_storage: Azurite) -> AsyncIterator[Site]:
    async with empty_site(azure_session, scale_storage) as site:
        yield site
