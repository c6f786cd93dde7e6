"""A service's SDK is loaded when the service is first called, and the dashboard when it is first opened."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.world import ROOT, app_settings

RESOURCE = (
    "/subscriptions/0e0e0e0e-0000-4000-8000-000000000001/resourceGroups/live"
    "/providers/Microsoft.SignalRService/SignalR/first"
)
# Two calls in a fresh process, through function_app's own functions; then what has been imported.
_CALLS = f"""
import asyncio, json, sys
import azure.functions as func
import function_app
from shared import composition

async def calls():
    base = "https://app/api"
    first = func.HttpRequest("GET", base + "/resources", body=b"")
    body = json.dumps({{"resource": "{RESOURCE}"}}).encode()
    second = func.HttpRequest("POST", base + "/rotate", body=body, headers={{"Content-Type": "application/json"}})
    answers = [await function_app.resources(first), await function_app.rotate(second)]
    await composition.app().close()
    return [answer.status_code for answer in answers]

print(asyncio.run(calls()))
loaded = [name for name in sys.modules if name.startswith(("azure.", "jinja2", "shared."))]
print(*sorted({{".".join(name.split(".")[:2]) for name in loaded}}))
"""


@pytest.fixture(scope="module")
def loaded(azure_session: AzureEmulator, storage: Azurite, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What both calls were answered, and the packages that they loaded, one line each."""
    script = Path(tmp_path_factory.mktemp("first")) / "calls.py"
    script.write_text(_CALLS)
    settings = app_settings(azure_session, storage, SIGNALR_SUBSCRIPTION_IDS="", SIGNALR_RESOURCE_IDS=RESOURCE)
    command = [sys.executable, script]
    done = subprocess.run(
        command, cwd=ROOT, env=settings | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_both_are_answered(loaded: list[str]) -> None:
    assert "[200, 202]" == loaded[0]


@pytest.mark.parametrize("package", ["azure.mgmt", "azure.keyvault", "azure.eventgrid", "jinja2", "shared.dashboard"])
def test_nothing_is_loaded_that_the_answers_do_not_need(loaded: list[str], package: str) -> None:
    assert package not in loaded[1].split()


def test_storage_is_loaded(loaded: list[str]) -> None:
    """Else the list above would say nothing."""
    assert {"azure.storage", "shared.http"} <= {*loaded[1].split()}
