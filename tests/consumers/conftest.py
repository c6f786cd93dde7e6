"""A world for the consumers: the app rotates, its events are delivered, and the samples act on them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.conftest import HttpWorld
from tests.world import own_world


@pytest.fixture(scope="package")
def world(folder: Path) -> Iterator[HttpWorld]:
    """Emulators, storage and a host that no other package uses."""
    with own_world(folder, "consumers") as world:
        yield HttpWorld(world.azure, world.storage, world.host)


@pytest.fixture(scope="package")
def event(world: HttpWorld) -> dict[str, Any]:
    """The event that the app sent of one rotation."""
    resource = world.adopted()
    world.rotated(resource)
    return world.events(resource)[-1]
