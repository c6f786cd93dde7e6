# ruff: noqa: INP001 - a script; scripts/ is no package
"""Writes the list of modules in docs/architecture.md, from what each module says of itself in its first paragraph."""

import argparse
import ast
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
_BEGIN, _END = "<!-- modules: scripts/architecture.py writes what follows -->\n", "<!-- end of modules -->\n"


def modules(root: Path) -> str:
    """The list: a heading for each folder of `shared` and `local`, a line for each module."""
    paths = [path for package in ("shared", "local") for path in sorted((root / package).rglob("*.py"))]
    lines: list[str] = []
    for folder, members in groupby(sorted(paths, key=lambda path: (str(path.parent), path.name)), lambda p: p.parent):
        lines += ["", f"### {folder.relative_to(root)}", ""]
        lines += _lines(list(members))
    return "\n".join([*lines, "", ""])


def rewritten(page: str, root: Path) -> str:
    """The page with the list as it has to be."""
    before, _, rest = page.partition(_BEGIN)
    return before + _BEGIN + modules(root) + _END + rest.partition(_END)[2]


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
    page = PAGE.read_text()
    new = rewritten(page, ROOT)
    if not parser.parse_args().check:
        PAGE.write_text(new)
    return int(new != page)


if __name__ == "__main__":
    sys.exit(main())
