"""The OpenAPI 3.1 document, generated from the classes that requests are read with and answers are written from."""

import json
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.http import openapi_parts as parts
from shared.http.event_webhook import MEDIA_TYPES, Taken, Validation
from shared.http.fleet_page import FleetPage
from shared.http.openapi_schemas import events_schema, problem_schema
from shared.http.responses import Accepted, Finished, OperationStatus, Previews
from shared.http.rotate_request import RotateBody
from shared.rotation.health import HealthReport

VERSION = "1"
_MODELS: tuple[type[BaseModel], ...] = (
    *(RotateBody, Accepted, Finished, OperationStatus, Previews),
    *(FleetPage, HealthReport, Taken, Validation),
)
_ABOUT = """Replaces the access keys of Azure SignalR Service without one client being refused.

Every address but `health` and `openapi.json` wants a function key, as the header `x-functions-key` or as `?code=`;
the platform answers 401 with an empty body without one. Errors are problems (RFC 9457) with a stable `type`."""


@cache
def document() -> bytes:
    """The document as it is served and as it stands in docs/openapi.json."""
    return (json.dumps(describe(), indent=2) + "\n").encode()


def describe() -> dict[str, Any]:
    """The document."""
    _, models = models_json_schema(
        [(model, "validation") for model in _MODELS], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SignalR key rotation",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "MIT"},
        },
        "servers": [{"url": "/api"}],
        "security": [{"functionKey": []}, {"code": []}],
        "paths": _paths(),
        "components": {
            "schemas": models["$defs"] | {"Problem": problem_schema(), "Events": events_schema()},
            "securitySchemes": {
                "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "code": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }


def _paths() -> dict[str, Any]:
    return {
        "/rotate": {
            "post": parts.operation(
                "rotate",
                "Rotate one resource, or everything that is due",
                {
                    "200": parts.answer(
                        "What would be done (dryRun), or how it ended (Prefer: wait)",
                        *(OperationStatus, Finished, Previews),
                        headers=("Preference-Applied",),
                    ),
                    "202": parts.answer(
                        "On its way",
                        Accepted,
                        headers=("Location", "Retry-After", "Preference-Applied"),
                        links={"followed": ("rotation", "$response.body#/rotations/0/id")},
                    ),
                    **parts.problems(
                        *("InvalidRequest", "InvalidHeader", "NotManaged", "RotationRefused", "BodyTooLarge"),
                        *("UnsupportedMediaType", "IdempotencyKeyReused", "RotationFailed", "ServiceFailed"),
                    ),
                },
                parameters=parts.ROTATE_HEADERS,
                body=({"$ref": "#/components/schemas/RotateBody"}, ("application/json",), False),
            )
        },
        "/rotations/{id}": {
            "get": parts.operation(
                "rotation",
                "How far a rotation is, in the form of an ARM operation status",
                {
                    "200": parts.answer("Its status", OperationStatus, headers=("Retry-After",)),
                    **parts.problems("RotationNotFound"),
                },
                parameters=parts.ROTATION_ID,
            )
        },
        "/resources": {
            "get": parts.operation(
                "resources",
                "The managed fleet, in pages",
                {"200": parts.answer("One page", FleetPage), **parts.problems("InvalidQuery", "ServiceFailed")},
                parameters=parts.PAGING,
            )
        },
        "/events": {
            "post": parts.operation(
                "events",
                "Event Grid's webhook: Event Grid schema and CloudEvents 1.0",
                {
                    "200": parts.answer("Noted down, or the answer to the handshake", Taken, Validation),
                    **parts.problems("InvalidEvents", "BodyTooLarge", "UnsupportedMediaType", "ServiceFailed"),
                },
                body=({"$ref": "#/components/schemas/Events"}, MEDIA_TYPES, True),
                role=False,
            ),
            "options": parts.operation(
                "eventsHandshake",
                "CloudEvents' handshake",
                {
                    "200": parts.answer(
                        "The origin may send", headers=("WebHook-Allowed-Origin", "WebHook-Allowed-Rate", "Allow")
                    ),
                    **parts.problems("HandshakeIncomplete"),
                },
                parameters=parts.HANDSHAKE,
                role=False,
            ),
        },
        "/health": {
            "get": parts.operation(
                "health",
                "Whether the app runs and its settings can be read; no details",
                {"200": parts.plain("It does", {"const": "ok"}), **parts.problems("Unhealthy")},
                key=False,
            )
        },
        "/health/deep": {
            "get": parts.operation(
                "deepHealth",
                "What would keep the managed resources from being rotated now",
                {
                    "200": parts.answer("Nothing", HealthReport),
                    **parts.problems("InvalidQuery", "NotManaged", "ServiceFailed", "Unhealthy"),
                },
                parameters=parts.ONE_RESOURCE,
            )
        },
        "/openapi.json": {
            "get": parts.operation("openapi", "This document", {"200": parts.plain("The document")}, key=False)
        },
    }
