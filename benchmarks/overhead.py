"""2. What one rotation takes beyond ARM's own operation, beside the plain SDK script and the Azure CLI."""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from benchmarks.cli import AzureCli, available
from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import ROOT, Ground, ground
from local.azure.instructions import app_settings

SECONDS = (5.0, 13.0, 20.0)


def measure(*, short: bool) -> Finding:
    """Rotate one resource at a time by the webhook, with operations of three lengths."""
    lengths, rounds = ((1.0,), 1) if short else (SECONDS, 3)
    figures: list[Figure] = []
    with ground(operation_seconds=(lengths[0], lengths[0])) as on:
        resources = on.fleet(2)
        rotate: dict[str, Callable[[str], object]] = {"our app": partial(_ours, on)}
        if not short:
            rotate["plain SDK script"] = partial(_plain, on)
        if not short and available():
            cli = AzureCli(on.azure)
            rotate["az: renew, look until it changed, secret set"] = cli.rotate
        _ours(on, resources[0])  # tokens, connections and imports are there afterwards, as on any later day
        for seconds in lengths:
            on.azure.configure(None, operation_seconds=(seconds, seconds))
            for name, act in rotate.items():
                ours = name == "our app"
                overheads = tuple(_overhead(on, act, resources[0 if ours else 1]) for _ in range(rounds if ours else 1))
                goal = Goal("at most", 0.6) if ours else None
                figures.append(Figure(f"{name}, operation of {seconds:g} s", overheads, "s", goal))
    return Finding(
        2,
        "Overhead of one rotation",
        tuple(figures),
        (
            (
                "Wall time from the caller's first byte to the announced end, less the operation's own time as the "
                "service saw it. Ours includes the lease, the journal, two probes of the data plane and the event."
            ),
            (
                "The script polls every 30 s, as the SDK does by itself. `az signalr key renew` does not wait, so "
                "the runbook looks every second. Neither verifies the key or publishes an event."
            ),
        ),
    )


def _overhead(on: Ground, act: Callable[[str], object], resource: str) -> float:
    began = time.perf_counter()
    act(resource)
    took = time.perf_counter() - began
    last = on.azure.regenerations(resource)[-1]
    own = datetime.fromisoformat(last["effectiveAt"]) - datetime.fromisoformat(last["startedAt"])
    return took - own.total_seconds()


def _ours(on: Ground, resource: str) -> None:
    mark = on.mark()
    on.host.request("POST", "/api/rotate", json={"resource": resource, "force": True}).raise_for_status()
    on.until_announced(1, mark, timeout=120, look_seconds=0.02)


def _plain(on: Ground, resource: str) -> None:
    """The script that everybody writes first."""
    command = [sys.executable, "-m", "benchmarks.plain_script", resource, on.azure.arm, on.azure.vaults[0]]
    subprocess.run(command, cwd=ROOT, env=app_settings(on.azure), check=True, capture_output=True)  # noqa: S603 - our own module
