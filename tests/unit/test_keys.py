"""Values that hold keys, and values that name resources."""

import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.connection_strings import read_secret_value
from shared.domain.keys import AccessKey, KeyPair, SecretFormat, Slot, fingerprint
from shared.domain.observation import PublishedSecret
from shared.domain.resources import ResourceId

KEY = "s3cr3t" * 14
GUID = "5ab5c4b0-0000-4000-8000-000000000001"
ID = f"/subscriptions/{GUID}/resourceGroups/live/providers/Microsoft.SignalRService/SignalR/chat"


def pair() -> KeyPair:
    endpoint = "https://chat.service.signalr.net"
    return KeyPair(AccessKey(Slot.PRIMARY, endpoint, KEY), AccessKey(Slot.SECONDARY, endpoint, "other"))


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format])
def test_a_key_does_not_show_itself(show) -> None:  # noqa: ANN001 - whatever makes a text of it
    assert KEY not in show(pair().primary)
    assert KEY not in show(pair())
    assert KEY not in show({"keys": [pair()]})


def test_a_fingerprint_is_twelve_hex_digits_of_sha256() -> None:
    assert "2c26b46b68ff" == fingerprint("foo")


def published_fingerprint(value: str) -> str:
    return fingerprint(read_secret_value(value).reveal())


# What no access key has had: what separates, quotes and brackets other kinds of secrets.
_FOREIGN = ";,:<>\"'`(){}[]@\\"


@given(st.text(st.characters(exclude_characters=_FOREIGN, exclude_categories=("Z", "C")), min_size=1))
def test_the_key_is_found_in_a_secret_of_either_format(key: str) -> None:
    """Whatever its length and alphabet: base64 ends in `=`, and nobody promised base64."""
    key = key.strip() or "k"
    access_key = AccessKey(Slot.PRIMARY, "https://chat", key)

    assert access_key.fingerprint == published_fingerprint(access_key.secret_value(SecretFormat.CONNECTION_STRING))
    assert access_key.fingerprint == published_fingerprint(access_key.secret_value(SecretFormat.ACCESS_KEY))


@pytest.mark.parametrize(
    "value",
    [
        "Endpoint=https://chat:8443/path;AccessKey=abc==;Version=1.0;",
        "endpoint=https://chat;accesskey=abc==",
        " AccessKey=abc== ; Endpoint=https://chat",
        "Version=1.0;AccessKey=abc==;ClientEndpoint=https://a=b;ServerEndpoint=https://c",
    ],
)
def test_a_connection_string_is_read_tolerantly(value: str) -> None:
    assert fingerprint("abc==") == published_fingerprint(value)


def test_arm_ids_are_one_whatever_their_case() -> None:
    same = {ResourceId.parse(ID), ResourceId.parse(ID.upper()), ResourceId.parse(f" {ID}/ ")}

    assert 1 == len(same)
    assert 1 == len({each.key for each in same})


@pytest.mark.parametrize(
    "text", ["", "chat", ID.replace("SignalR/chat", "SignalR/"), ID + "/extra", ID.replace(GUID, "x")]
)
def test_what_is_no_arm_id_is_told_with_the_form_that_is(text: str) -> None:
    with pytest.raises(ValueError, match="expected /subscriptions/<guid>/"):
        ResourceId.parse(text)


def test_a_version_without_a_value_is_a_disabled_one() -> None:
    assert not PublishedSecret("v", "https://vault/secrets/chat/v", datetime.now(UTC)).enabled


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        pair().primary.slot = Slot.SECONDARY


def test_a_resource_id_survives_a_copy() -> None:
    """Messages, caches and processes carry it about."""
    assert ResourceId.parse(ID) == pickle.loads(pickle.dumps(ResourceId.parse(ID)))  # noqa: S301 - our own value
