"""The portal's form keeps the rules of the published schema that it names, for the controls it uses.

Source: schemas/2021-09-09/uiFormDefinition.schema.json of Azure/azure-resource-manager-schemas. It is not copied: the
rules are stated anew here, and ci.yml asks the schema itself.
"""

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.infra.bicep import INFRA
from tests.infra.recorder import ROOT

FORM: dict[str, Any] = json.loads((INFRA / "uiFormDefinition.json").read_text())
SCHEMA = "https://schema.management.azure.com/schemas/2021-09-09/uiFormDefinition.schema.json"
TEXT, SWITCH, WHOLE = {"type": "string"}, {"type": ["boolean", "string"]}, {"type": "integer"}


def closed(must: dict[str, Any], **may: Any) -> dict[str, Any]:
    """An object with these properties and no other."""
    return {"type": "object", "properties": must | may, "required": [*must], "additionalProperties": False}


def control(type_: str, *required: str, **properties: Any) -> dict[str, Any]:
    """One kind of control; what every kind has is added."""
    has = {"label": TEXT, "toolTip": TEXT, "visible": SWITCH} | properties
    always = {"name": TEXT, "type": {"const": f"Microsoft.{type_}"}} | {name: has[name] for name in required}
    return closed(always, **{name: rule for name, rule in has.items() if name not in required})


CHOICE = closed({"label": TEXT, "value": {}}, description=TEXT)
CONTROLS = [
    control(
        "Common.TextBox",
        "label",
        **dict.fromkeys(("subLabel", "defaultValue", "placeholder"), TEXT),
        constraints=closed({}, required=SWITCH, regex=TEXT, validationMessage=TEXT),
        multiLine={"type": "boolean"},
        readOnly={"type": "boolean"},
    ),
    # A check box has no default: it is off.
    control("Common.CheckBox", "label", constraints=closed({}, required=SWITCH, validationMessage=TEXT)),
    control(
        "Common.Slider",
        *("label", "min", "max"),
        min=WHOLE,
        max=WHOLE,
        subLabel=TEXT,
        showStepMarkers=SWITCH,
        defaultValue={"type": ["integer", "string"]},
        constraints=closed({}, required=SWITCH),
    ),
    control(
        "Common.DropDown",
        *("label", "constraints"),
        constraints=closed({"allowedValues": {"type": "array", "items": CHOICE, "minItems": 1}}, required=SWITCH),
        **dict.fromkeys(("defaultValue", "placeholder", "filterPlaceholder", "defaultDescription"), TEXT),
        **dict.fromkeys(("multiselect", "selectAll", "filter", "multiLine"), SWITCH),
    ),
    control("Common.SubscriptionSelector", resourceProviders={"type": "array", "items": TEXT}),
    control(
        "Common.LocationSelector",
        *("label", "scope"),
        scope=closed({"subscriptionId": TEXT}),
        resourceTypes={"type": "array", "items": TEXT},
        allowedValues={"type": ["array", "string"]},
    ),
]
STEP = closed({"name": TEXT, "label": TEXT, "elements": {"type": "array", "items": {"oneOf": CONTROLS}}})
OUTPUTS = closed(
    {"kind": {"const": "Subscription"}, "subscriptionId": TEXT, "location": TEXT, "parameters": {"type": "object"}}
)
STEPS = closed({"title": TEXT, "steps": {"type": "array", "items": STEP}})
VIEW = closed({"properties": STEPS}, kind={"const": "Form"}, outputs=OUTPUTS)
RULES = closed({}, **{"$schema": {"const": f"{SCHEMA}#"}, "view": VIEW})


def faults(form: dict[str, Any]) -> list[str]:
    return [error.json_path for error in Draft7Validator(RULES).iter_errors(form)]


def test_form_keeps_the_rules_of_its_schema() -> None:
    assert [] == faults(FORM)


@pytest.mark.parametrize(
    ("control", "wrong"),
    [
        ("Microsoft.Common.CheckBox", {"defaultValue": False}),
        ("Microsoft.Common.TextBox", {"default": ""}),
        ("Microsoft.Common.TextBox", {"constraints": {"regexp": ".*"}}),
        ("Microsoft.Common.Slider", {"max": "365"}),
        ("Microsoft.Common.DropDown", {"constraints": {}}),
        ("Microsoft.Common.LocationSelector", {"scope": {}}),
    ],
)
def test_a_slip_in_the_form_is_seen(control: str, wrong: dict[str, Any]) -> None:
    form = json.loads(json.dumps(FORM))
    elements = [element for step in form["view"]["properties"]["steps"] for element in step["elements"]]
    next(element for element in elements if element["type"] == control).update(wrong)

    assert 1 == len(faults(form))


def test_ci_asks_the_schema_itself() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()

    assert f"check-jsonschema --schemafile {SCHEMA} infra/uiFormDefinition.json" in workflow
