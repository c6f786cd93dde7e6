"""The Management-style client of docs/consumers/python, against the emulated data plane."""

import importlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.consumers.samples import SAMPLES, signed_in
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
