"""Where clients negotiate, and a resource at an address without a path: which tokens each of them takes."""

import time

import jwt
import pytest
import requests

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat


def _negotiate(endpoint: str, key: str, *, audience: str | None = None, seconds: float = 60, hub: str = "news") -> int:
    claims = {"aud": audience or f"{endpoint}/client/?hub=news", "exp": time.time() + seconds}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='HS256')}"}
    return requests.post(f"{endpoint}/client/negotiate", params={"hub": hub}, headers=headers, timeout=5).status_code


@pytest.fixture(params=["under a path", "at its root"])
def endpoint(azure: AzureEmulator, chat: Chat, request: pytest.FixtureRequest) -> str:
    return azure.serve_at_root(chat.id) if request.param == "at its root" else azure.connection_endpoint(chat.id)


@pytest.mark.parametrize("slot", ["Primary", "Secondary"])
def test_a_client_token_of_either_key_is_accepted(azure: AzureEmulator, chat: Chat, endpoint: str, slot: str) -> None:
    assert 200 == _negotiate(endpoint, azure.live_keys(chat.id)[slot])


def test_a_client_token_of_another_key_is_refused(azure: AzureEmulator, endpoint: str) -> None:
    assert 401 == _negotiate(endpoint, azure.live_keys(azure.create_signalr("other"))["Primary"])


def test_a_client_token_of_a_key_that_was_regenerated_is_refused(
    azure: AzureEmulator, chat: Chat, endpoint: str
) -> None:
    key = azure.live_keys(chat.id)["Primary"]

    azure.regenerate_in_portal(chat.id, "Primary")

    assert 401 == _negotiate(endpoint, key)


def test_a_client_token_is_for_one_hub(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    assert 401 == _negotiate(endpoint, azure.live_keys(chat.id)["Primary"], hub="sports")


def test_an_expired_client_token_is_refused(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    assert 401 == _negotiate(endpoint, azure.live_keys(chat.id)["Primary"], seconds=-1)


def test_a_client_without_a_token_is_refused(endpoint: str) -> None:
    assert 401 == requests.post(f"{endpoint}/client/negotiate?hub=news", timeout=5).status_code


def test_a_client_of_a_resource_without_local_auth_is_refused(azure: AzureEmulator, chat: Chat, endpoint: str) -> None:
    azure.update_signalr(chat.id, disable_local_auth=True)

    assert 401 == _negotiate(endpoint, azure.live_keys(chat.id)["Primary"])


def test_the_rest_api_is_served_at_the_root_with_its_own_audience(azure: AzureEmulator, chat: Chat) -> None:
    root = azure.serve_at_root(chat.id)
    url = f"{root}/api/hubs/news/users/ann"
    token = jwt.encode({"aud": url, "exp": time.time() + 60}, azure.live_keys(chat.id)["Primary"], algorithm="HS256")

    answer = requests.head(f"{url}?api-version=2022-06-01", headers={"Authorization": f"Bearer {token}"}, timeout=5)

    assert 404 == answer.status_code
    assert root == azure.connection_endpoint(chat.id)
    assert 1 == len(azure.requests("signalr"))


def test_at_the_root_no_other_resource_is_served(azure: AzureEmulator, chat: Chat) -> None:
    root = azure.serve_at_root(chat.id)
    key = azure.live_keys(azure.create_signalr("other"))["Primary"]

    assert 404 == requests.get(f"{root}/other/api/health", timeout=5).status_code
    assert 401 == _negotiate(root, key)
