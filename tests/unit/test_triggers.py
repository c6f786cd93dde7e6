"""What escapes a trigger is logged before it is raised: the platform itself reports nothing with OpenTelemetry on."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import azure.functions as func
import pytest

from tests.functions import FUNCTIONS

ROTATION = "5b1e0a52-7d3c-4a55-9c6e-2f1d8e4b7a90"


class _Request:
    """A request that breaks where none should."""

    method, url = "GET", f"https://app/api/rotations/{ROTATION}?code=key"
    headers: Mapping[str, str] = {}
    route_params: Mapping[str, str] = {}

    def get_body(self) -> bytes:
        raise RuntimeError("broken")


def _argument(kind: str) -> Any:
    match kind:
        case "httpTrigger":
            return _Request()
        case "queueTrigger":
            return func.QueueMessage(body=json.dumps({"rotationId": ROTATION}).encode())
        case "eventGridTrigger":
            return func.EventGridEvent(
                id="1", data={}, topic="", subject="", event_type="", event_time=None, data_version=""
            )
    return type("Timer", (), {"past_due": False})()


def _escaped(name: str, caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What is logged while a function is called in an app whose settings are wrong."""
    function = FUNCTIONS[name]
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever escapes
        asyncio.run(function.get_user_function()(_argument(function.get_trigger().type)))
    return [record for record in caplog.records if record.message == "function failed"]


@pytest.fixture(autouse=True)
def _wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_VAULT_URL", "")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_logs_once_what_escapes_it(name: str, caplog: pytest.LogCaptureFixture) -> None:
    [record] = _escaped(name, caplog)
    http = FUNCTIONS[name].get_trigger().type == "httpTrigger"

    assert (name, "RuntimeError" if http else "Misconfigured") == (record.function, record.code)


@pytest.mark.parametrize("name", ["work", "work_urgent", "poison", "poison_urgent", "rotation"])
def test_what_is_about_a_rotation_names_it(name: str, caplog: pytest.LogCaptureFixture) -> None:
    [record] = _escaped(name, caplog)

    assert ROTATION == record.rotation_id
