from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.faults.asking import looked_at
from tests.faults.matrix import OPERATION_SECONDS
from tests.faults.meddling import Meddling


@pytest.fixture(scope="package")
def azure(folder: Path) -> Iterator[AzureEmulator]:
    """Emulators of this folder's own: their operations are quick, and their time is moved."""
    with AzureEmulator.start(folder, operation_seconds=OPERATION_SECONDS) as emulator:
        yield emulator


@pytest.fixture(scope="package")
def storage(folder: Path) -> Iterator[Azurite]:
    """Storage of this folder's own: leases in it are broken and stolen."""
    with Azurite.start(folder / "storage-faults") as azurite:
        yield azurite


@pytest.fixture(scope="package")
def hosts_storage(folder: Path) -> Iterator[Azurite]:
    """Storage for the tests that run hosts: they take whatever stands in the queue."""
    with Azurite.start(folder / "storage-hosts") as azurite:
        yield azurite


@pytest.fixture
def history() -> Iterator[Meddling]:
    """A resource whose Primary was adopted two days ago. In the end sweeps must come to rest, as in every history."""
    made = Meddling()
    made.begin(settled=False)
    made.sweep()
    looked_at(made)
    made.time_passes(hours=49)
    yield made
    looked_at(made)
    made.teardown()
