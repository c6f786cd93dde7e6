"""7. Twenty resources: the app, and `az signalr key renew` in a loop, one after the other and eight at a time."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.cli import AzureCli, available
from benchmarks.finding import Figure, Finding
from benchmarks.ground import DOCUMENTED_SECONDS, Ground, ground

_AT_ONCE = 8


def measure(*, short: bool) -> Finding:
    """Each on resources of its own, on the same stand-in, one method after the other."""
    size, seconds = (2, (1.0, 2.0)) if short else (20, DOCUMENTED_SECONDS)
    notes = ["The CLI renews the key and tells nobody; ours proves it, publishes it and announces it."]
    with ground(operation_seconds=seconds, throttling=True) as on:
        resources = on.fleet(size)
        figures = [Figure(f"our app, {size} resources", (_timed(lambda: _ours(on, size)),), "s", digits=1)]
        if short or not available():
            notes.append("Without the CLI: `make conformance` installs it.")
        else:
            cli = AzureCli(on.azure)
            together = _timed(lambda: _parallel(cli, resources))
            figures.append(Figure(f"az, {_AT_ONCE} at a time", (together,), "s", digits=1))
            alone = _timed(lambda: _loop(cli, resources))
            figures.append(Figure("az, one after the other", (alone,), "s", digits=1))
    return Finding(7, "Side by side with the Azure CLI", tuple(figures), tuple(notes))


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _ours(on: Ground, size: int) -> None:
    mark = on.mark()
    on.sweep()
    on.until_announced(size, mark, timeout=300)


def _parallel(cli: AzureCli, resources: list[str]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(cli.renew, resources))


def _loop(cli: AzureCli, resources: list[str]) -> None:
    for resource in resources:
        cli.renew(resource)
