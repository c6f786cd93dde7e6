from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World, own_world


@pytest.fixture(scope="session")
def world(folder: Path) -> Iterator[World]:
    """One host for all end-to-end tests; each test has resources of its own.

    The emulators are theirs alone: these tests move the services' time, and others live in the present.
    """
    with own_world(folder, "e2e") as world:
        yield world
