"""One parameter has one name everywhere: template, azd's environment, deploy workflow, portal's form, documents."""

import json
import re
import subprocess
import urllib.parse
from typing import Any

import yaml

from shared.settings import Settings
from tests.infra.bicep import INFRA, Template
from tests.infra.recorder import ROOT
from tests.infra.test_docs import REFERENCE, rows, section

GIVEN: dict[str, str] = {
    name: entry["value"]
    for name, entry in json.loads((INFRA / "main.parameters.json").read_text())["parameters"].items()
}
VARIABLES = {name: re.findall(r"\$\{(\w+)", value)[0] for name, value in GIVEN.items()}
DEPLOY: dict[str, str] = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]["deploy"]["env"]
FORM: dict[str, Any] = json.loads((INFRA / "uiFormDefinition.json").read_text())["view"]
# Known to the deployment alone, and settled by a hook for one run.
NOT_GIVEN, BY_HOOK = {"deployedAt"}, {"RECOVER_KEY_VAULT"}
SIGN_IN = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"}
HOOK = {"KEY_VAULT_SYSTEM_TOPIC", "SUBSCRIPTION_SYSTEM_TOPIC", "SUBSCRIPTION_SYSTEM_TOPIC_GROUP"}


def objects(main: Template) -> set[str]:
    """Parameters that are given as JSON."""
    return {name for name, found in main.of("param").items() if found.body == {}}


def test_every_parameter_can_be_set_in_azds_environment(main: Template) -> None:
    assert {*main.of("param")} - NOT_GIVEN == set(GIVEN)


def test_no_variable_is_two_parameters() -> None:
    assert len(VARIABLES) == len({*VARIABLES.values()})


def test_variable_of_a_setting_is_the_setting() -> None:
    """So whoever knows the one knows the other."""
    spelled = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(): variable for name, variable in VARIABLES.items()}
    by_setting = {name: spelled[name] for name in Settings.model_fields if name in spelled}

    assert len(by_setting) > 9
    assert {name: name for name in by_setting} == by_setting


def test_default_in_azds_environment_is_the_templates(main: Template) -> None:
    """An installation by azd and one by az are the same. Objects have none: azd leaves out what is not set."""
    for name, value in GIVEN.items():
        parameter = main.of("param")[name]
        stated = re.fullmatch(r"\$\{\w+(?:=(.*))?\}", value)
        assert stated is not None
        if parameter.has_default and name not in objects(main):
            assert str(parameter.body).lower() == (stated[1] or "").lower(), name
        else:
            assert stated[1] is None, name


def test_no_default_holds_a_brace() -> None:
    """azd ends a default at the first one."""
    assert [] == [value for value in GIVEN.values() if value.count("}") > 1]


def test_workflow_passes_every_parameter() -> None:
    """What it does not pass, it sets back: a private vault would be opened."""
    assert {*VARIABLES.values()} - BY_HOOK | SIGN_IN | HOOK == set(DEPLOY)


def test_workflow_passes_each_variable_under_its_name(main: Template) -> None:
    json_objects = {VARIABLES[name] for name in objects(main)}
    wanted = {
        name: f"${{{{ vars.{name} || '{{}}' }}}}" if name in json_objects else f"${{{{ vars.{name} }}}}"
        for name in DEPLOY
    }

    assert wanted == DEPLOY


def test_form_asks_for_parameters_there_are_and_for_all_that_have_no_default(main: Template) -> None:
    required = {name for name, found in main.of("param").items() if not found.has_default}

    assert required <= set(FORM["outputs"]["parameters"]) <= set(main.of("param"))


def test_form_gives_what_it_asks() -> None:
    asked = {(step["name"], element["name"]) for step in FORM["properties"]["steps"] for element in step["elements"]}
    given = re.findall(r"steps\('(\w+)'\)\.(\w+)", json.dumps(FORM["outputs"]))

    assert asked == set(given)


def test_form_proposes_what_the_template_does(main: Template) -> None:
    elements = [element for step in FORM["properties"]["steps"] for element in step["elements"]]
    proposed = {element["name"]: element["defaultValue"] for element in elements if "defaultValue" in element}
    defaults = {name: main.of("param")[name] for name in proposed}

    assert proposed == {name: found.body if found.has_default else proposed[name] for name, found in defaults.items()}


def test_form_offers_what_the_template_allows(main: Template) -> None:
    for step in FORM["properties"]["steps"]:
        for element in step["elements"]:
            if offered := element.get("constraints", {}).get("allowedValues"):
                allowed = main.of("param")[element["name"]].decorators["allowed"]
                assert allowed == [choice["value"] for choice in offered]


def test_form_is_for_a_subscription() -> None:
    """createUiDefinition.json always asks for a resource group, and this template makes its own."""
    assert ("Form", "Subscription") == (FORM["kind"], FORM["outputs"]["kind"])
    assert {"subscriptionId", "location", "kind", "parameters"} == set(FORM["outputs"])


RAW = "https://raw.githubusercontent.com/OWNER/REPOSITORY/release"


def test_buttons_lead_to_what_is_published() -> None:
    """The first opens the form, as the portal's address of a template with a form is built; the second has none."""
    pages = [urllib.parse.unquote(uri) for uri in re.findall(r"/uri/([^)]+)\)", (INFRA / "release.md").read_text())]
    workflow = (ROOT / ".github/workflows/release.yml").read_text()
    [published] = re.findall(r"git add (.+)", workflow)

    assert [
        f"{RAW}/azuredeploy.json/uiFormDefinitionUri/{RAW}/uiFormDefinition.json",
        f"{RAW}/azuredeploy.json",
    ] == pages
    assert {"azuredeploy.json", "app.zip", "README.md", "uiFormDefinition.json"} <= set(published.split())


def published(file: str) -> str:
    """What the release workflow's line makes of a file, in the repository octo/keys."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    [line] = re.findall(rf"sed .+{file}(?= >published)", workflow["jobs"]["publish"]["steps"][-1]["run"])
    done = subprocess.run(
        ["bash", "-c", line],
        env={"PATH": "/usr/bin:/bin", "GITHUB_REPOSITORY": "octo/keys"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_page_of_the_release_names_the_repository_it_runs_in() -> None:
    page = published("infra/release.md")

    assert "githubusercontent.com%2Focto%2Fkeys%2Frelease%2Fazuredeploy.json" in page
    assert "githubusercontent.com/octo/keys/release/app.zip" in page
    assert "OWNER" not in page


def test_published_form_fills_in_the_address_of_the_package_and_changes_nothing_else() -> None:
    form = json.loads(published("infra/uiFormDefinition.json"))["view"]
    [package] = [each for each in form["properties"]["steps"][0]["elements"] if each["name"] == "packageUri"]

    assert "https://raw.githubusercontent.com/octo/keys/release/app.zip" == package["defaultValue"]
    package["defaultValue"] = ""
    assert FORM == form


def test_every_parameter_is_explained_with_its_variable(main: Template) -> None:
    wanted = {name: VARIABLES.get(name, "") for name in main.of("param")}

    assert wanted == {name: variable for name, variable, *_ in rows(section(REFERENCE, "Parameters"))}


def test_every_default_is_the_templates(main: Template) -> None:
    for name, _, stated, *_ in rows(section(REFERENCE, "Parameters")):
        default = main.of("param")[name]
        if default.has_default and default.body not in ("", {}) and name not in NOT_GIVEN:
            assert str(default.body).lower() == stated.strip("`").lower(), name
