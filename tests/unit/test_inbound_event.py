"""How an event is read: names in any case; what calls for nothing is seen at once."""

from typing import Any

import pytest

from shared.rotation.inbound_event import InboundEvent, inbound_event

VERSION = "0123456789abcdef0123456789abcdef"
SECRET = f"https://contoso.vault.azure.net/secrets/chat-connection-string/{VERSION}"
RESOURCE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/chat"
    "/providers/Microsoft.SignalRService/SignalR/chat"
)
NEAR_EXPIRY: dict[str, Any] = {
    "event_id": "1",
    "subject": "chat-connection-string",
    "kind": "Microsoft.KeyVault.SecretNearExpiry",
    "data": {"Id": SECRET, "VaultName": "contoso", "ObjectType": "Secret", "ObjectName ": "chat-connection-string"},
}
REGENERATION: dict[str, Any] = {
    "event_id": "2",
    "subject": RESOURCE,
    "kind": "Microsoft.Resources.ResourceActionSuccess",
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


@pytest.mark.parametrize("spell", [str, str.lower, str.upper, lambda name: f" {name} "])
@pytest.mark.parametrize(("expected", "event"), [(EXPIRING, NEAR_EXPIRY), (REGENERATED, REGENERATION)])
def test_names_are_read_in_any_case_and_with_spaces(expected: InboundEvent, event: dict[str, Any], spell: Any) -> None:
    """Documented payloads have `Id` and `id`, and one name with a space at its end."""
    data = {spell(name): value for name, value in event["data"].items()}

    assert expected == inbound_event(**event | {"data": data})


@pytest.mark.parametrize("kind", ["microsoft.keyvault.secretnearexpiry", "MICROSOFT.KEYVAULT.SECRETNEAREXPIRY "])
def test_type_is_read_in_any_case(kind: str) -> None:
    read = inbound_event(**NEAR_EXPIRY | {"kind": kind})

    assert EXPIRING.model_copy(update={"type": kind.strip()}) == read


@pytest.mark.parametrize(
    "operation",
    ["Microsoft.SignalRService/SignalR/regenerateKey/action", "MICROSOFT.SIGNALRSERVICE/SIGNALR/REGENERATEKEY/ACTION"],
)
def test_operation_name_is_read_in_any_case(operation: str) -> None:
    data = REGENERATION["data"] | {"operationName": operation}

    assert REGENERATED == inbound_event(**REGENERATION | {"data": data})


@pytest.mark.parametrize("where", ["resourceUri", "subject"])
def test_resource_is_cut_out_of_a_longer_id(where: str) -> None:
    longer = f"{RESOURCE}/regenerateKey"
    operation = {"operationName": REGENERATION["data"]["operationName"]}
    data = operation | ({where: longer} if where == "resourceUri" else {})

    assert REGENERATED == inbound_event(**REGENERATION | {"data": data, "subject": longer})


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Microsoft.KeyVault.SecretNewVersionCreated"},
        {"kind": "Microsoft.KeyVault.CertificateNearExpiry"},
        {"kind": "Microsoft.Storage.BlobCreated", "data": None},
        {"kind": None},
        {"kind": ["?"]},
        {"data": {"Id": "https://[::1/secrets/x/y"}},
        {"data": {"Id": SECRET.removesuffix(f"/{VERSION}")}},
        {"data": {"Id": SECRET.replace("secrets", "keys")}},
        {"data": {"Id": 7}},
        {"data": []},
        {"data": None},
        {"event_id": ""},
        {"event_id": 1},
        {"event_id": "x" * 401},
        {"event_id": "\ud800"},
        {"kind": "Microsoft.Resources.ResourceActionSuccess"},
        REGENERATION
        | {"data": REGENERATION["data"] | {"operationName": "Microsoft.SignalRService/SignalR/listkeys/action"}},
        REGENERATION | {"data": REGENERATION["data"] | {"resourceUri": "/subscriptions/0"}, "subject": ""},
        REGENERATION | {"data": REGENERATION["data"] | {"resourceUri": 7}, "subject": None},
        *(
            REGENERATION | {"data": REGENERATION["data"] | {"resourceUri": RESOURCE[:-4] + name}, "subject": ""}
            for name in ("1chat", "chat-", "ch", "chat_1", "x" * 64)
        ),
    ],
)
def test_what_calls_for_nothing_is_left_alone(change: dict[str, Any]) -> None:
    assert inbound_event(**NEAR_EXPIRY | change) is None
