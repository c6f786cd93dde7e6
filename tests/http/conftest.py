"""The app in its host, with a cloud and a storage account of its own: events are delivered to it, and faults armed."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.world import World, running_host, secret_name, until


@dataclass(frozen=True)
class HttpWorld(World):
    """The world, and what a caller of the API does in it."""

    def call(self, method: str, path: str, **how: Any) -> requests.Response:
        return self.host.request(method, f"/api/{path}", **how)

    def adopted(self, overlap_hours: int = 0) -> str:
        """A resource whose key in use is published, and which may be rotated again at once."""
        resource = self.resource(**{"key-rotation-overlap-hours": str(overlap_hours)})
        self.ended(self.rotate({"resource": resource, "mode": "resync"}))
        return resource

    def due(self, **tags: str) -> str:
        """A resource whose key was published 61 days ago, by a version that names it; the app has no record of it."""
        resource = self.resource(**tags)
        key, endpoint = self.azure.valid_keys(resource)["Primary"], self.azure.connection_endpoint(resource)
        value, then = f"Endpoint={endpoint};AccessKey={key};Version=1.0;", datetime.now(UTC) - timedelta(days=61)
        self.azure.put_secret(secret_name(resource), value, created=then, tags={"ProviderAddress": resource})
        return resource

    def secret_event(self, resource: str, kind: str = "SecretNearExpiry", **changes: Any) -> dict[str, Any]:
        """What Key Vault sends of the newest version, in the Event Grid schema."""
        name, [*_, newest] = secret_name(resource), self.versions(resource)
        vault = self.azure.vaults[0]
        event = {
            "id": str(uuid.uuid4()),
            "topic": "/subscriptions/0/resourceGroups/live/providers/Microsoft.KeyVault/vaults/contoso",
            "subject": name,
            "eventType": f"Microsoft.KeyVault.{kind}",
            "eventTime": "2026-11-23T07:00:00Z",
            "data": {
                "Id": f"{vault}/secrets/{name}/{newest['version']}",
                "VaultName": "contoso",
                "ObjectType": "Secret",
                "ObjectName ": name,
                "Version": newest["version"],
                "NBF": None,
                "EXP": 1800000000,
            },
            "dataVersion": "1",
            "metadataVersion": "1",
        }
        return event | changes

    def deliver(self, *events: object, **how: Any) -> requests.Response:
        """Deliver a batch as Event Grid does: the platform runs the function once for each of its events."""
        headers = {"aeg-event-type": "Notification"} | how.pop("headers", {})
        return self.host.request("POST", self.events_path, key=None, json=list(events), headers=headers, **how)

    def submitted(self) -> int:
        """How many requests of callers were accepted."""
        return sum(line["trigger"] == "http" for line in self.logged("rotation requested"))

    def ignored_because(self, event_id: str) -> str:
        """Why the worker left an event alone, as its log says."""

        def look() -> str | None:
            why = [line["why"] for line in self.logged("event ignored", event_id) if "why" in line]
            return str(why[-1]) if why else None

        return until(look)

    def logged(self, message: str, text: str = "") -> list[dict[str, Any]]:
        """The log's lines with this message that hold this text. Only these are parsed: the log is long."""
        lines = (line for line in self.host.log_text().splitlines() if message in line and text in line)
        return [line for line in map(json.loads, lines) if line.get("message") == message]

    def changes(self, resource: str) -> int:
        """How often a key of the resource was renewed."""
        return len(self.azure.regenerations(resource))


@pytest.fixture(scope="session")
def cloud(folder: Path) -> Iterator[AzureEmulator]:
    with AzureEmulator.start(folder / "cloud-http", operation_seconds=(0.2, 0.3)) as azure:
        yield azure


@pytest.fixture(scope="session")
def app_storage(folder: Path) -> Iterator[Azurite]:
    with Azurite.start(folder / "storage-http") as azurite:
        yield azurite


@pytest.fixture(scope="session")
def world(folder: Path, cloud: AzureEmulator, app_storage: Azurite) -> Iterator[HttpWorld]:
    """One host for all tests of the HTTP face; each test has resources of its own."""
    with running_host(cloud, app_storage, folder) as host:
        yield HttpWorld(cloud, app_storage, host)
