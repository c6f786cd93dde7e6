"""SignalR's own REST API: which signatures it takes. Tokens are made with PyJWT, as Microsoft documents them."""

import time

import jwt
import pytest
import requests

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat

_QUERY = "?api-version=2022-06-01"


@pytest.fixture
def url(azure: AzureEmulator, chat: Chat) -> str:
    return f"{azure.connection_endpoint(chat.id)}/api/hubs/news/users/ann"


def _status(
    url: str, key: str | None, *, audience: str | None = None, seconds: float = 60, method: str = "HEAD"
) -> int:
    claims = {"aud": audience or url, "exp": time.time() + seconds}
    headers = {} if key is None else {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='HS256')}"}
    return requests.request(method, url + _QUERY, headers=headers, timeout=5).status_code


@pytest.mark.parametrize("slot", ["Primary", "Secondary"])
def test_both_keys_are_accepted(azure: AzureEmulator, chat: Chat, url: str, slot: str) -> None:
    assert 404 == _status(url, azure.live_keys(chat.id)[slot])


def test_the_audience_may_carry_the_query_as_microsoft_s_sdk_signs_it(
    azure: AzureEmulator, chat: Chat, url: str
) -> None:
    assert 404 == _status(url, azure.live_keys(chat.id)["Primary"], audience=url + _QUERY)


def test_another_url_s_audience_is_refused(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 401 == _status(url, azure.live_keys(chat.id)["Primary"], audience=url + "e")


def test_any_other_key_is_refused(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 401 == _status(url, azure.live_keys(chat.id)["Primary"][:-1])


def test_another_resource_s_key_is_refused(azure: AzureEmulator, url: str) -> None:
    assert 401 == _status(url, azure.live_keys(azure.create_signalr("other"))["Primary"])


def test_an_expired_token_is_refused(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 401 == _status(url, azure.live_keys(chat.id)["Primary"], seconds=-1)


def test_a_call_without_a_token_is_refused(url: str) -> None:
    assert 401 == _status(url, None)


def test_with_local_auth_disabled_no_key_is_accepted(azure: AzureEmulator, chat: Chat, url: str) -> None:
    azure.update_signalr(chat.id, disable_local_auth=True)

    assert 401 == _status(url, azure.live_keys(chat.id)["Primary"])


def test_a_broadcast_is_accepted(azure: AzureEmulator, chat: Chat) -> None:
    send = f"{azure.connection_endpoint(chat.id)}/api/hubs/news/:send"

    assert 202 == _status(send, azure.live_keys(chat.id)["Primary"], method="POST")


def test_health_does_not_check_the_key(azure: AzureEmulator, chat: Chat) -> None:
    assert 200 == _status(
        f"{azure.connection_endpoint(chat.id)}/api/health", "no key of this resource, but long enough"
    )


def test_a_key_is_its_characters(azure: AzureEmulator, chat: Chat, url: str) -> None:
    key = azure.live_keys(chat.id)["Primary"]

    assert (404, 401) == (_status(url, key), _status(url, key.swapcase()))
