"""The engine in this process, on the real SDKs, with a resource of its own: what a test asks of it, and sees."""

import logging
import os
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Self

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.adapters.azure_services import NAME
from shared.adapters.blob_records import BlobRecords
from shared.composition import App, build
from shared.domain.errors import RotationError
from shared.domain.record import Outcome, Record
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.settings import Settings
from tests.leaks import KeyWatch

_numbers = count(1)


@dataclass
class Engine:
    """One resource, and a worker that works on it. `ahead`: how far the worker's clock is ahead of the services'."""

    azure: AzureEmulator
    storage: Azurite
    resource: str
    app: App
    blobs: BlobServiceClient
    ahead: timedelta = timedelta()
    heard: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def on(cls, azure: AzureEmulator, storage: Azurite, **overrides: object) -> AsyncIterator[Self]:
        """Make one, and close it with the block."""
        resource = azure.create_signalr(f"engine{next(_numbers)}", group="integration")
        values = {name: value for name, value in azure.env.items() if name in Settings.model_fields}
        settings: dict[str, Any] = {
            **values,
            "AzureWebJobsStorage": storage.connection_string,
            "SIGNALR_RESOURCE_IDS": resource,
            "FIRST_POLL_SECONDS": 0.1,
            "KEY_EFFECT_TIMEOUT_SECONDS": 1.5,
            "OPERATION_TIMEOUT_SECONDS": 5,
            **overrides,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
                patch.setitem(os.environ, name, azure.env[name])
            async with BlobServiceClient.from_connection_string(storage.connection_string) as blobs:
                app = build(
                    Settings(**settings),
                    clock=lambda: datetime.now(UTC) + made.ahead,
                    call_seconds=5,
                    storage_backoff=0,
                )
                made = cls(azure, storage, resource, app, blobs)
                # What failed in other tests holds nothing back in this one.
                with suppress(ResourceNotFoundError):
                    await blobs.get_blob_client(NAME, f"rollouts/{app.settings.installation}.json").delete_blob()
                try:
                    yield made
                finally:
                    await app.close()

    # -- what is done

    def publish(self, slot: str, *, age_days: float = 0, key: str | None = None, **tags: str) -> str:
        """A version put there by hand."""
        value = key or self.azure.valid_keys(self.resource)[slot]
        return self.azure.put_secret(
            self.secret,
            f"Endpoint={self.azure.connection_endpoint(self.resource)};AccessKey={value};Version=1.0;",
            tags={"CredentialId": slot} | tags,
            created=datetime.now(UTC) - timedelta(days=age_days),
        )

    def asks(self, mode: Mode = Mode.ROTATE, **wish: Any) -> WorkItem:
        """The message of a wish."""
        known = ResourceId.parse(self.resource)
        made = RotationCommand(trigger="test", resource=known, mode=mode, **wish)
        return made.for_resource(known, datetime.now(UTC) + self.ahead)

    async def rotate(self, **wish: Any) -> Outcome:
        """Ask for a rotation, and work on it until it ends."""
        return await self.works(self.asks(**wish))

    async def sweep(self) -> Outcome:
        """What the timer asks."""
        return await self.works(self.asks(Mode.SWEEP, tracked=False))

    async def works(self, request: WorkItem) -> Outcome:
        """One attempt at a message. Raises `RotationError` when another one is to be scheduled."""
        try:
            return await self.app.worker.attempt(request)
        except RotationError:
            self.heard.append(("traceback", traceback.format_exc()))
            raise

    # -- what is seen

    @property
    def secret(self) -> str:
        """The secret's name."""
        return f"{self.resource.rsplit('/', 1)[1]}-connection-string"

    @property
    def versions(self) -> list[dict[str, Any]]:
        """The versions of the secret, oldest first."""
        return self.azure.secrets().get(self.secret, [])

    @property
    def live_slot(self) -> str | None:
        """The slot whose live key the newest version holds."""
        live = self.azure.valid_keys(self.resource)
        return next((slot for slot, key in live.items() if self.versions and key in self.versions[-1]["value"]), None)

    @property
    def changes(self) -> list[str]:
        """The slots renewed by the app, in order."""
        return [each["keyType"] for each in self.azure.regenerations(self.resource) if each["effectiveAt"]]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events about the resource, in order."""
        return [event for event in self.azure.events() if event["source"] == self.resource]

    @property
    def told(self) -> list[str]:
        """The kinds of these events."""
        return [event["type"].rpartition(".")[2] for event in self.events]

    async def record(self) -> Record | None:
        """The resource's record."""
        return await BlobRecords(self.blobs.get_container_client(NAME)).read(ResourceId.parse(self.resource))

    async def overwrite(self, name: str, content: bytes) -> None:
        """Put something else in place of a blob."""
        await self.blobs.get_blob_client(NAME, name).upload_blob(content, overwrite=True)

    async def lose_record(self) -> None:
        """The resource's blob is gone."""
        await self.blobs.get_blob_client(NAME, self.record_name).delete_blob()

    @property
    def record_name(self) -> str:
        """The name of the resource's blob."""
        return f"resources/{ResourceId.parse(self.resource).key}.json"

    def watch(self) -> KeyWatch:
        """A watch over the resource's keys."""
        return KeyWatch(self.azure, self.resource)


class Ears(logging.Handler):
    """Hears every log line, and what rides on it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.heard.append((record.name, f"{record.getMessage()} {record.__dict__} {trace}"))
