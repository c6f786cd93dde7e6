from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from tests.package.environment import Packaged, prepare


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    return prepare(tmp_path_factory.mktemp("zip") / "app.zip", tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(scope="session")
def cloud(folder: Path) -> Iterator[AzureEmulator]:
    """Emulators of their own: rights are taken away here, and a sweep must meet no resource of another test."""
    with AzureEmulator.start(folder, operation_seconds=(0.2, 0.3)) as azure:
        yield azure
