"""`make run` and `make azure`: serve until Ctrl-C, and say where and how."""

import signal
import tempfile
import threading
from pathlib import Path

from local.azure.client import AzureEmulator
from local.azure.instructions import instructions
from local.environment import local_environment

_OPERATION_SECONDS = (13.0, 19.0)


def serve_app(port: int) -> int:
    """The app with its emulators. The sweep runs every five minutes."""
    with local_environment(
        operation_seconds=_OPERATION_SECONDS, first_poll_seconds=10, schedule="0 */5 * * * *", port=port
    ) as env:
        key = env.host.function_key
        print(f"The app serves on {env.host.url}; Ctrl-C ends it.\n")
        print(f"The dashboard:\n  {env.host.url}/api/dashboard?code={key}\n")
        print("Rotate everything that is due (the first time: publish the keys in use):")
        print(f"  curl -X POST -H 'x-functions-key: {key}' {env.host.url}/api/rotate\n")
        for resource in env.resources.values():
            body = f'{{"resource": "{resource}"}}'
            print(f"  curl -H 'x-functions-key: {key}' --json '{body}' {env.host.url}/api/rotate")
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
