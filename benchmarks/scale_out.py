"""5. Scale-out: one and two worker processes on the same queue, with nothing in the way but the machine."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import Ground, Usage, ground

_SECONDS = (0.5, 1.0)
_SUBSCRIPTIONS = 8
"""Each has a pace of its own, at which its operations are looked at: one alone would set the limit."""

_IDLE_CORES = 0.2  # a tenth of two: less is left, so the cores are what limits


@dataclass(frozen=True, slots=True)
class _Look:
    """What has been used so far [CPU seconds], and when."""

    at: float
    workers: float
    azure: float
    storage: float
    idle: float

    @classmethod
    def of(cls, on: Ground) -> "_Look":
        idle = int(Path("/proc/stat").read_text().split()[4]) / os.sysconf("SC_CLK_TCK")
        workers = sum(Usage.of(host.pid).cpu_seconds for host in on.hosts)
        azure, storage = (Usage.of(pid).cpu_seconds for pid in (on.azure.pid, on.storage.pid))
        return cls(time.perf_counter(), workers, azure, storage, idle)


@dataclass(frozen=True, slots=True)
class _Run:
    """Rates are per second, what was used is in cores."""

    rotations: float
    workers: float
    azure: float
    storage: float
    idle: float
    twice: int


def measure(*, short: bool) -> Finding:
    """The same fleet with one worker and with two, in turn."""
    rounds, size = (1, 10) if short else (3, 400)
    runs: dict[int, list[_Run]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, done in runs.items():
            with ground(
                operation_seconds=_SECONDS, workers=workers, subscriptions=_SUBSCRIPTIONS, FIRST_POLL_SECONDS="1"
            ) as on:
                done.append(_run(on, size, edge=0 if short else size // 5))
    one, two = runs[1], runs[2]
    ratios = tuple(b.rotations / a.rotations for a, b in zip(one, two, strict=True))
    figures = [
        Figure("two workers ÷ one", ratios, "", Goal("at least", 1.7)),
        Figure("resources worked on twice", tuple(run.twice for run in two), "", Goal("exactly", 0), digits=0),
    ]
    for name, of, idle in (("one worker", one, None), ("two workers", two, Goal("at most", _IDLE_CORES))):
        figures += [
            Figure(name, tuple(run.rotations for run in of), "rotations/s", digits=1),
            Figure(f"{name}: themselves", tuple(run.workers for run in of), "cores"),
            Figure(f"{name}: emulators of Azure", tuple(run.azure for run in of), "cores"),
            Figure(f"{name}: Azurite", tuple(run.storage for run in of), "cores"),
            Figure(f"{name}: idle", tuple(run.idle for run in of), "cores", idle),
        ]
    return Finding(
        5,
        "Scale-out",
        tuple(figures),
        (
            (
                f"{size} rotations in {_SUBSCRIPTIONS} subscriptions, throttling off, operations of {_SECONDS[0]:g} to "
                f"{_SECONDS[1]:g} s: only the {os.cpu_count()} cores limit. Rates and cores are those between the "
                "first fifth of the rotations and the last. Emulators and storage run on the same cores; what they "
                "take is not there for the workers."
            ),
        ),
    )


def _run(on: Ground, size: int, *, edge: int) -> _Run:
    """Rates without the first and the last `edge` rotations."""
    resources = on.fleet(size)
    mark = on.mark()
    on.sweep()
    on.until_announced(edge, mark, timeout=300)
    done, before = on.announced(mark), _Look.of(on)
    on.until_announced(size - edge, mark, timeout=300)
    done, after = on.announced(mark) - done, _Look.of(on)
    on.until_announced(size, mark, timeout=300)
    on.until_idle()
    took = after.at - before.at
    return _Run(
        done / took,
        (after.workers - before.workers) / took,
        (after.azure - before.azure) / took,
        (after.storage - before.storage) / took,
        (after.idle - before.idle) / took,
        sum(len(on.azure.regenerations(resource)) != 1 for resource in resources),
    )
