"""`python -m benchmarks`: all ten measurements, each held to its goal.

With `--write` the results go into docs/reference/measurements.json and the table of measurements.md beside it.
`--short` only shows, in less than a minute, that every measurement runs: its figures mean nothing.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Protocol

from benchmarks import (
    cold_start,
    cpu,
    first_answer,
    fleet,
    looking,
    overhead,
    quiet_sweep,
    report,
    scale_out,
    side_by_side,
    telemetry_volume,
)
from benchmarks.finding import Finding

_AT_ONCE = 4


class Measurement(Protocol):
    """One of the ten."""

    def measure(self, *, short: bool) -> Finding:
        """Take it."""


ALL: tuple[Measurement, ...] = (
    cold_start,
    overhead,
    fleet,
    cpu,
    scale_out,
    quiet_sweep,
    side_by_side,
    looking,
    first_answer,
    telemetry_volume,
)


def _measure(module: Measurement, *, short: bool) -> Finding:
    began = time.perf_counter()
    finding = module.measure(short=short)
    return replace(finding, seconds=time.perf_counter() - began)


def main() -> int:
    """Exit code 1 when a goal is missed, but never for a short run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="smoke-test the benchmarks, in less than a minute")
    parser.add_argument("--write", action="store_true", help="into docs/reference/measurements.*")
    parser.add_argument("numbers", nargs="*", type=int, help="which of the ten; default: all")
    asked = parser.parse_args()
    chosen = [module for number, module in enumerate(ALL, 1) if not asked.numbers or number in asked.numbers]
    if asked.short:
        # Some at once, as none of the figures counts.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for finding in pool.map(partial(_measure, short=True), chosen):
                report.say(finding, short=True)
        return 0
    findings: list[Finding] = []
    for module in chosen:
        findings.append(_measure(module, short=False))
        report.say(findings[-1])
        if asked.write:
            report.write(findings[-1])
    missed = [figure.name for finding in findings for figure in finding.figures if figure.verdict == "missed"]
    sys.stdout.write(f"goals missed: {len(missed)}{''.join(f'; {name}' for name in missed)}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
