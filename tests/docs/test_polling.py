"""host.json against the decision about it: how often an idle queue is asked, and what the host is not to log."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from local.functions_host.host_json import HostJson
from tests.infra.bicep import INFRA

ROOT = INFRA.parent
HOST: dict[str, Any] = json.loads((ROOT / "host.json").read_text())
DECISION = (ROOT / "docs" / "adr" / "0028-idle-queues-are-polled-every-five-seconds.md").read_text()
ROWS = re.findall(r"^\| (\**[\d.]+ s.*) \|$", DECISION, re.MULTILINE)

DAY_SECONDS, MONTH_DAYS = 86400, 30
SPANS_OF_A_POLL = 2
BYTES_OF_A_SPAN = 1000
USD_OF_A_GB = 2.30


def cost(seconds: float) -> list[str]:
    """The cells of the decision's row: delays, polls and spans a day, and what a month of them comes to."""
    spans = round(DAY_SECONDS / seconds * SPANS_OF_A_POLL)
    gigabytes = spans * MONTH_DAYS * BYTES_OF_A_SPAN / 1e9
    delays = [f"{seconds:g} s", f"{seconds / 2:g} s", f"{seconds:g} s"]
    return [
        *delays,
        f"{DAY_SECONDS / seconds:,.0f}",
        f"{spans:,}",
        f"{gigabytes:.2f}",
        f"{gigabytes * USD_OF_A_GB:.2f}",
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" ")[0].strip("*"))
def test_each_row_of_the_decision_is_right(row: str) -> None:
    cells = row.replace("*", "").split(" | ")

    assert cost(float(cells[0].removesuffix(" s"))) == cells


def test_an_idle_queue_is_asked_as_often_as_decided() -> None:
    [chosen] = [row.split(" ")[0].strip("*") for row in ROWS if row.startswith("**")]

    assert timedelta(seconds=float(chosen)) == HostJson.read(ROOT, {}).queues.max_polling_interval


def test_requests_to_storage_are_not_logged_one_by_one() -> None:
    assert {"Azure.Core": "Warning"} == HOST["logging"]["OpenTelemetry"]["logLevel"]


def test_no_deployment_overrides_what_was_decided() -> None:
    templates = [*INFRA.rglob("*.bicep"), INFRA / "main.parameters.json", ROOT / "local.settings.sample.json"]

    assert [] == [file.name for file in templates if "AzureFunctionsJobHost__" in file.read_text()]
