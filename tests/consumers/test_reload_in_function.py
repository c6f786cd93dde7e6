"""The function that reloads: docs/consumers/reload_in_function."""

import asyncio
import os
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import AzureError

from local.functions_host.client import FunctionsHost
from tests.consumers.samples import SAMPLES, signed_in, silent
from tests.http.conftest import HttpWorld
from tests.world import secret_name, until

LONG = 60.0
"""Longer than a test may take: what does not wait that long does not wait for it."""


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Any]:
    """The sample for this vault and secret. Its names can be read and replaced."""

    def loaded(url: str, secret: str) -> Any:
        monkeypatch.setenv("KEY_VAULT_URL", url)
        monkeypatch.setenv("SECRET_NAME", secret)
        spec = spec_from_file_location("reload_in_function", SAMPLES / "reload_in_function" / "function_app.py")
        assert spec
        assert spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def sample(load: Callable[[str, str], Any]) -> Any:
    """It has read a key, and it is time to read again. No vault is there."""
    loaded = load("https://127.0.0.1:9", "Chat-Connection-String")
    loaded.held.value = "held"
    return loaded


def fails(times: list[None]) -> Any:
    async def read() -> str:
        times.append(None)
        await asyncio.sleep(0)
        raise AzureError("no answer")

    return read


async def test_key_stays_in_use_while_the_vault_does_not_answer(sample: Any) -> None:
    sample._read = fails([])

    assert "held" == await sample.connection()
    with pytest.raises(AzureError):
        await sample.connection(newest=True)


async def test_vault_that_swallows_packets_holds_a_caller_for_the_time_of_a_reading(
    load: Callable[[str, str], Any],
) -> None:
    with silent() as url:
        sample = load(url, "chat")
        sample.held.value, sample.READING_SECONDS = "held", 0.2

        async with asyncio.timeout(LONG / 4):
            assert "held" == await sample.connection()


async def test_vault_that_swallows_packets_ends_the_reading_by_the_bounds_of_the_client(
    load: Callable[[str, str], Any],
) -> None:
    with silent() as url:
        sample = load(url, "chat")
        sample.BOUNDS, sample.READING_SECONDS = dict.fromkeys(sample.BOUNDS, 0.2) | {"retry_total": 0}, LONG

        async with asyncio.timeout(LONG / 4):
            with pytest.raises(AzureError):
                await sample.connection()


async def test_others_are_answered_from_memory_during_a_reading(load: Callable[[str, str], Any]) -> None:
    with silent() as url:
        sample = load(url, "chat")
        sample.held.value, sample.READING_SECONDS = "held", LONG
        reading = asyncio.create_task(sample.connection())
        await asyncio.sleep(0)

        async with asyncio.timeout(LONG / 4):
            assert "held" == await sample.connection()

        assert not reading.done()
        reading.cancel()


async def test_callers_that_are_rejected_together_share_their_readings(sample: Any) -> None:
    """The second one answers those that asked after the first began."""
    times: list[None] = []
    sample._read = fails(times)

    said = await asyncio.gather(*(sample.connection(newest=True) for _ in range(10)), return_exceptions=True)

    assert {AzureError} == {type(one) for one in said}
    assert len(times) <= 2


async def test_newest_version_that_is_no_connection_string_leaves_the_key_in_use(
    world: HttpWorld, load: Callable[[str, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_CLIENT_ID", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.setenv(name, signed_in(world)[name])
    resource = world.adopted()
    sample = load(world.azure.vaults[0], secret_name(resource))
    before = await sample.connection()
    world.azure.put_secret(secret_name(resource), "not a connection string")

    with pytest.raises(ValueError, match="no connection string"):
        await sample.connection(newest=True)

    assert before == await sample.connection()


@pytest.mark.parametrize(("subject", "readings"), [("chat-connection-string", 1), ("chat-connection-string-eu", 0)])
async def test_event_is_of_the_secret_whatever_the_case_of_its_name(sample: Any, subject: str, readings: int) -> None:
    read: list[str] = []

    async def reads() -> str:
        read.append(subject)
        return "new"

    sample._read = reads
    body = f'{{"subject": "{subject}"}}'.encode()

    await sample.rotated.build().get_user_function()(func.HttpRequest("POST", "/api/rotated", body=body))

    assert readings == len(read)


def test_function_holds_the_new_key_once_it_is_told(world: HttpWorld) -> None:
    resource = world.adopted()
    environment = {"PATH": os.environ["PATH"], **signed_in(world), "SECRET_NAME": secret_name(resource)}
    environment |= {"AzureWebJobsStorage": world.storage.connection_string}
    with FunctionsHost.start(SAMPLES / "reload_in_function", environment) as consumer:
        world.azure.deliver_events_to(f"{consumer.url}/api/rotated?code={consumer.function_key}")
        before = consumer.request("GET", "/api/fingerprint").text

        world.rotated(resource)

        after = world.events(resource)[-1]["data"]["fingerprint"]
        until(lambda: consumer.request("GET", "/api/fingerprint").text == after or None)
    assert before != after
