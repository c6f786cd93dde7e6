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


def _answer(url: str, key: str | None, *, method: str = "HEAD", query: str = "", **claims: object) -> requests.Response:
    claims = {"aud": url, "exp": time.time() + 60} | claims
    headers = {} if key is None else {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='HS256')}"}
    return requests.request(method, url + _QUERY + query, headers=headers, timeout=5)


def _status(
    url: str, key: str | None, *, audience: str | None = None, seconds: float = 60, method: str = "HEAD"
) -> int:
    return _answer(url, key, method=method, aud=audience or url, exp=time.time() + seconds).status_code


@pytest.mark.parametrize("slot", ["Primary", "Secondary"])
def test_both_keys_are_accepted(azure: AzureEmulator, chat: Chat, url: str, slot: str) -> None:
    assert 404 == _status(url, azure.valid_keys(chat.id)[slot])


def test_a_key_can_be_rejected_although_arm_lists_it(azure: AzureEmulator, chat: Chat, url: str) -> None:
    azure.configure(chat.id, rejected=["Primary"])
    keys = azure.valid_keys(chat.id)

    assert [401, 404] == [_status(url, keys[slot]) for slot in ("Primary", "Secondary")]


def test_the_audience_may_carry_the_query_as_microsoft_s_sdk_signs_it(
    azure: AzureEmulator, chat: Chat, url: str
) -> None:
    assert 404 == _status(url, azure.valid_keys(chat.id)["Primary"], audience=url + _QUERY)


def test_another_url_s_audience_is_refused(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 401 == _status(url, azure.valid_keys(chat.id)["Primary"], audience=url + "e")


def test_any_other_key_is_refused(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 401 == _status(url, azure.valid_keys(chat.id)["Primary"][:-1])


def test_another_resource_s_key_is_refused(azure: AzureEmulator, url: str) -> None:
    assert 401 == _status(url, azure.valid_keys(azure.create_signalr("other"))["Primary"])


def test_an_expired_token_is_refused(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 401 == _status(url, azure.valid_keys(chat.id)["Primary"], seconds=-301)


def test_a_token_is_taken_for_five_minutes_after_its_end(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 404 == _status(url, azure.valid_keys(chat.id)["Primary"], seconds=-290)


def test_a_token_of_the_future_is_refused(azure: AzureEmulator, chat: Chat, url: str) -> None:
    answer = _answer(url, azure.valid_keys(chat.id)["Primary"], nbf=time.time() + 7200, exp=time.time() + 7260)

    assert (401, True) == (answer.status_code, "not yet valid" in answer.headers["WWW-Authenticate"])


def test_a_token_is_taken_from_five_minutes_before_its_beginning(azure: AzureEmulator, chat: Chat, url: str) -> None:
    assert 404 == _answer(url, azure.valid_keys(chat.id)["Primary"], nbf=time.time() + 290).status_code


def test_a_token_dated_by_the_services_calendar_is_taken(azure: AzureEmulator, chat: Chat, url: str) -> None:
    """The app may travel with the services while other clients stay in real time."""
    azure.travel(7200, clients_too=False)

    answer = _answer(url, azure.valid_keys(chat.id)["Primary"], nbf=time.time() + 7200, exp=time.time() + 7260)

    assert 404 == answer.status_code


def test_a_token_dated_by_its_clients_calendar_is_taken(azure: AzureEmulator, chat: Chat, url: str) -> None:
    """While the services alone are in the past, a client does not know of it."""
    azure.travel(-7200, clients_too=False)

    assert 404 == _answer(url, azure.valid_keys(chat.id)["Primary"], nbf=time.time()).status_code


def test_one_of_several_audiences_is_enough(azure: AzureEmulator, chat: Chat, url: str) -> None:
    key = azure.valid_keys(chat.id)["Primary"]

    assert 404 == _answer(url, key, aud=["https://elsewhere", url]).status_code
    assert 401 == _answer(url, key, aud=["https://elsewhere"]).status_code


def test_a_call_without_a_token_is_refused(url: str) -> None:
    answer = _answer(url, None)

    assert (401, "Bearer") == (answer.status_code, answer.headers["WWW-Authenticate"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("users/ann", "Warning.User.NotExisted"),
        ("connections/c1", "Warning.Connection.NotExisted"),
        ("groups/g1", "Warning.Group.NotExisted"),
        ("users/ann/groups/g1", "Info.User.NotInGroup"),
    ],
)
def test_the_service_s_own_404_says_what_is_not_there(azure: AzureEmulator, chat: Chat, path: str, code: str) -> None:
    url = f"{azure.connection_endpoint(chat.id)}/api/hubs/news/{path}"
    answer = _answer(url, azure.valid_keys(chat.id)["Primary"])

    assert (404, code) == (answer.status_code, answer.headers["x-ms-error-code"])


@pytest.mark.parametrize("path", ["api/hubs/news/nothing/here", "api/nothing", "nothing"])
def test_another_404_says_nothing_about_the_key(azure: AzureEmulator, chat: Chat, path: str) -> None:
    """An address that nothing is served at is answered before any key is looked at."""
    answer = _answer(f"{azure.connection_endpoint(chat.id)}/{path}", "no key of this resource, but long enough")

    assert (404, None) == (answer.status_code, answer.headers.get("x-ms-error-code"))


def test_a_method_the_address_does_not_have_is_405(url: str) -> None:
    answer = _answer(url, None, method="PATCH")

    assert (405, "GET, HEAD, POST") == (answer.status_code, answer.headers["Allow"])


@pytest.mark.parametrize("hub", ["1news", "_news", "ne-ws", "n" * 129, "n%C3%A4"])
def test_a_hub_name_outside_the_pattern_is_400_to_whoever_may_ask(azure: AzureEmulator, chat: Chat, hub: str) -> None:
    url = f"{azure.connection_endpoint(chat.id)}/api/hubs/{hub}/users/ann"
    signed_for = requests.utils.unquote(url)
    right, wrong = azure.valid_keys(chat.id)["Primary"], "no key of this resource, but long enough"

    refused = [_answer(url, key, aud=signed_for, method="GET") for key in (right, wrong)]

    assert [400, 401] == [answer.status_code for answer in refused]
    assert ["hub"] == list(refused[0].json()["errors"])


@pytest.mark.parametrize(
    ("method", "path", "status", "what", "target"),
    [
        ("POST", "hubs/News/:closeConnections", 204, "hub", ""),
        ("POST", "hubs/News/groups/g1/:closeConnections", 204, "group", "g1"),
        ("POST", "hubs/News/users/ann/:closeConnections", 204, "user", "ann"),
        ("DELETE", "hubs/News/connections/c1", 200, "connection", "c1"),
    ],
)
def test_what_closes_connections_is_accepted_and_kept(
    azure: AzureEmulator, chat: Chat, method: str, path: str, status: int, what: str, target: str
) -> None:
    url = f"{azure.connection_endpoint(chat.id)}/api/{path}"
    query = "&reason=key%20revoked&excluded=c8&excluded=c9"

    answer = _answer(url, azure.valid_keys(chat.id)["Secondary"], method=method, query=query)

    (kept,) = azure.closings(chat.id)
    assert (status, b"") == (answer.status_code, answer.content)
    assert {"hub": "news", "what": what, "target": target, "reason": "key revoked"}.items() <= kept.items()
    assert (["c8", "c9"], "Secondary") == (kept["excluded"], kept["signed_with"])


def test_closing_takes_a_key_that_is_accepted(azure: AzureEmulator, chat: Chat) -> None:
    url = f"{azure.connection_endpoint(chat.id)}/api/hubs/news/:closeConnections"

    assert 401 == _status(url, "no key of this resource, but long enough", method="POST")
    assert [] == azure.closings(chat.id)


def test_with_local_auth_disabled_no_key_is_accepted(azure: AzureEmulator, chat: Chat, url: str) -> None:
    azure.update_signalr(chat.id, disable_local_auth=True)

    assert 401 == _status(url, azure.valid_keys(chat.id)["Primary"])


def test_a_broadcast_is_accepted(azure: AzureEmulator, chat: Chat) -> None:
    send = f"{azure.connection_endpoint(chat.id)}/api/hubs/news/:send"

    assert 202 == _status(send, azure.valid_keys(chat.id)["Primary"], method="POST")


def test_health_does_not_check_the_key(azure: AzureEmulator, chat: Chat) -> None:
    assert 200 == _status(
        f"{azure.connection_endpoint(chat.id)}/api/health", "no key of this resource, but long enough"
    )


def test_a_key_is_its_characters(azure: AzureEmulator, chat: Chat, url: str) -> None:
    key = azure.valid_keys(chat.id)["Primary"]

    assert (404, 401) == (_status(url, key), _status(url, key.swapcase()))
