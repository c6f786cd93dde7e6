import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.integration.engine import Ears, Engine


@pytest.fixture
async def engine(azure_session: AzureEmulator, storage: Azurite, folder: Path) -> AsyncIterator[Engine]:  # noqa: ARG001 - the folder must outlive the rest
    """The engine on the real SDKs, for a resource of the test's own that has been published two days ago."""
    async with Engine.on(azure_session, storage) as made:
        made.publish("Primary", age_days=2)
        yield made
    azure_session.clear_faults()


@pytest.fixture
def heard() -> Iterator[Ears]:
    """What the app logs."""
    ears = Ears()
    logging.getLogger("rotation").addHandler(ears)
    yield ears
    logging.getLogger("rotation").removeHandler(ears)
