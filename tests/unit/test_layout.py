"""The rules that the tree lives by and that no linter knows."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.world import ROOT

LONGEST_FILE = 350
OURS = {"shared", "local", "tests", "benchmarks", "function_app", "package", "scripts"}
SHARED = sorted((ROOT / "shared").rglob("*.py"))

# Which modules may know which service's SDK: its adapter, and `azure_services`, which builds the clients.
ADAPTERS = {
    "azure.mgmt": {"arm_signalr", "azure_services"},
    "azure.keyvault": {"key_vault", "azure_services"},
    "azure.eventgrid": {"event_grid", "azure_services"},
    "azure.storage": {
        "blob_container",
        "blob_operations",
        "blob_records",
        "blob_rollout",
        "blob_swept_fleet",
        "storage_queue",
        "azure_services",
    },
    "azure.identity": {"azure_services", "composition"},
}


def imported(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("sdk", ADAPTERS)
def test_only_its_adapter_imports_a_service_sdk(sdk: str) -> None:
    knowing = {path.stem for path in SHARED if any(name.startswith(sdk) for name in imported(path))}

    assert knowing == ADAPTERS[sdk]


def test_no_file_is_longer_than_three_hundred_and_fifty_lines() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert [] == [name for name in tracked if len((ROOT / name).read_text().splitlines()) > LONGEST_FILE]


def test_indexing_the_app_imports_no_service_sdk() -> None:
    """The platform imports `function_app` at every cold start: it must not pay for clients it may not need."""
    look = (
        "import sys, function_app; "
        "print(*sorted(n for n in sys.modules if n.startswith(('azure.', 'aiohttp', 'pydantic', 'shared'))))"
    )

    loaded = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert {"azure.functions"} == {".".join(name.split(".")[:2]) for name in loaded.split()}


@pytest.mark.parametrize(
    ("folders", "lists"),
    [
        (("shared",), ("requirements.in",)),
        (("local", "tests", "benchmarks"), ("requirements.in", "requirements-dev.in")),
    ],
)
def test_every_imported_package_is_asked_for_by_name(folders: tuple[str, ...], lists: tuple[str, ...]) -> None:
    """A package that is there only because another one wants it is gone when that one changes its mind."""
    asked = set().union(*(asked_for(ROOT / name) for name in lists))
    providers = packages_distributions()
    missing = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        if {"node_modules", "apps"} & set(path.parts):
            continue
        for module in {name.partition(".")[0] for name in imported(path)} - OURS - set(sys.stdlib_module_names):
            distributions = {d.lower().replace("_", "-") for d in providers.get(module, [module])}
            if not distributions & asked:
                missing.add((module, str(path.relative_to(ROOT))))
    assert set() == missing


def asked_for(requirements: Path) -> set[str]:
    """The packages that a requirements file names."""
    lines = (line.strip() for line in requirements.read_text().splitlines())
    return {re.split(r"[<>=\[]", line)[0].lower() for line in lines if line and line[0] not in "#-"}
