"""The emulators through Azure's JavaScript SDKs (`sdk.mjs`), signed in by managed identity and by client secret."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.azure.client import AzureEmulator
from local.azure.instructions import app_settings
from local.azurite.install import NODE

_SCRIPT = Path(__file__).parent / "sdk.mjs"


@pytest.fixture(scope="module", params=["identity", "secret"])
def told(request: pytest.FixtureRequest, emulators: AzureEmulator) -> Mapping[str, Any]:
    """What the script saw, and `events`: what the topic received of it."""
    emulators.reset()
    emulators.create_signalr("chat")
    emulators.create_signalr("other")
    emulators.page_size(1)
    environment = {
        "PATH": os.environ["PATH"],
        **app_settings(emulators),
        "SUBSCRIPTION": emulators.operator["AZURE_SUBSCRIPTION_ID"],
        **(emulators.operator if request.param == "secret" else {}),
        "SIGN_IN": request.param,
    }
    done = subprocess.run(  # our own script
        [str(NODE), str(_SCRIPT)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert not done.returncode, done.stderr
    return {**json.loads(done.stdout), "events": emulators.events()}


def test_resources_are_listed_over_all_pages(told: Mapping[str, Any]) -> None:
    assert ["chat", "other"] == told["resources"]


def test_a_resource_is_shown(told: Mapping[str, Any]) -> None:
    assert "Succeeded" == told["state"]


def test_one_key_is_renewed(told: Mapping[str, Any]) -> None:
    assert ["secondaryConnectionString", "secondaryKey"] == told["changed"]


def test_the_newest_version_is_answered(told: Mapping[str, Any]) -> None:
    assert "second" == told["newest"]


def test_versions_are_listed(told: Mapping[str, Any]) -> None:
    assert 2 == told["versions"]


def test_a_soft_deleted_name_is_taken(told: Mapping[str, Any]) -> None:
    assert 409 == told["conflict"]


def test_an_event_is_published(told: Mapping[str, Any]) -> None:
    assert [("Test.Happened", "/javascript", {"a": 1})] == [
        (event["type"], event["source"], event["data"]) for event in told["events"]
    ]
