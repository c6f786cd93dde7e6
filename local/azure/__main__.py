"""`python -m local.azure`: the emulators as one process, announced by one line of JSON on standard output."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from local.azure.cloud import Cloud
from local.azure.control.endpoint import Control
from local.azure.signalr.resource import Variant


def main() -> None:
    """Serve until SIGTERM, SIGINT or, if asked to, the end of standard input."""
    parser = argparse.ArgumentParser(prog="python -m local.azure", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the certificate authority is kept")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same keys and ids in the same order")
    parser.add_argument("--vaults", type=int, default=2, help="how many key vaults")
    parser.add_argument("--operation-seconds", default="13-19", help="how long a regeneration takes, from-to")
    parser.add_argument("--short-keys", action="store_true", help="keys of 44 characters instead of 84")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    shortest, longest = (float(part) for part in arguments.operation_seconds.split("-"))
    variant = Variant(operation_seconds=(shortest, longest))
    cloud = Cloud(
        arguments.folder,
        seed=arguments.seed,
        vaults=arguments.vaults,
        variant=variant,
        short_keys=arguments.short_keys,
    )
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    if arguments.exit_with_parent:
        loop.add_reader(sys.stdin.fileno(), _when_closed, done)
    await cloud.open()
    control = web.ServerRunner(web.Server(Control(cloud), access_log=None))
    await control.setup()
    site = web.TCPSite(control, "127.0.0.1", 0)
    await site.start()
    ready = {"control": _url(control), "env": cloud.env, "vaults": list(cloud.vaults), "operator": cloud.operator}
    print(json.dumps({**ready, **cloud.urls}), flush=True)
    await done.wait()
    await control.cleanup()
    await cloud.close()


def _url(runner: web.ServerRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


def _when_closed(done: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        done.set()


if __name__ == "__main__":
    main()
