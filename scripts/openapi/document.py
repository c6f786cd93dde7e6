"""The OpenAPI 3.1 document: every address with its parameters, its body and its responses."""

import json
from typing import Any

from scripts.openapi import parts
from scripts.openapi.schemas import component_schemas, ref
from shared.http.responses import (
    AcceptedRotations,
    FinishedRotations,
    FleetPage,
    OperationStatus,
    PreviewedRotations,
    ResumedRotations,
)
from shared.rotation.health import HealthReport

VERSION = "1"
_ABOUT = """Rotates the access keys of Azure SignalR Service without downtime for clients that read them from Key Vault.

Every address but `health` and `openapi.json` wants a function key, as the header `x-functions-key` or as `?code=`;
the platform answers 401 with an empty body without one. Errors are problems (RFC 9457) with a stable `type`."""


def document() -> bytes:
    """The document as bytes: what shared/http/openapi.json holds."""
    return (json.dumps(describe(), indent=2) + "\n").encode()


def describe() -> dict[str, Any]:
    """The document."""
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
            "schemas": component_schemas(),
            "securitySchemes": {
                "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "code": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }


_OF_A_BODY = ("LengthRequired", "BodyTooLarge", "UnsupportedMediaType")  # `check_body` raises them


def _paths() -> dict[str, Any]:
    return {
        "/rotate": {
            "post": parts.operation(
                "rotate",
                "Rotate one resource, or everything that is due",
                {
                    "200": parts.response(
                        "What would be done (dryRun), or how it ended (Prefer: wait)",
                        *(OperationStatus, FinishedRotations, PreviewedRotations),
                        headers=("Preference-Applied",),
                    ),
                    "202": parts.response(
                        "On its way",
                        AcceptedRotations,
                        headers=("Location", "Retry-After", "Preference-Applied"),
                        links={"followed": ("rotation", "$response.body#/rotations/0/id")},
                    ),
                    **parts.problems(
                        *("InvalidRequest", "InvalidHeader", "NotManaged", "RotationRefused", *_OF_A_BODY),
                        *("IdempotencyKeyReused", "RotationFailed", "ServiceFailed"),
                    ),
                },
                parameters=parts.ROTATE_HEADERS,
                body=(ref("RotateBody"), ("application/json",), False),
            )
        },
        "/resume": {
            "post": parts.operation(
                "resume",
                "Let scheduled rotations go on that are on hold",
                {
                    "200": parts.response("They do; whether they were on hold", ResumedRotations),
                    **parts.problems("InvalidRequest", *_OF_A_BODY, "ServiceFailed"),
                },
                body=(ref("ResumeBody"), ("application/json",), False),
            )
        },
        "/rotations/{id}": {
            "get": parts.operation(
                "rotation",
                "How far a rotation is, in the form of an ARM operation status",
                {
                    "200": parts.response("Its status", OperationStatus, headers=("Retry-After",)),
                    **parts.problems("RotationNotFound"),
                },
                parameters=parts.ROTATION_ID,
            )
        },
        "/resources": {
            "get": parts.operation(
                "resources",
                "The managed fleet, in pages or as a sheet",
                {
                    "200": parts.or_sheet(
                        parts.response("One page; with Accept: text/csv the whole fleet as a sheet", FleetPage)
                    ),
                    **parts.problems("InvalidQuery", "ServiceFailed"),
                },
                parameters=parts.PAGING,
            )
        },
        "/health": {
            "get": parts.operation(
                "health",
                "Whether the app runs and its settings can be read; no details",
                {
                    "200": parts.plain("It runs, and its settings can be read", {"const": "ok"}),
                    **parts.problems("Unhealthy"),
                },
                key=False,
            )
        },
        "/health/deep": {
            "get": parts.operation(
                "deepHealth",
                "What would keep the managed resources from being rotated now",
                {
                    "200": parts.response("No findings", HealthReport),
                    **parts.problems("InvalidQuery", "NotManaged", "ServiceFailed", "Unhealthy"),
                },
                parameters=parts.ONE_RESOURCE,
            )
        },
        "/openapi.json": {
            "get": parts.operation("openapi", "This document", {"200": parts.plain("The document")}, key=False)
        },
    }
