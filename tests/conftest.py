"""The world every test lives in: the emulators of Azure, Azurite, and the authority that both are trusted by."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from local.azure.certificates import authority

# aiohttp builds its TLS context when it is imported, so this must stand before anything that imports it.
FOLDER = Path(tempfile.mkdtemp(prefix="signalr-rotation-tests-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ["SSL_CERT_FILE"] = str(authority(FOLDER))

from collections.abc import Iterator  # noqa: E402

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from local.azure.client import AzureEmulator  # noqa: E402
from local.azurite.server import Azurite  # noqa: E402

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_standing: set[pytest.FixtureDef[object]] = set()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Function, nextitem: pytest.Item | None) -> None:
    """End with a folder's last test what the folder set up: an idle host polls its queues to the end of the session.

    Folders without `__init__.py` are no packages to pytest, so its package scope ends with the session.
    """
    if nextitem is None:
        return
    used = (fixture for known in item._fixtureinfo.name2fixturedefs.values() for fixture in known)
    _standing.update(each for each in used if each.baseid and each.scope in {"session", "package"})
    around = {node.nodeid for node in nextitem.iter_parents()}
    for each in [each for each in _standing if each.baseid not in around]:
        each.finish(item._request)
        _standing.remove(each)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where the session's certificates and logs are."""
    yield FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def azure_session(folder: Path) -> Iterator[AzureEmulator]:
    """One set of emulators for the whole session; tests share it and have resources of their own."""
    with AzureEmulator.start(folder, operation_seconds=(0.2, 0.3)) as azure:
        yield azure


@pytest.fixture(scope="session")
def storage(folder: Path) -> Iterator[Azurite]:
    """One storage account for the whole session."""
    with Azurite.start(folder / "storage") as azurite:
        yield azurite
