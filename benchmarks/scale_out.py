"""5. Scale-out: one and two worker processes on the same queue, with nothing in the way but the machine."""

import time
from dataclasses import dataclass

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import Ground, Usage, ground

_SECONDS = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class _Run:
    per_second: float
    twice: int
    workers_cpu: float
    azure_cpu: float


def measure(*, short: bool) -> Finding:
    """The same fleet with one worker and with two, in turn."""
    rounds, size = (1, 10) if short else (3, 200)
    runs: dict[int, list[_Run]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, done in runs.items():
            with ground(operation_seconds=_SECONDS, workers=workers, first_poll_seconds=1) as on:
                done.append(_run(on, size))
    one, two = runs[1], runs[2]
    ratios = tuple(b.per_second / a.per_second for a, b in zip(one, two, strict=True))
    return Finding(
        5,
        "Scale-out",
        (
            Figure("two workers ÷ one", ratios, ""),
            Figure("one worker", tuple(run.per_second for run in one), "rotations/s", digits=1),
            Figure("two workers", tuple(run.per_second for run in two), "rotations/s", digits=1),
            Figure("resources worked on twice", tuple(run.twice for run in two), "", Goal("exactly", 0), digits=0),
            Figure("two workers: their share of a core", tuple(100 * run.workers_cpu for run in two), "%", digits=0),
            Figure("two workers: stand-ins' share of a core", tuple(100 * run.azure_cpu for run in two), "%", digits=0),
        ),
        (
            (
                f"{size} rotations, throttling off, operations of {_SECONDS[0]:g} to {_SECONDS[1]:g} s: only the cores "
                "limit. "
                "Stand-ins and storage run on the same two cores; what they take is not there for the workers."
            ),
        ),
    )


def _run(on: Ground, size: int) -> _Run:
    resources = on.fleet(size)
    mark, began = on.mark(), time.perf_counter()
    before = [Usage.of(host.pid).cpu_seconds for host in on.hosts]
    azure = Usage.of(on.azure.pid).cpu_seconds
    on.sweep()
    on.until_announced(size, mark, timeout=300)
    took = time.perf_counter() - began
    workers = sum(Usage.of(host.pid).cpu_seconds - used for host, used in zip(on.hosts, before, strict=True))
    azure = Usage.of(on.azure.pid).cpu_seconds - azure
    on.until_idle()
    twice = sum(len(on.azure.regenerations(resource)) != 1 for resource in resources)
    return _Run(size / took, twice, workers / took, azure / took)
