"""3. A whole fleet that is due at once, in one subscription, under the limits that ARM documents."""

import time
from datetime import datetime
from typing import Any

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import DOCUMENTED_SECONDS, WRITES, Ground, ground

BURST, PER_SECOND = 200, 10
"""ARM's write bucket: what it holds, and what comes back each second."""

WRITES_EACH = 2


def bound(size: int) -> float:
    """The least time [s] that the write bucket leaves for so many rotations: their writes, and one operation."""
    return max(0.0, (size * WRITES_EACH - BURST) / PER_SECOND) + sum(DOCUMENTED_SECONDS) / 2


def measure(*, short: bool) -> Finding:
    """Fleets of 10, 100 and 1,000."""
    figures: list[Figure] = []
    notes = []
    for size in (5,) if short else (10, 100, 1000):
        with ground(throttling=True, operation_seconds=(1, 2) if short else DOCUMENTED_SECONDS) as on:
            found, said = _fleet(on, size)
        figures += found
        notes.append(said)
    return Finding(3, "A fleet that is due at once", tuple(figures), tuple(notes))


def _fleet(on: Ground, size: int) -> tuple[list[Figure], str]:
    resources = on.fleet(size)
    mark, began = on.mark(), time.perf_counter()
    on.sweep()
    on.until_announced(size, mark, timeout=4 * bound(size) + 60)
    took = time.perf_counter() - began
    on.until_idle()
    statuses = on.statuses(mark)
    made = [on.azure.regenerations(resource) for resource in resources]
    rotated = sum(len(each) == 1 for each in made)
    calls = sum(statuses.values())
    refused = sum(count for (_, status), count in statuses.items() if status == 429)  # noqa: PLR2004 - HTTP's own number
    writes = sum(count for (operation, _), count in statuses.items() if operation in WRITES)
    reads = sum(count for (op, _), count in statuses.items() if op.startswith("SignalR.")) - writes
    named = f"fleet of {size:,}"
    limited = size * WRITES_EACH > BURST
    least = bound(size) if limited else _longest_operation(made)
    figures = [
        Figure(f"{named}: wall time ÷ bound", (took / least,), "", Goal("at most", 1.05 if limited else 1.10)),
        Figure(f"{named}: wall time", (took,), "s", digits=1),
        Figure(f"{named}: failed", (size - rotated,), "", Goal("exactly", 0), digits=0),
        Figure(f"{named}: calls answered 429", (100 * refused / calls,), "%", Goal("exactly", 0)),
        Figure(f"{named}: ARM writes each", (writes / size,), ""),
        Figure(f"{named}: ARM reads each", (reads / size,), ""),
    ]
    return (
        figures,
        f"{named}: bound {least:.1f} s; {_longest_wait(made):.1f} s from the first to the last POST.",
    )


def _longest_operation(made: list[list[dict[str, Any]]]) -> float:
    """The bound of a fleet that the write bucket lets through at once."""
    spans = (datetime.fromisoformat(one["effectiveAt"]) - datetime.fromisoformat(one["startedAt"]) for one, *_ in made)
    return max(spans).total_seconds()


def _longest_wait(made: list[list[dict[str, Any]]]) -> float:
    starts = [datetime.fromisoformat(one["startedAt"]) for one, *_ in made]
    return (max(starts) - min(starts)).total_seconds()
