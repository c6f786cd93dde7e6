"""The component schemas: those of the classes, and two that no class describes: problems, and Event Grid deliveries."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.http.problem_details import PROBLEMS, TYPE_PREFIX
from shared.http.responses import (
    AcceptedEvents,
    AcceptedRotation,
    AcceptedRotations,
    EventGridValidation,
    FinishedRotations,
    FleetPage,
    OperationStatus,
    PreviewedRotation,
    PreviewedRotations,
)
from shared.http.rotate_request import EXAMPLE_ID, RotateBody
from shared.rotation.health import HealthReport

_MODELS: tuple[type[BaseModel], ...] = (
    *(RotateBody, AcceptedRotations, FinishedRotations, OperationStatus, PreviewedRotations),
    *(FleetPage, HealthReport, AcceptedEvents, EventGridValidation),
)
# Names that were published before the classes were renamed. Clients are generated from them, so they stay.
_PUBLISHED = {
    AcceptedRotation.__name__: "Asked",
    AcceptedRotations.__name__: "Accepted",
    FinishedRotations.__name__: "Finished",
    PreviewedRotation.__name__: "Previewed",
    PreviewedRotations.__name__: "Previews",
    AcceptedEvents.__name__: "Taken",
    EventGridValidation.__name__: "Validation",
}


def ref(name: str) -> dict[str, Any]:
    """A reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def published_name(class_name: str) -> str:
    """What the document calls a class."""
    return _PUBLISHED.get(class_name, class_name)


def component_schemas() -> dict[str, Any]:
    """All of them, by name."""
    _, models = models_json_schema([(model, "validation") for model in _MODELS], ref_template=ref("{model}")["$ref"])
    text = json.dumps(models["$defs"])
    for name, published in _PUBLISHED.items():
        text = text.replace(f'"{name}"', f'"{published}"').replace(f'/{name}"', f'/{published}"')
    return dict(sorted(json.loads(text).items())) | {"Problem": problem_schema(), "Events": events_schema()}


def problem_schema() -> dict[str, Any]:
    """RFC 9457, with this app's members."""
    faults = {"type": "array", "items": {"type": "object", "required": ["field", "message"]}}
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "enum": [TYPE_PREFIX + code for code in PROBLEMS], "description": "Stable"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What to do about it"},
            "code": {"type": "string", "description": "The last part of the type, or what lies behind it"},
            "help": {
                "type": "string",
                "description": "Where the code is explained: a page of the project and its anchor",
            },
            "errors": faults | {"description": "Each wrong field, and what is allowed"},
            "rotations": {"type": "array", "items": ref("OperationStatus")},
            "findings": {"type": "array", "items": ref("Finding")},
        },
    }


def events_schema() -> dict[str, Any]:
    """One event or a batch of them. A batch is taken when one of its elements is an event."""
    text = {"type": "string", "minLength": 1}
    event = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": text},
        "anyOf": [
            {"required": ["type"], "properties": {"type": text}},
            {"required": ["eventType"], "properties": {"eventType": text, "type": False}},
        ],
    }
    secret = "https://contoso.vault.azure.net/secrets/chat-connection-string/0123456789abcdef0123456789abcdef"  # noqa: S105 - the address of one
    near_expiry = {
        "specversion": "1.0",
        "id": "9b87886d-21a5-4af5-8e3e-10c4b8dac73b",
        "source": "/subscriptions/…/vaults/contoso",
        "subject": "chat-connection-string",
        "type": "Microsoft.KeyVault.SecretNearExpiry",
        "time": "2026-11-23T07:00:00Z",
        "data": {"Id": secret, "VaultName": "contoso", "ObjectType": "Secret", "ObjectName": "chat-connection-string"},
    }
    regenerated = {
        "id": "5c83f5b9-6cb6-4a60-8a6b-1b7a9df9a7a2",
        "topic": "/subscriptions/…",
        "subject": EXAMPLE_ID,
        "eventType": "Microsoft.Resources.ResourceActionSuccess",
        "eventTime": "2026-11-23T07:00:00Z",
        "data": {
            "resourceUri": EXAMPLE_ID,
            "operationName": "Microsoft.SignalRService/SignalR/regeneratekey/action",
            "status": "Succeeded",
        },
        "dataVersion": "1",
    }
    return {"anyOf": [event, {"type": "array", "contains": event}], "examples": [near_expiry, [regenerated]]}
