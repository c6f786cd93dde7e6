"""`make run` and `make azure`: serve until Ctrl-C, and say where and how."""

import signal
import tempfile
import threading
from pathlib import Path

from local.azure.client import AzureEmulator
from local.azure.instructions import instructions
from local.environment import local_environment
from local.walkthrough import walkthrough

_OPERATION_SECONDS = (13.0, 19.0)


def serve_app(port: int) -> int:
    """The app with its emulators. The sweep runs every five minutes."""
    with local_environment(
        operation_seconds=_OPERATION_SECONDS, first_poll_seconds=10, schedule="0 */5 * * * *", port=port
    ) as env:
        for source in ("keyvault", "resources"):  # as infra/events.bicep subscribes it
            address = env.host.url + env.host.event_grid_path("incoming_event")
            env.azure.deliver_events_to(address, schema="EventGridSchema", source=source)
        print(f"The app serves on {env.host.url}; Ctrl-C ends it.\n")
        print(f"The dashboard:\n  {env.host.url}/api/dashboard?code={env.host.function_key}\n")
        print("In a second terminal, in this order:\n")
        for line in walkthrough(env):
            print(f"# {line.about}\n{line.command}\n")
        _until_told()
    return 0


def serve_azure() -> int:
    """Only the emulators, for any SDK or CLI."""
    with (
        tempfile.TemporaryDirectory(prefix="azure-") as name,
        AzureEmulator.start(Path(name), operation_seconds=_OPERATION_SECONDS) as azure,
    ):
        print(instructions(azure), flush=True)
        _until_told()
    return 0


def _until_told() -> None:
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    print(flush=True)
    told.wait()
