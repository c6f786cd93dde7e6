"""Records what this version of the app writes: its real engine, against the stand-ins of Azure and Azurite.

Run at commit f93f389 with `.venv/bin/python -m tests.upgrade.make_fixtures`; with names of documents, only these. Kept
as the provenance of the files in `tests/upgrade/f93f389/`: a later version would record what that one writes.
"""

# First of all: it lets aiohttp trust the stand-ins.
from tests.conftest import FOLDER  # isort: skip

import asyncio
import shutil
import sys
from contextlib import suppress

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.azure.client import StandIn
from local.azurite.server import Azurite
from shared.wiring import NAME
from tests.integration.engine import Engine
from tests.upgrade import documents, scenes_messages, scenes_open, scenes_records, scenes_storage  # noqa: F401 - scenes
from tests.upgrade.recording import Recorder
from tests.upgrade.scenes import SCENES


async def main(wanted: list[str]) -> None:
    """Play the scenes, each in an empty storage."""
    documents.FOLDER.mkdir(exist_ok=True)
    with StandIn.start(FOLDER, operation_seconds=(0.2, 0.3)) as azure, Azurite.start(FOLDER / "storage") as storage:
        for play, name, what, settings in SCENES:
            if wanted and name not in wanted:
                continue
            async with Engine.on(azure, storage, **settings) as engine:
                await _empty(engine)
                print(f"{name}: {what}")  # noqa: T201 - a command line tool prints
                await play(Recorder(engine), name, what)
            azure.reset()
    shutil.rmtree(FOLDER, ignore_errors=True)


async def _empty(engine: Engine) -> None:
    with suppress(ResourceNotFoundError):
        await engine.blobs.delete_container(NAME)
    with (
        suppress(ResourceNotFoundError),
        QueueClient.from_connection_string(engine.storage.connection_string, NAME) as q,
    ):
        q.clear_messages()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
