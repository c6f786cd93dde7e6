"""The Management-style client of docs/consumers/python, against the emulated data plane."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import jwt
import pytest
from azure.core.exceptions import AzureError

from tests.consumers.samples import SAMPLES, called, receiver, signed_in, silent
from tests.http.conftest import HttpWorld
from tests.world import secret_name


@pytest.fixture
def sample(world: HttpWorld, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its modules, as a program beside them imports them, in a process with a managed identity."""
    monkeypatch.syspath_prepend(SAMPLES / "python")
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_CLIENT_ID", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.setenv(name, signed_in(world)[name])
    return importlib.import_module("management_client")


@pytest.fixture
def resource(world: HttpWorld) -> str:
    return world.adopted()


@pytest.fixture
async def hub(world: HttpWorld, sample: Any, resource: str) -> AsyncIterator[Any]:
    """A hub that has read the key and holds it."""
    keys = sample.NewestKey(world.azure.vaults[0], secret_name(resource))
    await keys.current()
    async with aiohttp.ClientSession() as session:
        yield sample.Hub(keys, session, "Chat")
    await keys.close()


def answered(world: HttpWorld, since: int) -> list[tuple[str, int]]:
    """Path and status of every call to SignalR that is no probe of the app's."""
    made = world.azure.requests("signalr", since)
    sent = [one for one in made if one["operation"] == "DataPlane.send"]
    return [(one["path"].partition("/api")[2].partition("?")[0], one["status"]) for one in sent]


async def test_sends_to_all_and_to_a_user(world: HttpWorld, hub: Any) -> None:
    before = world.azure.requests()[-1]["n"]

    await hub.send("said", "hello")
    await hub.send("said", "hello", to="users/ann")

    assert [("/hubs/chat/:send", 202), ("/hubs/chat/users/ann/:send", 202)] == answered(world, before)


async def test_asks_whether_a_user_is_connected(hub: Any) -> None:
    assert not await hub.has("users", "ann")


async def test_rejected_call_is_repeated_once_with_the_newest_key(world: HttpWorld, hub: Any, resource: str) -> None:
    world.rotated(resource)
    world.rotated(resource)
    before = world.azure.requests()[-1]["n"]

    await hub.send("said", "hello")

    assert [("/hubs/chat/:send", 401), ("/hubs/chat/:send", 202)] == answered(world, before)


async def test_rejection_of_the_newest_key_comes_out(world: HttpWorld, hub: Any, resource: str) -> None:
    world.azure.regenerate_in_portal(resource, "Primary")
    before = world.azure.requests()[-1]["n"]

    with pytest.raises(aiohttp.ClientResponseError, match="401"):
        await hub.send("said", "hello")

    assert [401, 401] == [status for _, status in answered(world, before)]


@pytest.mark.parametrize(
    ("text", "endpoint", "client_endpoint"),
    [
        ("Endpoint=https://a.service.signalr.net;AccessKey=K;Version=1.0;", "https://a.service.signalr.net", None),
        ("endpoint = https://a/ ; ACCESSKEY = K==", "https://a", None),
        ("Endpoint=http://localhost;Port=8888;AccessKey=K", "http://localhost:8888", None),
        ("Endpoint=https://a;AccessKey=K;ClientEndpoint=https://proxy/", "https://a", "https://proxy"),
    ],
)
def test_connection_string_is_read(sample: Any, text: str, endpoint: str, client_endpoint: str | None) -> None:
    key = sample.Key.parse("v", text)

    assert (endpoint, client_endpoint or endpoint) == (key.endpoint, key.client_endpoint)
    assert "K" not in repr(key).removeprefix("Key")


@pytest.mark.parametrize("text", ["", "AccessKey=K", "Endpoint=https://a;AuthType=azure.msi", "a bare key"])
def test_what_is_no_connection_string_with_a_key_is_said_to_be_none(sample: Any, text: str) -> None:
    with pytest.raises(ValueError, match="version v of the secret"):
        sample.Key.parse("v", text)


@pytest.mark.parametrize("name", ["ann?x", "ann#x", "ann x", "ann%2Fx", "änn:@&+~"])
async def test_user_of_any_name_is_sent_to(world: HttpWorld, hub: Any, name: str) -> None:
    before = world.azure.requests()[-1]["n"]

    await hub.send("said", "hello", to=f"users/{name}")

    made = world.azure.requests("signalr", before)
    sent = [one["path"].partition("/hubs/")[2] for one in made if one["operation"] == "DataPlane.send"]
    assert [f"chat/users/{name}/:send"] == [path.partition("?api-version")[0] for path in sent]


@pytest.mark.parametrize(
    ("name", "segment"), [("a/b", "a%2Fb"), ("../../", "..%2F..%2F"), ("ann?x", "ann%3Fx"), ("a:b", "a%3Ab")]
)
@pytest.mark.parametrize("kind", ["users", "groups", "connections"])
async def test_name_is_one_segment_on_the_wire_and_in_the_token(
    sample: Any, kind: str, name: str, segment: str
) -> None:
    with receiver() as (port, asked):
        keys = sample.NewestKey("https://127.0.0.1:9", "chat")
        keys._held = sample.Key.parse("v", f"Endpoint=http://127.0.0.1:{port};AccessKey={'K' * 32}")
        keys._read_at = float("inf")
        async with aiohttp.ClientSession() as session:
            await sample.Hub(keys, session, "chat").send("said", to=f"{kind}/{name}")
        await keys.close()

    path = f"/api/hubs/chat/{kind}/{segment}/:send"
    token = asked[0]["headers"]["Authorization"].removeprefix("Bearer ")
    audience = jwt.decode(token, options={"verify_signature": False})["aud"]
    assert ([f"POST {path}"], f"http://127.0.0.1:{port}{path}") == (called(asked), audience)


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_name_that_is_a_step_in_a_path_is_none(hub: Any, name: str) -> None:
    with pytest.raises(ValueError, match="can be addressed"):
        await hub.has("users", name)


class Vault:
    """Counts what it is asked, and fails or answers the same version each time."""

    def __init__(self, value: str = "") -> None:
        self.readings = 0
        self._value = value

    async def get_secret(self, _: str) -> Any:
        self.readings += 1
        await asyncio.sleep(0)
        if not self._value:
            raise AzureError("no answer")
        return SimpleNamespace(properties=SimpleNamespace(version="v"), value=self._value)

    async def close(self) -> None:
        pass


async def test_callers_that_are_rejected_together_make_one_reading(sample: Any) -> None:
    keys = sample.NewestKey("https://127.0.0.1:9", "chat")
    vault = keys._vault = Vault("Endpoint=https://a;AccessKey=K")
    held = keys._held = sample.Key.parse("v", "Endpoint=https://a;AccessKey=K")

    said = await asyncio.gather(*(keys.newer_than(held) for _ in range(10)))

    assert ([held] * 10, 1) == (said, vault.readings)


async def test_callers_at_a_start_without_a_vault_make_one_reading_and_all_learn_of_it(sample: Any) -> None:
    keys = sample.NewestKey("https://127.0.0.1:9", "chat")
    vault = keys._vault = Vault()

    said = await asyncio.gather(*(keys.current() for _ in range(10)), return_exceptions=True)

    assert ([AzureError] * 10, 1) == ([type(one) for one in said], vault.readings)


async def test_failure_is_not_the_answer_to_a_later_question(sample: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sample.NewestKey.newer_than.__globals__, "PAUSE_SECONDS", 0.0)
    keys = sample.NewestKey("https://127.0.0.1:9", "chat")
    keys._vault = Vault()
    with pytest.raises(AzureError):
        await keys.current()
    keys._vault = Vault("Endpoint=https://a;AccessKey=K")

    assert "v" == (await keys.current()).version


async def test_vault_that_swallows_packets_holds_a_caller_for_the_time_of_a_reading(
    sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sample.NewestKey.newer_than.__globals__, "READING_SECONDS", 0.2)
    with silent() as url:
        keys = sample.NewestKey(url, "chat")
        held = keys._held = sample.Key.parse("v", "Endpoint=https://a;AccessKey=K")

        async with asyncio.timeout(15):
            assert held == await keys.current()
        await keys.close()


async def test_vault_that_swallows_packets_ends_the_reading_by_the_bounds_of_the_client(
    sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sample.NewestKey.newer_than.__globals__
    monkeypatch.setitem(names, "BOUNDS", dict.fromkeys(names["BOUNDS"], 0.2) | {"retry_total": 0})
    monkeypatch.setitem(names, "READING_SECONDS", 60.0)
    with silent() as url:
        keys = sample.NewestKey(url, "chat")

        async with asyncio.timeout(15):
            with pytest.raises(AzureError):
                await keys.current()
        await keys.close()
