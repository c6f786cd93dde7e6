"""The layers that import-linter holds (`make lint`): a module in no room, or an import upwards, is noticed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what import-linter reads."""
    for package in ("shared", "local"):
        left_out = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=left_out)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def complaints(tree: Path) -> tuple[int, str]:
    ended = subprocess.run([LINTER, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    status, said = complaints(tree)

    assert (0, True) == (status, "0 broken" in said), said


@pytest.mark.parametrize(
    "room",
    [
        *("shared", "shared/domain", "shared/rotation", "shared/adapters", "shared/http", "shared/dashboard"),
        *("shared/observability", "local"),
    ],
)
def test_a_module_in_no_layer_fails(tree: Path, room: str) -> None:
    (tree / room / "stray.py").write_text('"""Nobody said where this belongs."""\n')

    status, said = complaints(tree)

    assert (1, True) == (status, "stray" in said), said


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("shared/rotation/submit.py", "from shared.adapters import blob_records"),
        ("shared/http/routes.py", "from shared import composition"),
        ("shared/domain/keys.py", "import azure.core"),
        (
            "shared/rotation/ports.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import shared.rotation.run",
        ),
        ("shared/adapters/key_vault.py", "from shared.adapters import event_grid"),
        ("shared/adapters/key_vault.py", "from shared.rotation import worker"),
        ("shared/settings.py", "import local"),
    ],
    ids=lambda text: text.splitlines()[-1].strip(),
)
def test_an_import_upwards_fails(tree: Path, module: str, line: str) -> None:
    path = tree / module
    path.write_text(f"{path.read_text()}\n{line}\n")

    status, said = complaints(tree)

    assert (1, True) == (status, "1 broken" in said or "2 broken" in said or "3 broken" in said), said
