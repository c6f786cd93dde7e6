"""Emulators, storage and the app in its host, started together and ended together: for the demo and for `make run`."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.azure.certificates import authority
from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from local.functions_host.host_json import FAST_POLLING

APP = Path(__file__).parents[1]
NAMES = ("chat", "games", "alerts")
SUBSCRIPTION = "5ab5c4b0-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class LocalEnvironment:
    """All that runs. `resources` are the ARM ids of three SignalR resources that opted in by their tag."""

    azure: AzureEmulator
    storage: Azurite
    host: FunctionsHost
    resources: dict[str, str]


@contextmanager
def local_environment(
    *,
    operation_seconds: tuple[float, float],
    first_poll_seconds: float,
    schedule: str,
    port: int = 0,
    policy: Mapping[str, str] | None = None,
) -> Iterator[LocalEnvironment]:
    """Start everything on free ports of 127.0.0.1, and end it with the block. `schedule` is the sweep's NCRONTAB.

    `policy`: further settings.
    """
    with tempfile.TemporaryDirectory(prefix="signalr-rotation-") as name:
        folder = Path(name)
        authority(folder)
        with (
            AzureEmulator.start(folder, operation_seconds=operation_seconds) as azure,
            Azurite.start(folder / "storage") as storage,
        ):
            resources = {
                name: azure.create_signalr(name, subscription=SUBSCRIPTION, tags={"key-rotation": "enabled"})
                for name in NAMES
            }
            for resource in resources.values():
                azure.serve_at_root(resource)
            settings = {
                "PATH": os.environ["PATH"],
                "AzureWebJobsStorage": storage.connection_string,
                "SIGNALR_SUBSCRIPTION_IDS": SUBSCRIPTION,
                "ROTATION_SCHEDULE": schedule,
                "FIRST_POLL_SECONDS": str(first_poll_seconds),
                **FAST_POLLING,
                **azure.env,
                **(policy or {}),
            }
            log = folder / "host.log"
            with FunctionsHost.start(APP, settings, schedule=True, port=port, log=log) as host:
                yield LocalEnvironment(azure, storage, host, resources)
