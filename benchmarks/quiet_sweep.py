"""6. A sweep over a fleet of which nothing is due: what the hourly look costs."""

import time

from benchmarks.cpu import bare_seconds
from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import WRITES, Usage, ground

_AT_ONCE = 128  # host.json: as many messages has a worker in hand
READS = ("SignalR.list", "SignalR.get")
_PROBES_EACH = 2  # of the published key, and of a random one


def measure(*, short: bool) -> Finding:
    """Sweep once to be known, then measure the sweeps that follow."""
    rounds, size = (1, 20) if short else (3, 1000)
    took, cpu, ratios, reads, writes, refused = [], [], [], [], [], []
    with ground(ROTATION_PERIOD_DAYS="365") as on:
        resources = on.fleet(size)
        on.throttling = True
        for _ in range(rounds):
            before, mark, began = Usage.of(on.host.pid), on.mark(), time.perf_counter()
            on.sweep()
            on.until_looked_at(_PROBES_EACH * size, mark, timeout=300)
            took.append(time.perf_counter() - began)
            on.until_idle()
            cpu.append(Usage.of(on.host.pid).worker_seconds - before.worker_seconds)
            asked = on.statuses(mark)
            writes.append(sum(count for (operation, _), count in asked.items() if operation in WRITES))
            reads.append(sum(count for (operation, _), count in asked.items() if operation in READS))
            refused.append(sum(count for (_, status), count in asked.items() if status == 429))  # noqa: PLR2004 - HTTP's own number
            ratios.append(cpu[-1] / size / bare_seconds(on, "look", _AT_ONCE, resources))
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
            Figure(f"{named}: CPU ÷ that of its bare calls", tuple(ratios), "", Goal("at most", 1.5)),
        ),
        (
            "Each resource: one message, its record, the newest secret version, a probe of its key and of another.",
            (
                "The bare calls (`benchmarks/bare_loop.py`) are one secret read and one probe of each. CPU is that of "
                "all threads that the platform's worker library and the app run on, as in 4."
            ),
        ),
    )
