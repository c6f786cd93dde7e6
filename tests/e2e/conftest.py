from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import StandIn
from local.azurite.server import Azurite
from tests.world import World, running_host


@pytest.fixture(scope="session")
def world(folder: Path, azure_session: StandIn) -> Iterator[World]:
    """One host for all end-to-end tests, with storage of its own; each test has resources of its own."""
    with (
        Azurite.start(folder / "storage-e2e") as storage,
        running_host(azure_session, storage, folder) as host,
    ):
        yield World(azure_session, storage, host)
