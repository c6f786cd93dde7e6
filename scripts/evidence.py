# ruff: noqa: INP001 - a script; scripts/ is no package
"""Writes the tables of docs/reference/evidence.md from the list of mutations: `python -m scripts.evidence`."""

import re
from pathlib import Path

from tests.faults.guards import MUTATIONS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "evidence.md"
_SECTION = re.compile(r"^(## (\d+) .*?)(?:^\|[^\n]*\n)+", re.DOTALL | re.MULTILINE)


def page() -> str:
    """The page as it has to be: the first table below each invariant's heading lists that invariant's mutations."""
    return _SECTION.sub(lambda found: found[1] + _table(int(found[2])), PAGE.read_text())


def _table(invariant: int) -> str:
    rows = [f"| {each.name} | `{each.test}` |" for each in MUTATIONS if each.invariant == invariant]
    return "\n".join(["| broken by | noticed by |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page())
