"""4. What the worker needs itself: rotations per second of CPU, and memory with 64 rotations in flight."""

import subprocess
import sys

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import DOCUMENTED_SECONDS, ROOT, Ground, Usage, ground

IN_FLIGHT = (32, 32)
"""batchSize and newBatchThreshold that make at most 64."""


def measure(*, short: bool) -> Finding:
    """Rotate a fleet without ARM's limits, so that nothing but the worker's own work is counted."""
    rounds, size = (1, 10) if short else (3, 192)
    rates, whole, peaks, idle, ratios = [], [], [], [], []
    for _ in range(rounds):
        seconds = (1.0, 2.0) if short else DOCUMENTED_SECONDS
        with ground(operation_seconds=seconds, in_flight=IN_FLIGHT) as on:
            resources = on.fleet(size)
            before, mark = Usage.of(on.host.pid), on.mark()
            on.sweep()
            on.until_announced(size, mark, timeout=600)
            on.until_idle()
            after = Usage.of(on.host.pid)
            bare = bare_seconds(on, "rotate", sum(IN_FLIGHT), resources)
        ratios.append((after.worker_seconds - before.worker_seconds) / size / bare)
        rates.append(size / (after.worker_seconds - before.worker_seconds))
        whole.append(size / (after.cpu_seconds - before.cpu_seconds))
        peaks.append(after.peak_megabytes)
        idle.append(before.peak_megabytes)
    return Finding(
        4,
        "CPU and memory of the worker",
        (
            Figure("rotations per CPU second", tuple(rates), "", digits=1),
            Figure("CPU of a rotation ÷ that of its bare calls", tuple(ratios), "", Goal("at most", 1.3)),
            Figure("the host's part counted too", tuple(whole), "", digits=1),
            Figure("peak memory, 64 in flight", tuple(peaks), "MB", Goal("at most", 150), digits=0),
            Figure("memory before", tuple(idle), "MB", digits=0),
        ),
        (
            (
                f"{size} rotations, throttling off, operations of {seconds[0]:g} to {seconds[1]:g} s. CPU of all "
                "threads that the platform's worker library and the app run on. The local host's own thread takes "
                "messages off the queue, keeps them hidden and logs, which on Azure another process does: the second "
                "rate has both."
            ),
            (
                "The bare calls (`benchmarks/bare_loop.py`) are made right after, over the same clients, to the same "
                "resources, in a process without the platform's worker library."
            ),
        ),
    )


def bare_seconds(on: Ground, what: str, at_once: int, resources: list[str]) -> float:
    """Seconds of CPU for one resource, of the calls alone that rotating it or looking at it can't do without."""
    command = [sys.executable, "-m", "benchmarks.bare_loop", what, str(at_once), *resources]
    ended = subprocess.run(command, cwd=ROOT, env=on.environment, check=True, capture_output=True, text=True)  # noqa: S603 - our own module
    return float(ended.stdout)
