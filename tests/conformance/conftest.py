"""Each test of a port runs twice: in memory, and over the real adapter."""

from collections.abc import AsyncIterator

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.conformance.worlds import EmulatedWorld, MemoryWorld, World


@pytest.fixture(params=["memory", "adapter"])
async def world(request: pytest.FixtureRequest, azure_session: AzureEmulator, storage: Azurite) -> AsyncIterator[World]:
    """A world with a resource of the test's own."""
    opened = MemoryWorld.open() if request.param == "memory" else EmulatedWorld.open(azure_session, storage)
    async with opened as made:
        yield made
