"""The emulator, asked what Azure was asked when it was recorded: same statuses, header names, addresses and shapes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.azure.client import AzureEmulator
from tests.recorded.recording import Exchange, Recording, recordings, shape

ALL = recordings()
GROUP = "recorded"
# What a front or a limit of that time added, and what the recorder or its client did: not the provider's answer.
_NOT_HELD = {
    "x-ms-ratelimit-remaining-subscription-global-reads",
    "x-ms-ratelimit-remaining-subscription-global-writes",
}
_APP_VERSION = "2023-02-01"
_CONNECTION_STRING = re.compile(r"Endpoint=https://[^;]+;AccessKey=[^;]+;(Version=1\.0;)?")


@pytest.fixture(scope="module")
def azure(folder: Path) -> Iterator[AzureEmulator]:
    with AzureEmulator.start(folder, operation_seconds=(60, 60)) as emulator:
        yield emulator


class Session:
    """A client that follows one recording, with an operator's token, against a resource of its own."""

    def __init__(self, azure: AzureEmulator, recording: Recording) -> None:
        azure.reset()
        self.azure = azure
        self.recording = recording
        self.resource = azure.create_signalr("chat", group=GROUP)
        if recording.name == "go-sdk-2023":
            azure.configure(None, operation_urls="results-only")
        if recording.name == "dotnet-sdk-2021":
            azure.update_signalr(self.resource, disable_local_auth=True)
        self.polls: dict[str, str] = {}
        self.running = ""
        who = azure.operator
        form = {"grant_type": "client_credentials", "client_id": who["AZURE_CLIENT_ID"]}
        form |= {"client_secret": who["AZURE_CLIENT_SECRET"], "scope": "https://management.azure.com/.default"}
        token = requests.post(
            f"{azure.login}/{who['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            form,
            verify=azure.env["SSL_CERT_FILE"],
            timeout=5,
        )
        self.headers = {"Authorization": f"Bearer {token.json()['access_token']}"}

    def ask(self, exchange: Exchange) -> requests.Response:
        """The recorded request, at the address that the emulator named where it named one."""
        if exchange.name == "create":
            self.azure.delete_signalr(self.resource)
        if exchange.method != "GET" and self.running:
            # The next call was made when the operation before it had ended, whether that was recorded or not.
            self.azure.configure(None, polls="done-at-first")
            self._send("GET", self.running)
        self.azure.configure(None, polls="done-at-first" if exchange.name.endswith("ended") else "normal")
        url = self.polls.get(exchange.path) or self._url(exchange)
        body = str(exchange.sent).replace("{location}", "westeurope")
        answer = self._send(exchange.method, url, ast.literal_eval(body))
        self.running = answer.headers.get("Location", self.running)
        for name in ("Azure-AsyncOperation", "Location"):
            if (told := answer.headers.get(name)) and (recorded := exchange.header(name)):
                self.polls[recorded.removeprefix("{origin}").partition("?")[0]] = told
        return answer

    def like(self, text: str) -> str:
        """A path of this session as a recording writes it."""
        provider = self.resource.partition("/SignalR/")[0]
        text = text.replace(self.resource, "{resource}").replace(provider, "{provider}").partition("?")[0]
        text = text.replace(self.azure.arm, "{origin}").replace("/locations/westeurope", "/locations/{location}")
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "{operation}", text)
        return text.replace("/SignalR/chat", "/SignalR/{name}")

    def _send(self, method: str, url: str, body: object = None) -> requests.Response:
        sent = {} if body is None else {"json": body}
        trust = self.azure.env["SSL_CERT_FILE"]
        return requests.request(method, url, headers=self.headers, verify=trust, timeout=10, **sent)

    def _url(self, exchange: Exchange) -> str:
        path = exchange.path.replace("{resource}", self.resource)
        return f"{self.azure.arm}{path}?api-version={self.recording.api_version}"


@pytest.fixture(scope="module", params=ALL, ids=lambda one: one.name)
def played(
    request: pytest.FixtureRequest, azure: AzureEmulator
) -> tuple[Session, list[tuple[Exchange, requests.Response]]]:
    """Every exchange of a recording, and how the emulator answered it."""
    session = Session(azure, request.param)
    return session, [(exchange, session.ask(exchange)) for exchange in request.param.exchanges]


type Played = tuple[Session, list[tuple[Exchange, requests.Response]]]


def test_the_statuses_are_the_recorded_ones(played: Played) -> None:
    _, answers = played

    assert [(one.name, one.status) for one, _ in answers] == [(one.name, answer.status_code) for one, answer in answers]


def test_every_recorded_header_is_sent_in_its_recorded_casing(played: Played) -> None:
    """Where the recorder kept the casing. Casing is nothing to HTTP, and all to a client that forgot that."""
    session, answers = played
    kept = session.recording.source["headerCasing"] == "kept"

    for exchange, answer in answers:
        sent = {name if kept else name.lower() for name in answer.headers}
        assert set() == set(exchange.headers) - _NOT_HELD - sent, exchange.name


def test_no_answer_says_how_long_to_wait(played: Played) -> None:
    _, answers = played

    assert [] == [exchange.name for exchange, answer in answers if "Retry-After" in answer.headers]
    assert [] == [exchange.name for exchange, _ in answers if exchange.header("Retry-After")]


def test_operations_are_watched_where_they_were(played: Played) -> None:
    session, answers = played

    for exchange, answer in answers:
        for name in ("Azure-AsyncOperation", "Location"):
            recorded = (exchange.header(name) or "").partition("?")[0]
            assert recorded == session.like(answer.headers.get(name, "")), exchange.name


def test_keys_and_operation_statuses_have_the_recorded_shape(played: Played) -> None:
    session, answers = played

    for exchange, answer in answers:
        if exchange.body is None:
            assert b"" == answer.content, exchange.name
        elif "properties" not in exchange.body:
            assert shape(exchange.body) == shape(answer.json()), exchange.name
            assert exchange.body.get("id", "") == session.like(answer.json().get("id", "")), exchange.name


def test_a_resource_has_the_recorded_names(played: Played) -> None:
    """All of them at the api-version that the app uses; at others, the emulator answers in that one shape."""
    session, answers = played

    for exchange, answer in answers:
        if isinstance(exchange.body, dict) and "properties" in exchange.body and answer.content:
            shown: dict[str, Any] = answer.json()
            assert set() == set(exchange.body) - set(shown) - {"tags"}, exchange.name
            if session.recording.api_version == _APP_VERSION:
                assert set(exchange.body["properties"]) == set(shown["properties"]), exchange.name
                assert set(exchange.body) == set(shown), exchange.name


def test_connection_strings_have_the_recorded_form(played: Played) -> None:
    _, answers = played
    shown = [answer.json() for exchange, answer in answers if "primaryKey" in (exchange.body or {})]

    assert [] != shown
    for keys in shown:
        for slot in ("primary", "secondary"):
            assert _CONNECTION_STRING.fullmatch(keys[f"{slot}ConnectionString"])
            assert f";AccessKey={keys[f'{slot}Key']};" in keys[f"{slot}ConnectionString"]


def test_only_the_asked_key_changes_and_the_answer_shows_it_first(played: Played) -> None:
    session, answers = played
    shown = {exchange.name: answer.json() for exchange, answer in answers if "primaryKey" in (exchange.body or {})}
    regenerated = shown[session.recording.regeneration.name]
    slot, other = (
        ("primaryKey", "secondaryKey") if session.recording.slot == "Primary" else ("secondaryKey", "primaryKey")
    )

    for name, keys in shown.items():
        assert regenerated[other] == keys[other]
        assert (regenerated[slot] == keys[slot]) == (name != "list keys before")


@pytest.mark.parametrize("recording", ALL, ids=lambda one: one.name)
def test_a_recording_says_where_it_is_published(recording: Recording) -> None:
    assert {"repository", "path", "commit", "recorded", "client", "headerCasing"} == set(recording.source)
    assert re.fullmatch(r"[0-9a-f]{40}", recording.source["commit"])


def test_no_recording_holds_a_key_or_a_signature() -> None:
    texts = [str(exchange) for recording in ALL for exchange in recording.exchanges]

    assert [] == [text for text in texts if re.search(r"AccessKey=[^{]|[A-Za-z0-9+]{40,}", text)]
