"""How a delivery is read: both schemas, all modes, names in any case; what calls for nothing is seen at once."""

import json
from typing import Any

import pytest

from shared.http.event_webhook import inbound_events, read
from shared.http.messages import HttpRequest
from shared.rotation.incoming_events import InboundEvent

VERSION = "0123456789abcdef0123456789abcdef"
SECRET = f"https://contoso.vault.azure.net/secrets/chat-connection-string/{VERSION}"
RESOURCE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/chat"
    "/providers/Microsoft.SignalRService/SignalR/chat"
)
NEAR_EXPIRY: dict[str, Any] = {
    "id": "1",
    "topic": "/subscriptions/0",
    "subject": "chat-connection-string",
    "eventType": "Microsoft.KeyVault.SecretNearExpiry",
    "eventTime": "2026-11-23T07:00:00Z",
    "data": {"Id": SECRET, "VaultName": "contoso", "ObjectType": "Secret", "ObjectName ": "chat-connection-string"},
    "dataVersion": "1",
}
RENEWED: dict[str, Any] = {
    "id": "2",
    "topic": "/subscriptions/0",
    "subject": RESOURCE,
    "eventType": "Microsoft.Resources.ResourceActionSuccess",
    "data": {"resourceUri": RESOURCE, "operationName": "Microsoft.SignalRService/SignalR/regeneratekey/action"},
}
EXPIRING = InboundEvent(
    event_id="1",
    about="secret-expiry",
    type="Microsoft.KeyVault.SecretNearExpiry",
    vault_url="https://contoso.vault.azure.net",
    secret_name="chat-connection-string",  # noqa: S106 - a name
    version=VERSION,
)
REGENERATED = InboundEvent(
    event_id="2", about="key-regenerated", type="Microsoft.Resources.ResourceActionSuccess", resource=RESOURCE
)


def cloud_event(event: dict[str, Any]) -> dict[str, Any]:
    """The same in the CloudEvents schema."""
    names = {"topic": "source", "eventType": "type", "eventTime": "time"}
    kept = {names.get(name, name): value for name, value in event.items() if name != "dataVersion"}
    return {"specversion": "1.0", **kept}


def inbound(content: object, **headers: str) -> list[InboundEvent]:
    return inbound_events(read(HttpRequest("POST", "", headers, body=json.dumps(content).encode())))


@pytest.mark.parametrize("event", [NEAR_EXPIRY, cloud_event(NEAR_EXPIRY)])
@pytest.mark.parametrize("batch", [True, False])
def test_both_schemas_come_alone_or_in_a_batch(event: dict[str, Any], *, batch: bool) -> None:
    assert [EXPIRING] == inbound([event] if batch else event)


def test_cloud_event_in_binary_mode_is_read() -> None:
    event = cloud_event(NEAR_EXPIRY)
    headers = {f"ce-{name}": event[name] for name in ("specversion", "id", "source", "type", "subject")}

    assert [EXPIRING] == inbound(event["data"], **headers)


@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json; charset=utf-8"])
def test_media_types_of_both_schemas_are_read(kind: str) -> None:
    assert [REGENERATED] == inbound([RENEWED], **{"content-type": kind})


@pytest.mark.parametrize("spell", [str.lower, str.upper, lambda name: f" {name} "])
def test_names_are_read_in_any_case_and_with_spaces(spell: Any) -> None:
    """Documented payloads have `Id` and `id`, and one name with a space at its end."""
    events = [
        {spell(name): value for name, value in event.items()}
        | {spell("data"): {spell(name): value for name, value in event["data"].items()}}
        for event in (NEAR_EXPIRY, RENEWED)
    ]

    assert [EXPIRING, REGENERATED] == inbound(events)


@pytest.mark.parametrize(
    "operation",
    ["Microsoft.SignalRService/SignalR/regenerateKey/action", "MICROSOFT.SIGNALRSERVICE/SIGNALR/REGENERATEKEY/ACTION"],
)
def test_operation_name_is_read_in_any_case(operation: str) -> None:
    assert [REGENERATED] == inbound([RENEWED | {"data": RENEWED["data"] | {"operationName": operation}}])


@pytest.mark.parametrize("where", ["resourceUri", "subject"])
def test_resource_is_cut_out_of_a_longer_id(where: str) -> None:
    longer = f"{RESOURCE}/regenerateKey"
    data = {"operationName": RENEWED["data"]["operationName"]} | ({where: longer} if where == "resourceUri" else {})

    assert [REGENERATED] == inbound([RENEWED | {"data": data, "subject": longer}])


@pytest.mark.parametrize(
    "change",
    [
        {"eventType": "Microsoft.KeyVault.SecretNewVersionCreated"},
        {"eventType": "Microsoft.KeyVault.CertificateNearExpiry"},
        {"eventType": "Microsoft.Storage.BlobCreated", "data": None},
        {"data": {"Id": "https://[::1/secrets/x/y"}},
        {"data": {"Id": SECRET.removesuffix(f"/{VERSION}")}},
        {"data": {"Id": SECRET.replace("secrets", "keys")}},
        {"data": {"Id": 7}},
        {"data": []},
        {"id": "x" * 401},
        {"id": "\ud800"},
        {"eventType": "Microsoft.Resources.ResourceActionSuccess"},
        RENEWED | {"data": RENEWED["data"] | {"operationName": "Microsoft.SignalRService/SignalR/listkeys/action"}},
        RENEWED | {"data": RENEWED["data"] | {"resourceUri": "/subscriptions/0"}, "subject": ""},
        *(
            RENEWED | {"data": RENEWED["data"] | {"resourceUri": RESOURCE[:-4] + name}, "subject": ""}
            for name in ("1chat", "chat-", "ch", "chat_1", "x" * 64)
        ),
    ],
)
def test_what_calls_for_nothing_is_read_and_left_alone(change: dict[str, Any]) -> None:
    assert [] == inbound([NEAR_EXPIRY | change])


def test_what_is_no_event_does_not_take_the_others_with_it() -> None:
    assert [EXPIRING] == inbound([None, {"id": 1}, "text", NEAR_EXPIRY, {"id": "x", "eventType": ["?"]}])
