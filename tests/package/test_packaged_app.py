"""The packaged app does its job: what is in the zip and in `requirements.txt` is all that it needs."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from tests.package.environment import Packaged
from tests.world import World, app_settings, until

WITNESS = Path(__file__).parent / "witness"
# What the platform brings itself: its worker library. And what this project's host around it needs on top.
WORKER = {"azure_functions_runtime", "google"}
HOST = {"_time_machine", "croniter", "dateutil", "six", "time_machine"}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the host tells, once it has ended, which modules it loaded from where."""
    return tmp_path_factory.mktemp("witness") / "modules.json"


@pytest.fixture(scope="module")
def world(cloud: AzureEmulator, packaged: Packaged, folder: Path, loaded: Path) -> Iterator[World]:
    """The app's packages come first, as on the platform; the project's own environment has only the host's."""
    with Azurite.start(folder / "storage-packaged") as storage:
        settings = app_settings(cloud, storage) | {
            "PYTHONPATH": f"{packaged.site_packages}:{WITNESS}",
            "WITNESS": str(loaded),
        }
        with FunctionsHost.start(packaged.folder, settings, log=folder / "packaged.log") as host:
            yield World(cloud, storage, host)


def test_every_module_imports_with_the_requirements_alone(packaged: Packaged) -> None:
    """Also those that a trigger imports only when it is called."""
    names = [name.removesuffix(".py").replace("/", ".") for name in packaged.zip.names if name.endswith(".py")]
    imports = "; ".join(f"import {name.removesuffix('.__init__')}" for name in names)

    assert len(names) > 30
    assert "done" == packaged.alone(f"{imports}; print('done')")


def test_nothing_of_the_project_but_the_app_can_be_imported(packaged: Packaged) -> None:
    found = "[name for name in ('local', 'tests', 'benchmarks', 'pytest', 'trustme') if importlib.util.find_spec(name)]"

    assert "[]" == packaged.alone(f"import importlib.util; print({found})")


def test_size_and_time_to_import(packaged: Packaged) -> None:
    """A cold start pays for both; the bounds are far above what is measured, and far below what hurts."""
    size = packaged.zip.path.stat().st_size
    seconds = {}
    for module in ("function_app", "shared.composition"):
        began = time.perf_counter()
        packaged.alone(f"import {module}")
        seconds[module] = time.perf_counter() - began
    told = ", ".join(f"{module} imported in {took:.2f} s" for module, took in seconds.items())
    sys.stdout.write(f"\napp.zip: {size / 1024:.1f} KiB; {told}\n")

    assert size < 2**20
    assert max(seconds.values()) < 30


def test_timer_publishes_the_key_in_use(world: World) -> None:
    resource = world.resource()

    world.host.run("sweep")

    assert "Primary" == until(lambda: world.live_slot(resource))


def test_webhook_rotates(world: World) -> None:
    resource = world.resource()

    assert "Succeeded" == world.rotated(resource)["status"]
    assert "Secondary" == world.live_slot(resource)


def test_portal_run_rotates(world: World) -> None:
    resource = world.resource()

    world.rotate({"resource": resource}, headers={"Origin": "https://portal.azure.com"})

    assert "Secondary" == until(lambda: world.live_slot(resource))


def test_the_app_ran_on_its_own_packages(world: World, packaged: Packaged, loaded: Path) -> None:
    """Told by the host's own process at its end."""
    world.rotated(world.resource())
    world.host.request("GET", "/api/dashboard").raise_for_status()
    world.host.stop()

    modules = {name: Path(file) for name, file in json.loads(loaded.read_text()).items()}
    borrowed = {
        file.relative_to(site).parts[0].partition(".")[0]
        for file in modules.values()
        for site in (Path(path) for path in sys.path if path.endswith("site-packages"))
        if file.is_relative_to(site)
    }
    assert set() == borrowed - WORKER - HOST
    assert packaged.folder / "function_app.py" == modules["function_app"]
    assert packaged.folder / "shared" / "rotation" / "submit.py" == modules["shared.rotation.submit"]
    assert all(modules[name].is_relative_to(packaged.site_packages) for name in direct_imports())


def direct_imports() -> list[str]:
    """A module of each package that the app's own code names."""
    return [
        "azure.functions",
        "azure.identity",
        "azure.mgmt.signalr",
        "azure.keyvault.secrets",
        "azure.eventgrid",
        "azure.storage.blob",
        "azure.storage.queue",
        "aiohttp",
        "pydantic",
        "pydantic_core",
        "pydantic_settings",
        "jinja2",
        "jwt",
        "yarl",
    ]
