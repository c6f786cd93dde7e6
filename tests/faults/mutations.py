"""`make mutants`: each invariant is broken on purpose, in a copy of the tree, and a named test must notice."""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.guards import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
_NOTICED = 1  # pytest's exit status when tests failed
_SECONDS = 600
_AT_ONCE = 2


def _copy(folder: Path) -> Path:
    """The tree as it is now, without what is made from it."""
    tree = folder / "tree"
    left_out = shutil.ignore_patterns(".git", ".venv", ".run", "dist", "node_modules", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, tree, ignore=left_out)
    (tree / "local/azurite/node_modules").symlink_to(ROOT / "local/azurite/node_modules")
    return tree


def _failures(tree: Path, *tests: str) -> list[str]:
    """What pytest says of the first test that fails, or nothing."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "--show-capture=no", *tests],
        cwd=tree,
        env=os.environ | {"MUTANT": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if ended.returncode not in {0, _NOTICED}:
        raise RuntimeError(f"pytest ended with {ended.returncode}:\n{ended.stdout[-2000:]}")
    said = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return said or ["a test fails"] if ended.returncode == _NOTICED else []


def noticed(mutation: Mutation) -> bool:
    """Whether the test that is named fails on the mutated tree. Raises `ValueError` when the mutation does not fit."""
    with tempfile.TemporaryDirectory(prefix="signalr-rotation-mutant-") as name:
        tree = _copy(Path(name))
        source = tree / mutation.file
        text = source.read_text()
        if (times := text.count(mutation.old)) != 1:
            raise ValueError(f"{mutation.name}: {mutation.file} holds what it replaces {times} times")
        source.write_text(text.replace(mutation.old, mutation.new))
        return bool(_failures(tree, mutation.test))


def unsound() -> list[str]:
    """What fails on a copy that nothing was changed in, of the tests that are named: it would notice anything."""
    with tempfile.TemporaryDirectory(prefix="signalr-rotation-mutant-") as name:
        return _failures(_copy(Path(name)), *dict.fromkeys(mutation.test for mutation in MUTATIONS))


def main(chosen: list[str]) -> int:
    """Try each mutation, or those whose names hold one of the given words; 1 if one survives."""
    tried = [m for m in MUTATIONS if not chosen or any(word in m.name for word in chosen)]
    if not chosen and (failures := unsound()):
        _say("a test fails without any mutation:", *failures)
        return 1
    survivors = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for mutation, killed in zip(tried, pool.map(noticed, tried), strict=True):
            survivors += not killed
            _say(f"{'killed  ' if killed else 'SURVIVED'} {mutation.invariant} {mutation.name}")
    _say(f"mutants: {len(tried)}, survived: {survivors}")
    return 1 if survivors else 0


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
