"""The dashboard's figures: `.venv/bin/python -m pytest -s tests/browser/figures.py`. Not part of the tests."""

import statistics
import sys

from tests.browser.test_thousand import seconds
from tests.world import World


def test_figures(thousand: World) -> None:
    first = seconds(thousand)
    warm = [seconds(thousand) for _ in range(20)]
    size = len(thousand.host.request("GET", "/api/dashboard").content) / 1024
    median, slowest = statistics.median(warm) * 1000, max(warm) * 1000

    sys.stdout.write(f"\n1,000 resources, {size:.0f} KiB: median {median:.0f} ms, slowest of 20 {slowest:.0f} ms\n")
    sys.stdout.write(f"the first page of a new worker: {first * 1000:.0f} ms\n")
    assert warm
