"""10. What the app sends to Application Insights: of a check that finds nothing due, and of a rotation."""

import json
import time
from contextlib import ExitStack
from typing import Any

from benchmarks.finding import Figure, Finding
from benchmarks.ground import ground
from local.telemetry_endpoint import TelemetryEndpoint

_FLUSHED_SECONDS = 2.0  # the exporters' own delay is set to a tenth of a second


def measure(*, short: bool) -> Finding:
    """Sweep a fleet of which nothing is due, and one of which all is: what arrives of each resource."""
    size = 5 if short else 50
    figures: list[Figure] = []
    for named, days in (("check", 365), ("rotation", 60)):
        records, kilobytes = _sent_of_each(size, days)
        figures += (
            Figure(f"records of a {named}", (records,), "", digits=1),
            Figure(f"their size, as sent, of a {named}", (kilobytes,), "kB", digits=1),
        )
    return Finding(
        10,
        "Telemetry",
        tuple(figures),
        (
            (
                f"Logs and spans of the app for one sweep over {size} resources, per resource, as JSON. Not those of "
                "the platform's host, and no metrics: those are a dozen records a minute for each worker, however "
                "many resources there are."
            ),
        ),
    )


def _sent_of_each(size: int, period_days: int) -> tuple[float, float]:
    """Records, and kilobytes. The fleet was adopted 61 days ago."""
    with ExitStack() as stack:
        taken = stack.enter_context(TelemetryEndpoint.start())
        settings: dict[str, Any] = {**taken.settings, "ROTATION_PERIOD_DAYS": str(period_days)}
        on = stack.enter_context(ground(operation_seconds=(1.0, 1.0), **settings))
        on.fleet(size)
        time.sleep(_FLUSHED_SECONDS)
        before = len(taken.items)
        on.sweep()
        on.until_idle()
        time.sleep(_FLUSHED_SECONDS)
        sent = [each for each in taken.items[before:] if not each["name"].endswith(".Metric")]
    return len(sent) / size, sum(len(json.dumps(each, separators=(",", ":"))) for each in sent) / size / 1000
