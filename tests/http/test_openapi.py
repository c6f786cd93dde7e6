"""The OpenAPI document: valid, complete, the same everywhere, and true of what is really answered (test_contract)."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from scripts.openapi.document import describe, document
from shared.http.problem_details import PROBLEMS
from shared.http.rotate_request import RotateBody
from tests.http.conftest import HttpWorld

ROOT = Path(__file__).parents[2]
OPERATIONS = [
    pytest.param(path, method, id=f"{method} {path}") for path, item in describe()["paths"].items() for method in item
]


def test_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(describe()).validate()


def test_shipped_file_is_as_the_models_say() -> None:
    """`make openapi` writes it anew."""
    assert document() == (ROOT / "shared" / "http" / "openapi.json").read_bytes()


def test_document_is_served_to_anybody(world: HttpWorld) -> None:
    answer = world.call("GET", "openapi.json", key=None)

    assert (200, document()) == (answer.status_code, answer.content)


def test_every_route_is_described(world: HttpWorld) -> None:
    pages = {"dashboard"}
    routes = {each["route"] for each in world.host.functions.values() if each["type"] == "httpTrigger"}

    described = {path.removeprefix("/") for path in describe()["paths"]}
    assert described == {route for route in routes if route.partition("/")[0] not in pages}


def test_every_problem_is_described() -> None:
    text = json.dumps(describe()["paths"])

    assert [] == [code for code in PROBLEMS if f'"{code}"' not in text]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_key_is_asked_for_where_the_document_says_so(world: HttpWorld, path: str, method: str) -> None:
    operation = describe()["paths"][path][method]

    status = world.call(method.upper(), path.removeprefix("/").replace("{id}", "x"), key=None).status_code

    assert (operation.get("security") != []) == (status == 401)


def test_examples_of_bodies_are_valid() -> None:
    schemas = describe()["components"]["schemas"]
    validator = Draft202012Validator(schemas["RotateBody"])
    for example in schemas["RotateBody"]["examples"]:
        validator.validate(example)


RESOURCE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/chat"
    "/providers/Microsoft.SignalRService/SignalR/chat"
)


@pytest.mark.parametrize("resource", [None, RESOURCE, ...])
@pytest.mark.parametrize("key_type", [None, "Primary", "Secondary", "Salt", ...])
@pytest.mark.parametrize("mode", [None, "rotate", "revoke", "resync", ...])
def test_schema_of_the_body_says_what_the_app_takes(resource: Any, key_type: Any, mode: Any) -> None:
    """Every combination of the fields that depend on each other."""
    validator = Draft202012Validator(describe()["components"]["schemas"]["RotateBody"])
    disagreed = []
    for force in (True, False, ...):
        for hours in (None, 0, 1.5, 2161, ...):
            for hubs in ([], ["chat"], ["no hub"], ...):
                fields = {"resource": resource, "keyType": key_type, "mode": mode, "force": force}
                fields |= {"overlapHours": hours, "closeConnections": hubs}
                body = {name: value for name, value in fields.items() if value is not ...}
                if validator.is_valid(body) != _taken(body):
                    disagreed.append(body)

    assert [] == disagreed


def _taken(body: dict[str, Any]) -> bool:
    try:
        RotateBody.model_validate_json(json.dumps(body))
    except ValueError:
        return False
    return True
