"""A storage account of their own for these tests: each finds it empty, as recorded rotation ids are always the same."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.adapters.azure_services import NAME
from tests.integration.engine import Engine


@pytest.fixture(scope="session")
def upgraded_storage(folder: Path) -> Iterator[Azurite]:
    with Azurite.start(folder / "storage-upgrade") as azurite:
        yield azurite


@pytest.fixture
async def engine(azure_session: AzureEmulator, upgraded_storage: Azurite) -> AsyncIterator[Engine]:
    """This version's engine, and a resource that nobody has looked at yet."""
    async with Engine.on(azure_session, upgraded_storage) as made:
        with suppress(ResourceNotFoundError):
            await made.blobs.delete_container(NAME)
        yield made
    azure_session.clear_faults()
