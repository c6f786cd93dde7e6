"""One lane of the cut matrix: a proxy of its own before services that all lanes share, and workers that pass it.

What was done is witnessed on the wire, by the calls that the services took, never by what the app says of itself.
"""

import asyncio
import json
import os
import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from signal import SIGKILL
from typing import Any, Self
from urllib.parse import urlsplit

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient

from local.azure.certificates import authority, server_context
from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.adapters.azure_services import NAME
from shared.adapters.blob_operations import BlobOperations
from shared.adapters.blob_records import BlobRecords
from shared.composition import App, build
from shared.domain.errors import Retryable
from shared.domain.record import Outcome
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.settings import Settings
from tests.faults.modes import secret_name
from tests.faults.proxy import Proxy
from tests.faults.secrecy import Secrecy
from tests.faults.theft import Theft, break_lease
from tests.faults.zygote import Zygote

CALL_SECONDS = 1.0
_PACE: dict[str, Any] = {"call_seconds": CALL_SECONDS, "storage_backoff": 0}
_numbers = count(1)


@dataclass
class Lane:
    """Services, a proxy before them, and what has been seen so far. One case at a time."""

    azure: AzureEmulator
    storage: Azurite
    proxy: Proxy
    blobs: BlobServiceClient
    pace: dict[str, Any]
    overrides: dict[str, str] = field(default_factory=dict)
    zygote: Zygote | None = None
    secrecy: Secrecy = field(default_factory=Secrecy)
    errors: list[str] = field(default_factory=list)
    killed: int = 0  # workers so far
    resource: str = ""
    endpoint: str = ""
    published: str | None = None
    consumable: bool = False  # whether nobody may be refused now
    real_endpoint: str = ""
    ahead: timedelta = timedelta()  # how far the workers' clock is ahead

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        azure: AzureEmulator,
        storage: Azurite,
        folder: Path,
        *,
        lease_seconds: int = 60,
        zygote: Zygote | None = None,
    ) -> AsyncIterator[Self]:
        """Make one, and end it with the block."""
        upstream = {
            "identity": _origin(azure.env["IDENTITY_ENDPOINT"]),
            "arm": azure.arm,
            "signalr": azure.signalr,
            "keyvault": azure.vaults[0],
            "eventgrid": azure.topic,
            "blob": _origin(storage.blob_url),
            "queue": _origin(storage.queue_url),
        }
        trust = ssl.create_default_context(cafile=str(authority(folder)))
        proxy = Proxy(upstream, server_context(folder), trust, hang_seconds=CALL_SECONDS + 0.3)
        async with proxy, BlobServiceClient.from_connection_string(storage.connection_string) as blobs:
            lane = cls(azure, storage, proxy, blobs, pace=_PACE | {"lease_seconds": lease_seconds}, zygote=zygote)
            with suppress(HttpResponseError):
                await lane.container.create_container()
            try:
                yield lane
            finally:
                await lane._end()

    def watched(self) -> tuple[str, str] | None:
        """What a consumer reads of this lane, and where it calls."""
        if not self.consumable:
            return None
        return self.secret, self.real_endpoint

    def new_resource(self) -> None:
        """A SignalR resource that no case has seen."""
        if self.resource:  # a sweep lists no other case's resource: else each case would take longer than the last
            self.azure.delete_signalr(self.resource)
        self.resource = self.azure.create_signalr(
            f"cut{os.getpid()}-{next(_numbers)}", tags={"key-rotation": "enabled"}
        )
        self.real_endpoint = self.azure.connection_endpoint(self.resource)
        self.endpoint = self.real_endpoint.replace(self.proxy.upstream["signalr"], self.proxy.origins["signalr"])
        self.proxy.taken = []
        self.errors = []
        self.ahead = timedelta()

    @property
    def settings(self) -> dict[str, str]:
        """The app settings: everything by way of the proxy."""
        origins, storage = self.proxy.origins, self.storage.connection_string
        for service in ("blob", "queue"):
            storage = storage.replace(self.proxy.upstream[service], origins[service])
        return {
            **{name: value for name, value in self.azure.env.items() if name in Settings.model_fields},
            "AZURE_RESOURCE_MANAGER_URL": origins["arm"],
            "KEY_VAULT_URL": origins["keyvault"],
            "ALLOWED_KEY_VAULT_URLS": origins["keyvault"],
            "EVENT_GRID_TOPIC_ENDPOINT": f"{origins['eventgrid']}/api/events",
            "AzureWebJobsStorage": storage,
            "SIGNALR_SUBSCRIPTION_IDS": ResourceId.parse(self.resource).subscription,
            "FIRST_POLL_SECONDS": "0.05",
            "KEY_EFFECT_TIMEOUT_SECONDS": "2.0",
            "OPERATION_TIMEOUT_SECONDS": "3",
            **self.overrides,
        }

    @property
    def identity(self) -> dict[str, str]:
        """Where the platform's identity is to be had: by way of the proxy as well."""
        endpoint = self.azure.env["IDENTITY_ENDPOINT"]
        return {
            "IDENTITY_ENDPOINT": endpoint.replace(self.proxy.upstream["identity"], self.proxy.origins["identity"]),
            "IDENTITY_HEADER": self.azure.env["IDENTITY_HEADER"],
        }

    def app(self) -> App:
        """A worker that has just started."""
        app = build(Settings(**self.settings), clock=lambda: datetime.now(UTC) + self.ahead, **self.pace)
        os.environ |= self.identity  # the SDK looks there when the credential is made,
        assert app.services.events  # which is now: later another lane's identity stands there
        return app

    @property
    def container(self) -> ContainerClient:
        """The app's container, past the proxy."""
        return self.blobs.get_container_client(NAME)

    @property
    def ledger(self) -> BlobRecords:
        """The app's ledger, past the proxy."""
        return BlobRecords(self.container)

    @property
    def operations(self) -> BlobOperations:
        """The operations, past the proxy."""
        return BlobOperations(self.container)

    @property
    def record(self) -> BlobClient:
        """The blob of the lane's resource, past the proxy."""
        return self.container.get_blob_client(f"resources/{ResourceId.parse(self.resource).key}.json")

    async def work(self, request: WorkItem, *, fresh: bool = False) -> Outcome | None:
        """A worker takes the message. None: it is to be delivered again. Anything but `Retryable` is an error.

        It is the lane's second worker, who never meets a fault and lives on; with `fresh` one who has just started.
        """
        if fresh:
            app = self.app()
            try:
                return await self._delivered(app, request)
            finally:
                await app.close()
        self._second = self._second or self.app()
        return await self._delivered(self._second, request)

    async def _delivered(self, app: App, request: WorkItem) -> Outcome | None:
        try:
            return await app.worker.work(request)
        except Retryable:
            self.secrecy.hear(traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - whatever it is, the platform would log it
            self.secrecy.hear(traceback.format_exc())
            self.errors.append(repr(error))
        return None

    async def work_until_killed(self, request: WorkItem) -> None:
        """A worker in a process of its own takes the message, and dies by SIGKILL where the proxy's fault strikes."""
        assert self.zygote
        answers, orders = self._orders = self._orders or await self.zygote.connect()
        order = {"settings": self.settings, "identity": self.identity, "pace": self.pace}
        orders.write(json.dumps(order | {"request": request.model_dump_json(by_alias=True)}).encode() + b"\n")
        worker = int(await answers.readline())
        self._kill = lambda: os.kill(worker, SIGKILL)
        self._worker_known.set()
        self.killed += int(await answers.readline()) == -SIGKILL
        self._worker_known.clear()
        await self.time_passes()

    async def kill(self) -> None:
        """The proxy's hook: end the worker as a power cut does."""
        await self._worker_known.wait()
        self._kill()

    async def time_passes(self) -> None:
        """A lease that was not given back runs out by itself after a minute: breaking it stands for that minute."""
        await break_lease(self.record)

    async def an_hour_passes(self) -> None:
        """As long as a regeneration that was not answered is waited for."""
        self.ahead += timedelta(hours=1, minutes=1)
        await self.time_passes()

    def theft(self) -> Theft:
        """The theft of the lease that the next worker will hold: its `strike` is the proxy's hook."""
        return Theft(self.record, lambda: len(self.proxy.calls))

    def __post_init__(self) -> None:
        self._worker_known = asyncio.Event()
        self._kill = lambda: None
        self._second: App | None = None
        self._orders: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def secret(self) -> str:
        """The name of the resource's secret."""
        return secret_name(self.resource)

    async def _end(self) -> None:
        if self._second:
            await self._second.close()
        if self._orders:
            self._orders[1].close()
            await self._orders[1].wait_closed()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
