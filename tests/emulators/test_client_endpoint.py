"""Where clients negotiate and connect, and a resource at an address without a path: which tokens each of them takes."""

import time

import jwt
import pytest
import requests

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat
from tests.live.clients import Client, NotServedError, Transport
from tests.world import until


def _negotiate(endpoint: str, key: str, *, seconds: float = 60, hub: str = "news", **claims: object) -> int:
    claims = {"aud": f"{endpoint}/client/?hub=news", "exp": time.time() + seconds} | claims
    headers = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='HS256')}"}
    return requests.post(f"{endpoint}/client/negotiate", params={"hub": hub}, headers=headers, timeout=5).status_code


@pytest.fixture(params=["under a path", "at its root"])
def endpoint(azure: AzureEmulator, chat: Chat, request: pytest.FixtureRequest) -> str:
    return azure.serve_at_root(chat.id) if request.param == "at its root" else azure.connection_endpoint(chat.id)


@pytest.mark.parametrize("slot", ["Primary", "Secondary"])
def test_a_client_token_of_either_key_is_accepted(azure: AzureEmulator, chat: Chat, endpoint: str, slot: str) -> None:
    assert 200 == _negotiate(endpoint, azure.valid_keys(chat.id)[slot])


def test_a_client_token_of_another_key_is_refused(azure: AzureEmulator, endpoint: str) -> None:
    assert 401 == _negotiate(endpoint, azure.valid_keys(azure.create_signalr("other"))["Primary"])


def test_a_client_token_of_a_key_that_was_regenerated_is_refused(
    azure: AzureEmulator, chat: Chat, endpoint: str
) -> None:
    key = azure.valid_keys(chat.id)["Primary"]

    azure.regenerate_in_portal(chat.id, "Primary")

    assert 401 == _negotiate(endpoint, key)


def test_a_client_token_is_for_one_hub(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    assert 401 == _negotiate(endpoint, azure.valid_keys(chat.id)["Primary"], hub="sports")


def test_an_expired_client_token_is_refused(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    assert 401 == _negotiate(endpoint, azure.valid_keys(chat.id)["Primary"], seconds=-1)


def test_a_client_token_of_the_future_is_refused(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    key = azure.valid_keys(chat.id)["Primary"]

    assert 401 == _negotiate(endpoint, key, seconds=7260, nbf=time.time() + 7200)


def test_a_client_without_a_token_is_refused(endpoint: str) -> None:
    assert 401 == requests.post(f"{endpoint}/client/negotiate?hub=news", timeout=5).status_code


def test_a_client_of_a_resource_without_local_auth_is_refused(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    azure.update_signalr(chat.id, disable_local_auth=True)

    assert 401 == _negotiate(endpoint, azure.valid_keys(chat.id)["Primary"])


def test_the_rest_api_is_served_at_the_root_with_its_own_audience(azure: AzureEmulator, chat: Chat) -> None:
    root = azure.serve_at_root(chat.id)
    url = f"{root}/api/hubs/news/users/ann"
    token = jwt.encode({"aud": url, "exp": time.time() + 60}, azure.valid_keys(chat.id)["Primary"], algorithm="HS256")

    answer = requests.head(f"{url}?api-version=2022-06-01", headers={"Authorization": f"Bearer {token}"}, timeout=5)

    assert 404 == answer.status_code
    assert root == azure.connection_endpoint(chat.id)
    assert 1 == len(azure.requests("signalr"))


def test_at_the_root_no_other_resource_is_served(azure: AzureEmulator, chat: Chat) -> None:
    root = azure.serve_at_root(chat.id)
    key = azure.valid_keys(azure.create_signalr("other"))["Primary"]

    assert 404 == requests.get(f"{root}/other/api/health", timeout=5).status_code
    assert 401 == _negotiate(root, key)


def _close(endpoint: str, key: str, hub: str, **query: str) -> None:
    url = f"{endpoint}/api/hubs/{hub}/:closeConnections"
    token = jwt.encode({"aud": url, "exp": time.time() + 60}, key, algorithm="HS256")
    answer = requests.post(url, params=query, headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert 204 == answer.status_code


@pytest.mark.parametrize("transport", ["WebSockets", "ServerSentEvents"])
def test_a_connection_outlives_its_key_and_is_told_when_its_hub_is_closed(
    azure: AzureEmulator, chat: Chat, endpoint: str, transport: Transport
) -> None:
    keys = azure.valid_keys(chat.id)
    client = Client(endpoint, keys["Primary"], transport)
    client.open()

    azure.regenerate_in_portal(chat.id, "Primary")
    _close(endpoint, keys["Secondary"], "another")
    _close(endpoint, keys["Secondary"], "live", excluded=client.connection_id)
    assert client.closed_after is None

    _close(endpoint, keys["Secondary"], "Live", reason="An access key was replaced")
    until(lambda: client.closed_after)
    assert {"type": 7, "error": "An access key was replaced", "allowReconnect": True} == client.told


@pytest.mark.parametrize("transport", ["WebSockets", "ServerSentEvents"])
def test_nobody_connects_with_the_key_of_another_resource(
    azure: AzureEmulator, endpoint: str, transport: Transport
) -> None:
    client = Client(endpoint, azure.valid_keys(azure.create_signalr("other"))["Primary"], transport)

    with pytest.raises(NotServedError, match="negotiate was answered 401"):
        client.open()


@pytest.mark.parametrize(
    "headers", [{"Accept": "text/event-stream"}, {"Connection": "Upgrade", "Upgrade": "websocket"}]
)
def test_a_connection_is_made_with_an_accepted_token_only(endpoint: str, headers: dict[str, str]) -> None:
    query = {"hub": "news", "access_token": "not a token"}

    assert 401 == requests.get(f"{endpoint}/client/", params=query, headers=headers, timeout=5).status_code


def test_what_is_said_to_no_connection_is_not_found(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    claims = {"aud": f"{endpoint}/client/?hub=news", "exp": time.time() + 60}
    token = jwt.encode(claims, azure.valid_keys(chat.id)["Primary"], algorithm="HS256")
    query = {"hub": "news", "id": "nobody"}

    answer = requests.post(
        f"{endpoint}/client/", "{}", params=query, headers={"Authorization": f"Bearer {token}"}, timeout=5
    )

    assert 404 == answer.status_code
