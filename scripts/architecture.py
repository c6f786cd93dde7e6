# ruff: noqa: INP001 - a script; scripts/ is no package
"""Writes docs/reference/modules.md: every module, in what it says of itself in its first paragraph."""

import argparse
import ast
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "modules.md"
_HEAD = """# Modules

Made by `make architecture` from the modules' own first lines. How they fit: [architecture](../architecture.md).
"""


def modules(root: Path) -> str:
    """The page: a heading for each folder of `shared` and `local`, a line for each module."""
    paths = [path for package in ("shared", "local") for path in sorted((root / package).rglob("*.py"))]
    lines: list[str] = []
    for folder, members in groupby(sorted(paths, key=lambda path: (str(path.parent), path.name)), lambda p: p.parent):
        lines += ["", f"## {folder.relative_to(root)}", ""]
        lines += _lines(list(members))
    return _HEAD + "\n".join([*lines, ""])


def _lines(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        said = ast.get_docstring(ast.parse(path.read_text())) or ""
        idea = " ".join(said.partition("\n\n")[0].split())
        yield idea if path.name == "__init__.py" else f"- `{path.name}`: {idea}"
        if path.name == "__init__.py":
            yield ""


def main() -> int:
    """Rewrite the page, or only look at it; exit code 1 if it is not, or was not, as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    page = PAGE.read_text() if PAGE.exists() else ""
    new = modules(ROOT)
    if not parser.parse_args().check:
        PAGE.write_text(new)
    return int(new != page)


if __name__ == "__main__":
    sys.exit(main())
