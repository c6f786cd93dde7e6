from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import StandIn
from local.azurite.server import Azurite
from tests.world import World, running_host


@pytest.fixture(scope="session")
def world(folder: Path) -> Iterator[World]:
    """One host for all end-to-end tests; each test has resources of its own.

    The stand-ins are theirs alone: these tests move the services' time, and others live in the present.
    """
    with (
        StandIn.start(folder, operation_seconds=(0.2, 0.3)) as azure,
        Azurite.start(folder / "storage-e2e") as storage,
        running_host(azure, storage, folder) as host,
    ):
        yield World(azure, storage, host)
