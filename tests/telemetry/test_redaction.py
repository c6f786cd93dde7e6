"""Attempts to get key material past the last line of defence, by every way a log record offers."""

import io
import logging
import os
import traceback
import urllib.parse
from collections.abc import AsyncIterator, Iterator

import pytest
from azure.core.pipeline.policies import NetworkTraceLoggingPolicy
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.signalr.aio import SignalRManagementClient

from local.azure.client import AzureEmulator
from shared.domain.keys import fingerprint
from shared.domain.resources import ResourceId
from shared.observability import log_redaction

KEY = "kT9vWq3Zr7Yb1Xc5Nm8Lp2Hs6Gd4Fa0Je9Ui7Oy5Tr="
LONG_KEY = "8sQ2mV6xR1nK4wZ9cT3hB7jL5pD0fG2yA6uE8iO1rS4tN7kM3vX9zJQQJ99BAACYeBjFXJ3w3AAABAZURE4bCd"
ODD_KEY = "äußerst-geheim~key!of~no~known*alphabet"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJodHRwczovL3gifQ.dGhpcy1pcy1ub3QtYS1zaWduYXR1cmU"


class Output(io.StringIO):
    """What a handler wrote."""

    def assert_without(self, *secrets: str) -> None:
        written = self.getvalue()
        assert written
        assert [] == [place for place, secret in enumerate(secrets) if secret in written]


@pytest.fixture
def output() -> Iterator[Output]:
    """A logger's handler behind the filter; it writes message, every extra and the traceback."""
    log = logging.getLogger("rotation.redaction-test")
    stream = Output()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Everything())
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log_redaction.install(log)
    yield stream
    log.removeHandler(handler)


class _Everything(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {vars(record)!r}"


log = logging.getLogger("rotation.redaction-test")


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "text",
    [
        f"Endpoint=https://chat.service.signalr.net;AccessKey={KEY};Version=1.0;",
        f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={KEY}",
        f"Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey={KEY}",
        f'{{"primaryKey":"{KEY}","secondaryKey": "{KEY}"}}',
        f'{{\\"primaryKey\\":\\"{KEY}\\"}}',
        f"{{'primaryKey': '{KEY}'}}",
        f"key {KEY}",
        f"key={KEY}",
        f"<{LONG_KEY}>",
        f"AccessKey%3D{urllib.parse.quote(KEY, safe='')}%3B",
        f"x-functions-key: {KEY}",
        f"https://app/api/dashboard?code={KEY}&resource=x",
    ],
)
def test_a_key_does_not_pass_in_any_dress(output: Output, text: str) -> None:
    log.info(text)

    output.assert_without(KEY, LONG_KEY, urllib.parse.quote(KEY, safe=""))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {JWT}", JWT),
        (f"token {JWT} sent", JWT),
        ("https://x.blob.core.windows.net/c?sv=2024&sig=aB3%2Fq9ZxLm%3D&sp=r", "aB3%2Fq9ZxLm%3D"),
        (
            "https://management.azure.com/x?api-version=2023-02-01&t=638&c=MIIHpTCCBo2gAwIB&s=Qk3vL9xZ",
            "MIIHpTCCBo2gAwIB",
        ),
        ("SharedAccessSignature=sr%3Dhttps&sig=Zm9vYmFyYmF6", "Zm9vYmFyYmF6"),
    ],
)
def test_tokens_and_signatures_do_not_pass(output: Output, text: str, secret: str) -> None:
    log.info("sent to %s", text)

    output.assert_without(secret)


def test_a_key_of_no_known_form_is_known_by_its_fingerprint(output: Output) -> None:
    log_redaction.remember(fingerprint(ODD_KEY))

    log.warning(f"strange: {ODD_KEY}")  # noqa: G004 - the leak that is tried here
    log.warning("strange", extra={"value": ODD_KEY})

    output.assert_without(ODD_KEY)


def test_extra_is_searched_through_and_through(output: Output) -> None:
    nested = {"plain": KEY, "deep": [{"answer": (f"AccessKey={KEY}", {KEY})}], "bytes": KEY.encode(), KEY: 1}

    log.info("answer", extra={"body": nested})

    output.assert_without(KEY)


def test_arguments_and_objects_are_judged_by_their_text(output: Output) -> None:
    class Answer:
        def __str__(self) -> str:
            return f"AccessKey={KEY}"

        __repr__ = __str__

    log.info("got %s and %r", Answer(), {"answer": Answer()})
    log.info("got it", extra={"answer": Answer()})

    output.assert_without(KEY)


def test_an_exception_and_its_whole_chain_are_redacted(output: Output) -> None:
    try:
        try:
            _raise(ValueError(f"body was AccessKey={KEY}"))
        except ValueError as error:
            raise RuntimeError(f"and then {LONG_KEY}") from error
    except RuntimeError:
        log.exception("it failed")

    output.assert_without(KEY, LONG_KEY)
    assert "RuntimeError" in output.getvalue()


def test_an_exception_group_is_redacted(output: Output) -> None:
    try:
        _raise(ExceptionGroup("two", [ValueError(f"AccessKey={KEY}"), ValueError(LONG_KEY)]))
    except ExceptionGroup:
        log.exception("they failed")

    output.assert_without(KEY, LONG_KEY)


def test_a_formatted_traceback_is_redacted(output: Output) -> None:
    try:
        _raise(ValueError(KEY))
    except ValueError:
        log.info("text", extra={"trace": traceback.format_exc()})
        log.info(traceback.format_exc())

    output.assert_without(KEY)


def test_a_broken_format_string_gives_nothing_away(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    form = "%d and %d"
    log.info(form, KEY)

    output.assert_without(KEY)
    assert KEY not in capsys.readouterr().err


def test_a_harmless_record_passes_untouched(output: Output) -> None:
    resource = str(ResourceId("0e0e0e0e-0000-4000-8000-000000000001", "live", "chat"))
    kept = {
        "resource": resource,
        "rotation_id": "5b1e0a52-7d3c-4a55-9c6e-2f1d8e4b7a90",
        "version": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "secret_id": "https://kv-live.vault.azure.net/secrets/chat-connection-string/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "traceparent": "00-dc8e93714b5f4c0e8d8e1f2a3b4c5d6e-4376ba74a7123456-01",
        "fingerprint": "3fa94c2be01d",
    }

    log.info("key published", extra=kept)

    assert log_redaction.REDACTED not in output.getvalue()
    assert [] == [value for value in kept.values() if value not in output.getvalue()]


@pytest.fixture
async def talkative(
    azure_session: AzureEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SignalRManagementClient]:
    """The SDK with everything on that it can log: addresses, headers and whole bodies."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setitem(os.environ, name, azure_session.env[name])
    async with (
        ManagedIdentityCredential(client_id=azure_session.env.get("AZURE_CLIENT_ID")) as credential,
        SignalRManagementClient(
            credential,
            "0e0e0e0e-0000-4000-8000-00000000000e",
            base_url=azure_session.env["AZURE_RESOURCE_MANAGER_URL"],
            credential_scopes=["https://management.azure.com/.default"],
            logging_policy=NetworkTraceLoggingPolicy(logging_enable=True),
        ) as client,
    ):
        yield client


async def test_an_sdk_that_logs_whole_bodies_at_debug_gives_no_key_away(
    azure_session: AzureEmulator, talkative: SignalRManagementClient
) -> None:
    resource = azure_session.create_signalr("talkative", subscription="0e0e0e0e-0000-4000-8000-00000000000e")
    sdk, stream = logging.getLogger("azure"), Output()
    handler, level = logging.StreamHandler(stream), sdk.level
    sdk.addHandler(handler)
    log_redaction.install(sdk)
    sdk.setLevel(logging.DEBUG)
    try:
        await talkative.signal_r.list_keys("live", "talkative")
    finally:
        sdk.setLevel(level)
        sdk.removeHandler(handler)

    assert "primaryKey" in stream.getvalue()
    stream.assert_without(*azure_session.valid_keys(resource).values(), "eyJ")


def test_installing_twice_filters_once(output: Output) -> None:
    log_redaction.install(log)

    assert output is not None
    assert {1} == {len(handler.filters) for handler in log.handlers}
