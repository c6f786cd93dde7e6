# ruff: noqa: INP001 - a script; scripts/ is no package
"""Writes docs/reference/errors.md from the guides and the table of refusals: `python -m scripts.errors`."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from shared.adapters.azure_refusals import REFUSALS, UNKNOWN, Refusal, Service
from shared.domain.guidance import GUIDES, Group, Guide

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"
_HEAD = """# Errors

`code` stands in the operation status (`error` or `note`), in the event `RotationFailed`, in the log `rotation failed`,
in problem details and on the dashboard, with a message beside it (in the log: `why`). This page is made from
`shared/domain/guidance.py` and `shared/adapters/azure_refusals.py` by `python -m scripts.errors`; tests hold them
together.
"""
_REFUSALS = """## Refusals of Azure

What Azure answers instead of doing what it is asked, and the code that the app makes of it. The first row that fits
counts; the rows for any service come last. What no row knows is reported in the service's own words, without key
material and cut at 200 characters.

- **ends**: *at once* is recorded and announced; *later* is retried with growing distances first, and then reported.
- **fault**: what stands in the way. A permission helps only where it says *role*, *access policy* or *deny assignment*.
"""


def page() -> str:
    """The page as it has to be."""
    lines = [_HEAD]
    for group in Group:
        lines += [f"## {group.value}", ""]
        for code, guide in GUIDES.items():
            lines += _explained(code, guide) if guide.group is group else ()
    lines.append(_REFUSALS)
    for service, rows in groupby(REFUSALS, lambda row: row.service):
        title = "Any service" if service is Service.ANY else service.value
        lines += [f"### {title}", "", "| status | code | our code | ends | fault | what it means |"]
        lines.append("|---|---|---|---|---|---|")
        lines += [_row(list(alike)) for _, alike in groupby(rows, lambda row: (row.status, row.says, row.cause))]
        lines.append("")
    lines += ["### What to do about a refusal", "", "| fault | what it means | what to do |", "|---|---|---|"]
    causes = dict.fromkeys(row.cause for row in (*REFUSALS, UNKNOWN))
    lines += [f"| {cause.fault} | {_filled(cause.means)} | {_filled(cause.remedy)} |" for cause in causes]
    return "\n".join([*lines, ""])


def _explained(code: str, guide: Guide) -> list[str]:
    """A section of its own: its heading is the anchor that everything else links to."""
    return [
        f"### {code}",
        "",
        guide.means,
        "",
        f"- **Clients:** {guide.clients}.",
        f"- **Retried:** {guide.retried}.",
        f"- **Do:** {guide.do.removesuffix('.')}.",
        f"- **Escalate when:** {guide.escalate}.",
        "",
    ]


def _row(rows: Sequence[Refusal]) -> str:
    row = rows[0]
    code = ", ".join(f"`{each.code}`" for each in rows) if row.code else "any"
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
