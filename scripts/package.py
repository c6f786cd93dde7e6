# ruff: noqa: INP001 - a script; scripts/ is no package
"""Builds the deployable zip from exactly what `.funcignore` lets through.

The same tree gives the same bytes: names are sorted and times are fixed, so that a digest tells whether two packages
are one. Dependencies are not in it: the platform installs `requirements.txt` itself (remote build).
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

ROOT = Path(__file__).parents[1]
# The first moment a zip can hold: any fixed one would do.
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """A zip that was built, and what is in it."""

    path: Path
    names: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Digest of the zip's bytes, in hex."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def import_seconds(self, module: str) -> float:
        """How long a fresh interpreter takes to import `module` from the unpacked zip [s], its own start included.

        This interpreter's packages are used. Raises `subprocess.CalledProcessError` if the import fails.
        """
        with tempfile.TemporaryDirectory() as folder:
            zipfile.ZipFile(self.path).extractall(folder)
            began = time.perf_counter()
            # Not from here: only the unpacked folder may be found.
            subprocess.run([sys.executable, "-c", f"import {module}"], cwd=folder, check=True)  # noqa: S603 - our own words
            return time.perf_counter() - began


def contents(root: Path) -> Iterator[str]:
    """Names, relative to `root`, of the files that `.funcignore` lets through, in order."""
    ignored = GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if not ignored.match_file(f"{here / name}/"))
        yield from sorted(str(here / name) for name in files if not ignored.match_file(str(here / name)))


def build(root: Path, path: Path) -> Package:
    """Write the package of the tree at `root` to `path`, replacing what is there."""
    names = tuple(sorted(contents(root)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name in names:
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, (root / name).read_bytes())
    return Package(path, names)


def main() -> None:
    """Build, and say what came of it."""
    parser = argparse.ArgumentParser(description="Builds the deployable zip.")
    parser.add_argument("path", nargs="?", type=Path, default=ROOT / "dist" / "app.zip", help="default: dist/app.zip")
    package = build(ROOT, parser.parse_args().path)
    sys.stdout.write("".join(f"  {name}\n" for name in package.names))
    sys.stdout.write(
        f"{package.path}: {len(package.names)} files, {package.path.stat().st_size / 1024:.1f} KiB\n"
        f"sha256 {package.sha256}\n"
        f"imported in {package.import_seconds('function_app'):.2f} s to be indexed, "
        f"in {package.import_seconds('shared.composition'):.2f} s to serve its first call\n"
    )


if __name__ == "__main__":
    main()
