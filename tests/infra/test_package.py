"""The zip that is deployed holds the app and nothing else."""

import sys
import zipfile
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
sys.path.insert(0, str(ROOT / "scripts"))

import package  # noqa: E402 - scripts/ is no package of its own


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> package.Package:
    return package.build(ROOT, tmp_path_factory.mktemp("package") / "app.zip")


def test_holds_the_app_and_nothing_else(built: package.Package) -> None:
    assert {"function_app.py", "host.json", "requirements.txt", "shared"} == {
        name.split("/")[0] for name in built.names
    }


def test_every_module_of_the_app_is_in_it(built: package.Package) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "shared").rglob("*") if path.is_file()}

    assert {name for name in modules if "__pycache__" not in name} == {
        n for n in built.names if n.startswith("shared/")
    }


def test_zip_holds_what_was_listed_byte_for_byte(built: package.Package) -> None:
    with zipfile.ZipFile(built.path) as opened:
        assert list(built.names) == opened.namelist()
        assert all(opened.read(name) == (ROOT / name).read_bytes() for name in built.names)


def test_same_tree_gives_the_same_bytes(built: package.Package, tmp_path: Path) -> None:
    assert built.sha256 == package.build(ROOT, tmp_path / "again.zip").sha256


@pytest.mark.parametrize(
    "stray",
    [
        "local.settings.json",
        ".env",
        ".git/config",
        ".venv/lib/thing.py",
        "signalr-key-rotation_env/pyvenv.cfg",
        "tests/unit/test_layout.py",
        "local/demo.py",
        "infra/main.json",
        "docs/how-to/install.md",
        "dist/app.zip",
        "shared/domain/__pycache__/keys.cpython-313.pyc",
        "node_modules/azurite/package.json",
    ],
)
def test_what_lies_around_stays_out(tmp_path: Path, stray: str) -> None:
    (tmp_path / ".funcignore").write_text((ROOT / ".funcignore").read_text())
    for name in (stray, "function_app.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")

    assert ["function_app.py"] == list(package.contents(tmp_path))


@pytest.mark.parametrize("module", ["function_app", "shared.composition", "shared.http.routes"])
def test_imports_from_the_zip_alone(built: package.Package, module: str) -> None:
    """Fails if the app reaches for a module that stays behind."""
    assert 0 < built.import_seconds(module) < 60


def test_is_small(built: package.Package) -> None:
    assert built.path.stat().st_size < 2**20
