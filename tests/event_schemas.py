"""The events that are really sent, held against their published schemas in docs/events/.

A schema lets a consumer ignore members it does not know, so that members can be added. Here none may be sent that is
not described.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FOLDER = Path(__file__).parents[1] / "docs" / "events"
KINDS = (
    *("KeyRotated", "KeyPublished", "KeyRetired", "SaltRegenerated"),
    *("RotationFailed", "RotationOverdue", "RotationUpcoming", "RotationsHeld"),
)


def validate_event(event: dict[str, Any]) -> None:
    """Raise `ValidationError` when the event is not as documented, `AssertionError` when a member of it is not."""
    kind = event["type"].rpartition(".")[2]
    validator(kind).validate(event)
    assert set() == set(event["data"]) - set(schema(kind)["properties"]["data"]["properties"])
    assert set() == set(event) - set(schema("common")["$defs"]["event"]["properties"])


def samples() -> list[dict[str, Any]]:
    """The events that the pages of docs/events show."""
    pages = "".join((FOLDER / page).read_text() for page in ("README.md", "examples.md"))
    blocks = re.findall(r"^```json\n(.*?)^```$", pages, re.MULTILINE | re.DOTALL)
    return [json.loads(block) for block in blocks]


@cache
def schema(kind: str) -> dict[str, Any]:
    """One published schema. Raises `FileNotFoundError` for an event that has none."""
    return dict(json.loads((FOLDER / f"{kind}.json").read_text()))


@cache
def validator(kind: str) -> Draft202012Validator:
    """What holds an event of this kind against its schema, formats included."""
    common = Resource.from_contents(schema("common"), default_specification=DRAFT202012)
    registry = Registry().with_resource("common.json", common)
    return Draft202012Validator(schema(kind), registry=registry, format_checker=FormatChecker())
