"""The world of an end-to-end test: emulators, storage, the app in its host, and what a reader of all of them sees."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from local.functions_host.host_json import FAST_POLLING
from tests.event_schemas import validate_event

ROOT = Path(__file__).parents[1]
SUBSCRIPTION = "0e0e0e0e-0000-4000-8000-000000000001"
_numbers = count(1)


def app_settings(azure: AzureEmulator, storage: Azurite, **overrides: str) -> dict[str, str]:
    """The app settings of a test: fast, on the emulators. An override of "" leaves a setting out."""
    settings = {
        "PATH": os.environ["PATH"],
        "AzureWebJobsStorage": storage.connection_string,
        "SIGNALR_SUBSCRIPTION_IDS": SUBSCRIPTION,
        "ROTATION_SCHEDULE": "0 7 * * * *",
        "FIRST_POLL_SECONDS": "0.1",
        "KEY_EFFECT_TIMEOUT_SECONDS": "2",
        **FAST_POLLING,
        **azure.env,
        **overrides,
    }
    return {name: value for name, value in settings.items() if value}


@contextmanager
def running_host(azure: AzureEmulator, storage: Azurite, folder: Path, **overrides: str) -> Iterator[FunctionsHost]:
    """The app in the platform's worker library."""
    log = folder / f"host-{next(_numbers)}.log"
    with FunctionsHost.start(ROOT, app_settings(azure, storage, **overrides), log=log) as host:
        yield host


@dataclass(frozen=True)
class World:
    """Everything there is, for one test."""

    azure: AzureEmulator
    storage: Azurite
    host: FunctionsHost

    def resource(self, **tags: str) -> str:
        """A SignalR resource of the test's own, managed by the app: its ARM id."""
        return self.azure.create_signalr(
            f"chat{next(_numbers)}", subscription=SUBSCRIPTION, tags={"key-rotation": "enabled"} | tags
        )

    def rotate(self, body: Mapping[str, Any] | None = None, **how: Any) -> requests.Response:
        """`POST /api/rotate`."""
        return self.host.request("POST", "/api/rotate", json=body, **how)

    def ended(self, answer: requests.Response, timeout: float = 30) -> dict[str, Any]:
        """Follow the one rotation that was accepted to its end; its operation status."""
        assert 202 == answer.status_code, answer.text
        path = "/api/rotations/" + answer.json()["rotations"][0]["id"]
        return until(lambda: _final(self.host.request("GET", path).json()), timeout)

    def rotated(self, resource: str, **body: Any) -> dict[str, Any]:
        """Rotate and wait for the end."""
        return self.ended(self.rotate({"resource": resource, **body}))

    @property
    def events_path(self) -> str:
        """Where Event Grid delivers to the app."""
        return self.host.event_grid_path("incoming_event")

    def versions(self, resource: str) -> list[dict[str, Any]]:
        """The versions of the resource's secret, oldest first."""
        return self.azure.secrets().get(secret_name(resource), [])

    def live_slot(self, resource: str) -> str | None:
        """The slot whose live key the newest version holds."""
        versions = self.versions(resource)
        live = self.azure.valid_keys(resource)
        return next((slot for slot, key in live.items() if versions and key in versions[-1]["value"]), None)

    def events(self, resource: str) -> list[dict[str, Any]]:
        """The events about the resource, in order, each as its published schema says."""
        events = [event for event in self.azure.events() if event["source"] == resource]
        for event in events:
            validate_event(event)
        return events

    def stored_text(self) -> str:
        """Every blob and every message of the app's storage account, as one text.

        A blob that the app deletes between its listing and its reading is read no more.
        """
        blobs = BlobServiceClient.from_connection_string(self.storage.connection_string)
        queues = QueueServiceClient.from_connection_string(self.storage.connection_string)
        texts = []
        for container in blobs.list_containers():
            client = blobs.get_container_client(container.name)
            for blob in client.list_blobs(include=["metadata"]):
                texts.append(f"{blob.name} {blob.metadata}")
                with suppress(ResourceNotFoundError):
                    texts.append(client.download_blob(blob.name).readall().decode(errors="replace"))
        for queue in queues.list_queues():
            messages = queues.get_queue_client(queue.name).peek_messages(max_messages=32)
            texts.extend(str(message.content) for message in messages)
        return "\n".join(texts)


@contextmanager
def own_world(folder: Path, name: str) -> Iterator[World]:
    """A cloud, a storage account and a host that nobody else uses.

    For what moves the services' time, and for what compares all there is before and after: in a shared world, a
    message that another test left for later may come into sight in between.
    """
    with (
        AzureEmulator.start(folder, operation_seconds=(0.2, 0.3)) as azure,
        Azurite.start(folder / f"storage-{name}") as storage,
        running_host(azure, storage, folder) as host,
    ):
        yield World(azure, storage, host)


def secret_name(resource: str) -> str:
    """The secret that the default template gives the resource."""
    return f"{resource.rsplit('/', 1)[1]}-connection-string"


def until[T](look: Callable[[], T | None], timeout: float = 30) -> T:
    """What `look` gives once it gives something. Raises `TimeoutError`."""
    deadline = time.monotonic() + timeout
    while (seen := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not seen within {timeout} s")
        time.sleep(0.05)
    return seen


def _final(status: dict[str, Any]) -> dict[str, Any] | None:
    return status if status["status"] in {"Succeeded", "Failed"} else None
