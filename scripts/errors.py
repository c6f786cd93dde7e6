# ruff: noqa: INP001 - a script; scripts/ is no package
"""Writes docs/reference/errors.md from the table of refusals: `python -m scripts.errors`."""

from itertools import groupby
from pathlib import Path

from shared.adapters.azure_refusals import REFUSALS, UNKNOWN, Refusal, Service

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"
_HEAD = """# Refusals

What Azure answers instead of doing what it is asked, and what the app makes of it. Made from
`shared/adapters/azure_refusals.py` by `python -m scripts.errors`; a test holds the two together, and another one tries
every row. The first row that fits counts; the rows for any service come last. What no row knows is told in the
service's own words, without key material and cut at 200 characters.

- **our code**: what operation status, events and log name; [operations.md](../operations.md#what-to-do-for-each-code)
  has what to do for each.
- **ends**: *at once* is recorded and announced; *later* is retried with growing distances first, and then reported.
- **fault**: what stands in the way. A permission helps only where it says *role*, *access policy* or *deny assignment*.
"""


def page() -> str:
    """The page as it has to be."""
    lines = [_HEAD]
    for service, rows in groupby(REFUSALS, lambda row: row.service):
        title = "Any service" if service is Service.ANY else service.value
        lines += [f"## {title}", "", "| status | code | our code | ends | fault | what it means |"]
        lines.append("|---|---|---|---|---|---|")
        lines += [_row(row) for row in rows]
        lines.append("")
    lines += ["## What to do", "", "| fault | what it means | what to do |", "|---|---|---|"]
    causes = dict.fromkeys(row.cause for row in (*REFUSALS, UNKNOWN))
    lines += [f"| {cause.fault} | {_filled(cause.means)} | {_filled(cause.remedy)} |" for cause in causes]
    return "\n".join([*lines, ""])


def _row(row: Refusal) -> str:
    code = f"`{row.code}`" if row.code else "any"
    words = f" saying “{row.says}”" if row.says else ""
    ends = "at once" if row.cause.terminal else "later"
    cells = (row.status or "any", code + words, f"`{row.cause.error.code}`", ends, row.cause.fault)
    return "| " + " | ".join(map(str, (*cells, _filled(row.cause.means)))) + " |"


def _filled(text: str) -> str:
    return text.format(needs="the permission that the message names")


def main() -> None:
    """Write it."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
