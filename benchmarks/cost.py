"""What 10, 1,000 and 10,000 resources cost a month: what was counted and measured, times list prices.

python -m benchmarks.cost [--write]     prints the table, or writes it into docs/explanation/sizing-and-cost.md
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from benchmarks.ground import ROOT
from benchmarks.report import RESULTS

PAGE = ROOT / "docs" / "explanation" / "sizing-and-cost.md"
SIZES = (10, 1_000, 10_000)
SWEEPS = 730
"""A month's hours: the default schedule sweeps hourly."""
_PERIOD_DAYS, _MONTH_DAYS = 60, 365 / 12
_INSTANCE_GB = 2.0  # infra/main.bicep: instanceMemoryMB 2048
_QUEUES = 4
_POLLS = 86_400 / 5 * _MONTH_DAYS  # of one queue whose instance never goes; docs/adr/0028
_SPANS_OF_A_POLL = 2  # of the platform's host, counted: docs/adr/0028
_RECORDS_OF_AN_EXECUTION = 3  # of the platform's host, taken: its request and two lines of its log
_ALERTS = ROOT / "infra" / "modules" / "alerts.bicep"
_RECORD_GB = 1e-6  # a stored record is taken to be 1 kB, as in docs/adr/0028


@dataclass(frozen=True, slots=True)
class Meter:
    """One line of the bill: list price [USD] of `per` units, pay as you go, East US; `free` units a month.

    `grant_of`: another line whose grant it shares, and which uses it first.
    """

    name: str
    price: float
    per: float
    free: float
    source: str
    used: Callable[[int], float]
    grant_of: "Meter | None" = None

    def cost(self, resources: int) -> float:
        """Of so many resources, for a month [USD]."""
        free = max(0.0, self.grant_of.free - self.grant_of.used(resources)) if self.grant_of else self.free
        return max(0.0, self.used(resources) - free) / self.per * self.price


@cache
def _measured() -> Mapping[str, float]:
    known = json.loads(RESULTS.read_text())
    return {figure["name"]: figure["median"] for finding in known.values() for figure in finding["figures"]}


def _rotations(resources: int) -> float:
    return resources * _MONTH_DAYS / _PERIOD_DAYS


def _executions(resources: int) -> float:
    """A sweep, a check of each resource by each sweep. A rotation is one of those checks."""
    return SWEEPS * (1 + resources)


def _busy_gb_seconds(resources: int) -> float:
    """One instance is busy for the time of a quiet sweep, and in the worst case alone with each rotation."""
    measured = _measured()
    sweep = measured["1,000 resources: wall time"] / 1_000
    rotation = measured["fleet of 10: wall time"]
    return _INSTANCE_GB * (SWEEPS * (1 + sweep * resources) + rotation * _rotations(resources))


def _vault_calls(resources: int) -> float:
    """docs/reference/calls-of-a-rotation.md: the newest version for a check; three of those and a new one more."""
    return SWEEPS * resources + 4 * _rotations(resources)


def _blob_writes(resources: int) -> float:
    """Of the same list: three writes of the record, one of the operation, four of the lease; each sweep's own four."""
    return 4 * SWEEPS + 8 * _rotations(resources)


def _blob_reads(resources: int) -> float:
    """The record for each check, two for each rotation; the sweep lists five thousand records a page."""
    return SWEEPS * (3 + resources + resources / 5_000) + 2 * _rotations(resources)


def _queue_calls(resources: int) -> float:
    """A message is put and deleted, and taken with 31 others."""
    return (2 + 1 / 32) * SWEEPS * resources


def _log_gb(resources: int) -> float:
    measured, rotations = _measured(), _rotations(resources)
    app = SWEEPS * measured["records of a check"] * resources + measured["records of a rotation"] * rotations
    host = _RECORDS_OF_AN_EXECUTION * _executions(resources)
    audit = _vault_calls(resources) + _blob_writes(resources)  # infra/modules: key-vault.bicep, storage.bicep
    return _RECORD_GB * (app + host + audit)


@cache
def _alert_rules() -> int:
    """Each looks every 15 minutes or more rarely: the cheapest class. Of any fleet the same."""
    return len(re.findall(r"^    event: ", _ALERTS.read_text(), re.MULTILINE))


_LOGS = Meter("logs and spans, GB", 2.30, 1, 5, "Azure Monitor pricing", _log_gb)
METERS = (
    Meter("Functions, GB-seconds", 0.000026, 1, 100_000, "Azure Functions pricing", _busy_gb_seconds),
    Meter("Functions, executions", 0.40, 1e6, 250_000, "Azure Functions pricing", _executions),
    Meter("Key Vault, operations", 0.03, 1e4, 0, "Key Vault pricing", _vault_calls),
    Meter("Storage, blob writes", 0.05, 1e4, 0, "Azure Blob Storage pricing", _blob_writes),
    Meter("Storage, blob reads", 0.004, 1e4, 0, "Azure Blob Storage pricing", _blob_reads),
    Meter("Storage, queue calls", 0.004, 1e4, 0, "Azure Queue Storage pricing", _queue_calls),
    Meter("Event Grid, events", 0.60, 1e6, 100_000, "Event Grid pricing", _rotations),
    _LOGS,
    Meter("Azure Monitor, alert rules", 0.50, 1, 0, "Azure Monitor pricing", lambda _: _alert_rules()),
)
IDLE = (
    Meter("idle polls of four queues", 0.004, 1e4, 0, "Azure Queue Storage pricing", lambda _: _QUEUES * _POLLS),
    Meter(
        "their spans, GB",
        2.30,
        1,
        0,
        "Azure Monitor pricing",
        lambda _: _QUEUES * _POLLS * _SPANS_OF_A_POLL * _RECORD_GB,
        grant_of=_LOGS,
    ),
)


def table() -> str:
    """The table of the page."""
    sizes = " | ".join(f"{size:,} resources" for size in SIZES)
    lines = [f"| a month | {sizes} | list price |", "|---|" + "---:|" * len(SIZES) + "---|"]
    lines += [_row(meter) for meter in METERS]
    lines.append(_sum("**sum, where instances go between sweeps**", METERS))
    lines += [_row(meter) for meter in IDLE]
    lines.append(_sum("**sum, where no instance ever goes**", (*METERS, *IDLE)))
    return "\n".join([*lines, ""])


def _row(meter: Meter) -> str:
    cells = (f"{meter.used(size):,.{0 if meter.used(size) > 100 else 2}f}: ${meter.cost(size):,.2f}" for size in SIZES)  # noqa: PLR2004 - large enough
    free = f", {meter.free:,.0f} free" if meter.free else ""
    price = f"{meter.price:f}".rstrip("0")
    return f"| {meter.name} | {' | '.join(cells)} | ${price} for {meter.per:,.0f}{free} ({meter.source}) |"


def _sum(name: str, meters: tuple[Meter, ...]) -> str:
    return f"| {name} | {' | '.join(f'**${sum(each.cost(size) for each in meters):,.2f}**' for size in SIZES)} | |"


def page() -> str:
    """The page as it has to be."""
    begin, end = "<!-- costs -->\n", "<!-- end costs -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}{table()}{end}", PAGE.read_text(), flags=re.DOTALL)


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    else:
        sys.stdout.write(table())
