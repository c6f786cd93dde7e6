"""The watch that other tests trust must itself be able to see."""

import base64
from itertools import count

import pytest

from local.azure.client import AzureEmulator
from tests.leaks import KeyWatch

_numbers = count(1)


@pytest.fixture
def resource(azure_session: AzureEmulator) -> str:
    return azure_session.create_signalr(f"watched{next(_numbers)}")


@pytest.mark.parametrize("disguise", ["plain", "base64"])
def test_watch_sees_a_key(azure_session: AzureEmulator, resource: str, disguise: str) -> None:
    key = azure_session.valid_keys(resource)["Primary"]
    text = key if disguise == "plain" else base64.b64encode(key.encode()).decode()

    with pytest.raises(AssertionError, match="the log") as caught:
        KeyWatch(azure_session, resource).assert_absent_from([("the log", f"oops: {text}.")])

    assert text not in str(caught.value)


def test_watch_remembers_a_key_that_is_gone(azure_session: AzureEmulator, resource: str) -> None:
    watch = KeyWatch(azure_session, resource)
    old = azure_session.valid_keys(resource)["Primary"]
    azure_session.regenerate_in_portal(resource, "Primary")

    with pytest.raises(AssertionError, match="the log"):
        watch.assert_absent_from([("the log", old)])


def test_watch_is_quiet_about_fingerprints(azure_session: AzureEmulator, resource: str) -> None:
    KeyWatch(azure_session, resource).assert_absent_from([("the log", "key 2e2e0bd76388 regenerated")])


@pytest.mark.parametrize("texts", [[], [("the log", ""), ("events", " \n")]], ids=["nothing", "blank"])
def test_watch_is_not_content_with_nothing_to_look_at(
    azure_session: AzureEmulator, resource: str, texts: list[tuple[str, str]]
) -> None:
    with pytest.raises(AssertionError, match="no text"):
        KeyWatch(azure_session, resource).assert_absent_from(texts)
