"""The component schemas: those of the classes, and one that no class describes: the problem."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.http.problem_details import PROBLEMS, TYPE_PREFIX
from shared.http.responses import (
    AcceptedRotation,
    AcceptedRotations,
    FinishedRotations,
    FleetPage,
    OperationStatus,
    PreviewedRotation,
    PreviewedRotations,
    ResumedRotations,
)
from shared.http.rotate_request import ResumeBody, RotateBody
from shared.rotation.health import HealthReport

_MODELS: tuple[type[BaseModel], ...] = (
    *(RotateBody, AcceptedRotations, FinishedRotations, OperationStatus, PreviewedRotations),
    *(FleetPage, HealthReport, ResumeBody, ResumedRotations),
)
# Names that were published before the classes were renamed. Clients are generated from them, so they stay.
_PUBLISHED = {
    AcceptedRotation.__name__: "AcceptedRotation",
    AcceptedRotations.__name__: "Accepted",
    FinishedRotations.__name__: "Finished",
    PreviewedRotation.__name__: "Previewed",
    PreviewedRotations.__name__: "Previews",
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
    return dict(sorted(json.loads(text).items())) | {"Problem": problem_schema()}


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
