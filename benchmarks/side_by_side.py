"""7. Twenty resources: the app, and `az signalr key renew` in a loop, one after the other and eight at a time."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.cli import AzureCli, available
from benchmarks.finding import Figure, Finding
from benchmarks.ground import DOCUMENTED_SECONDS, Ground, ground

_AT_ONCE = 8


def measure(*, short: bool) -> Finding:
    """Each on the same resources of the same emulator, one method after the other."""
    size, seconds = (2, (1.0, 2.0)) if short else (20, DOCUMENTED_SECONDS)
    notes = ["Ours: each key verified, published and announced."]
    with ground(operation_seconds=seconds, throttling=True) as on:
        resources = on.fleet(size)
        figures = [_figure(f"our app, {size} resources", lambda: _ours(on, size))]
        if short or not available():
            notes.append("Without the CLI: `make conformance` installs it.")
        else:
            cli = AzureCli(on.azure)
            loop = "az signalr key renew"
            figures += [
                _figure(f"{loop}, one after the other", lambda: _renewed(on, cli, resources, at_once=1)),
                _figure(f"{loop}, {_AT_ONCE} at a time", lambda: _renewed(on, cli, resources, at_once=_AT_ONCE)),
                _figure(f"the whole runbook, {_AT_ONCE} at a time", lambda: _each(cli.rotate, resources, _AT_ONCE)),
            ]
            notes += [
                (
                    "`az signalr key renew` returns when ARM has accepted. The time is until the last key is in "
                    "effect, and nothing is published or announced."
                ),
                (
                    "The whole runbook: regenerate, `az signalr key list` until the key has changed, "
                    "`az keyvault secret set`."
                ),
            ]
    return Finding(7, "Side by side with the Azure CLI", tuple(figures), tuple(notes))


def _figure(name: str, act: Callable[[], None]) -> Figure:
    began = time.perf_counter()
    act()
    return Figure(name, (time.perf_counter() - began,), "s", digits=1)


def _ours(on: Ground, size: int) -> None:
    mark = on.mark()
    on.sweep()
    on.until_announced(size, mark, timeout=300)


def _renewed(on: Ground, cli: AzureCli, resources: list[str], *, at_once: int) -> None:
    _each(cli.renew, resources, at_once)
    while any(on.azure.regenerations(resource)[-1]["effectiveAt"] is None for resource in resources):
        time.sleep(0.1)


def _each(act: Callable[[str], None], resources: list[str], at_once: int) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(act, resources))
