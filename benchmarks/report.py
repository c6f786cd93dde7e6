"""How findings are told: on the screen, as JSON, and as the tables of docs/reference/measurements.md."""

import json
import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.finding import Figure, Finding
from benchmarks.ground import ROOT

RESULTS = ROOT / "docs" / "reference" / "measurements.json"
PAGE = ROOT / "docs" / "reference" / "measurements.md"
COMMAND = "make bench"


def say(finding: Finding, *, short: bool = False) -> None:
    """Print it; after a short run without verdicts, which would mean nothing."""
    sys.stdout.write(f"\n{finding.number}. {finding.title} ({finding.seconds:.0f} s)\n")
    for figure in finding.figures:
        goal = f"  goal {figure.goal_shown}: {figure.verdict.upper()}" if figure.goal and not short else ""
        spread = f" ({figure.spread})" if figure.spread else ""
        sys.stdout.write(f"   {figure.name:<52} {figure.shown:>16}{spread}{goal}\n")
    for note in finding.notes:
        sys.stdout.write(f"   {note}\n")
    sys.stdout.flush()


def write(finding: Finding) -> None:
    """Put it into the results and the page, in the place of what was there under its number."""
    known: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[str(finding.number)] = finding.as_json() | {
        "command": f"python -m benchmarks {finding.number}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": _machine(),
    }
    in_order = {number: known[number] for number in sorted(known, key=int)}
    RESULTS.write_text(json.dumps(in_order, indent=1, ensure_ascii=False) + "\n")
    begin, end = f"<!-- finding {finding.number} -->", f"<!-- end {finding.number} -->"
    page = PAGE.read_text()
    table = _table(finding, known[str(finding.number)])
    PAGE.write_text(re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{table}{end}", page, flags=re.DOTALL))


def _table(finding: Finding, meta: dict[str, Any]) -> str:
    lines = ["| figure | median | spread | goal | |", "|---|---:|---|---|---|", *map(_row, finding.figures), ""]
    lines += [f"- {note}" for note in finding.notes]
    lines += [f"- `{meta['command']}`, {meta['date']}, {meta['machine']}, {finding.seconds:.0f} s.", ""]
    return "\n".join(lines)


def _row(figure: Figure) -> str:
    return f"| {figure.name} | {figure.shown} | {figure.spread} | {figure.goal_shown} | {figure.verdict} |"


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{cores} cores of {model}, load {os.getloadavg()[0]:.1f} at the end, Python {platform.python_version()}"
