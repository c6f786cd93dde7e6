"""Telemetry is started once, whatever the settings are, and nothing that goes wrong with it costs an answer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.world import ROOT

MONITORED = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": (
        "InstrumentationKey=00000000-0000-4000-8000-000000000000;IngestionEndpoint=http://127.0.0.1:9/"
    )
}
SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "SIGNALR_SUBSCRIPTION_IDS": "0e0e0e0e-0000-4000-8000-000000000001",
    "KEY_VAULT_URL": "https://contoso.vault.azure.net",
    "EVENT_GRID_TOPIC_ENDPOINT": "https://topic.westeurope-1.eventgrid.azure.net/api/events",
}
# Calls to the anonymous address in a fresh process, and the number of its threads after the first and the last.
_CALLS = """
import asyncio, json, os, sys, threading
from shared import composition
from shared.http.messages import HttpRequest
from shared.http.routes import handle

async def calls():
    request = HttpRequest("GET", "https://app/api/health", {})
    statuses, threads = [], []
    for _ in range(10):
        statuses.append((await handle("health", request, composition.app)).status)
        threads.append(threading.active_count())
    print(json.dumps({"statuses": statuses, "threads": threads}), flush=True)

asyncio.run(calls())
os._exit(0)
"""
_WITHOUT_THE_LIBRARY = 'import sys; sys.modules["azure.monitor.opentelemetry"] = None\n'


def called(tmp_path: Path, settings: dict[str, str], code: str = _CALLS) -> dict[str, Any]:
    """What ten calls in a process of their own were answered."""
    script = tmp_path / "calls.py"
    script.write_text(code)
    environment = {"PYTHONPATH": str(ROOT), **MONITORED, **settings}
    done = subprocess.run(
        [sys.executable, script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_health_starts_no_more_threads_while_a_setting_is_wrong(tmp_path: Path) -> None:
    """Anybody may call this address, as often as they like."""
    seen = called(tmp_path, SETTINGS | {"KEY_VAULT_URL": ""})

    assert {503} == {*seen["statuses"]}
    assert {seen["threads"][0]} == {*seen["threads"]}


def test_health_starts_telemetry_once(tmp_path: Path) -> None:
    seen = called(tmp_path, SETTINGS)

    assert {200} == {*seen["statuses"]}
    assert {seen["threads"][0]} == {*seen["threads"]}


@pytest.mark.parametrize("broken", ["", "InstrumentationKey=not-a-guid"])
def test_telemetry_that_cannot_be_started_costs_no_answer(tmp_path: Path, broken: str) -> None:
    """The library is missing, or refuses the connection string."""
    settings = SETTINGS | ({"APPLICATIONINSIGHTS_CONNECTION_STRING": broken} if broken else {})

    seen = called(tmp_path, settings, _CALLS if broken else _WITHOUT_THE_LIBRARY + _CALLS)

    assert {200} == {*seen["statuses"]}
