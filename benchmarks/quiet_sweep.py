"""6. A sweep over a fleet of which nothing is due: what the hourly look costs."""

import time

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import WRITES, Usage, ground

READS = ("SignalR.list", "SignalR.get")


def measure(*, short: bool) -> Finding:
    """Sweep once to be known, then measure the sweeps that follow."""
    rounds, size = (1, 20) if short else (3, 1000)
    took, cpu, reads, writes, refused = [], [], [], [], []
    with ground(ROTATION_PERIOD_DAYS="365") as on:
        on.fleet(size)
        on.throttling = True
        for _ in range(rounds):
            before, mark, began = Usage.of(on.host.pid).cpu_seconds, on.mark(), time.perf_counter()
            on.sweep()
            on.until_looked_at(size, mark, timeout=300)
            took.append(time.perf_counter() - began)
            on.until_idle()
            cpu.append(Usage.of(on.host.pid).cpu_seconds - before)
            asked = on.statuses(mark)
            writes.append(sum(count for (operation, _), count in asked.items() if operation in WRITES))
            reads.append(sum(count for (operation, _), count in asked.items() if operation in READS))
            refused.append(sum(count for (_, status), count in asked.items() if status == 429))  # noqa: PLR2004 - HTTP's own number
    named = f"{size:,} resources"
    return Finding(
        6,
        "A sweep with nothing due",
        (
            Figure(f"{named}: ARM writes", tuple(writes), "", Goal("exactly", 0), digits=0),
            Figure(f"{named}: ARM reads", tuple(reads), "", digits=0),
            Figure(f"{named}: calls answered 429", tuple(refused), "", digits=0),
            Figure(f"{named}: wall time", tuple(took), "s", digits=1),
            Figure(f"{named}: CPU of the worker", tuple(cpu), "s", digits=1),
        ),
        ("Each resource: one message, its record, the newest secret version, one probe of the data plane.",),
    )
