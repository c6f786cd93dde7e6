"""The documents of deployment and operations say what the code says."""

import inspect
import json
import re
from pathlib import Path

import pytest

from shared.domain import errors, policy
from shared.domain.decision import Code
from tests.docs.documents import DOCUMENTS, named
from tests.infra.bicep import INFRA, Template

ROOT = INFRA.parent
DEPLOYMENT = (ROOT / "docs" / "deployment.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=named)


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows but the headings."""
    lines = [line for line in text.splitlines() if re.match(r"\| ?`", line)]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_every_parameter_is_explained_with_its_azd_variable(main: Template) -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    variables = {name: re.match(r"\$\{(\w+)", str(entry["value"])) for name, entry in given.items()}
    wanted = {name: (found[1] if (found := variables.get(name)) else "") for name in main.of("param")}

    assert wanted == {name: variable for name, variable, *_ in rows(section(DEPLOYMENT, "Parameters"))}


def test_every_default_is_the_templates(main: Template) -> None:
    for name, _, stated, *_ in rows(section(DEPLOYMENT, "Parameters")):
        default = main.of("param")[name]
        if default.has_default and default.body != "":
            assert str(default.body).lower() == stated.strip("`").lower(), name


def test_every_error_code_has_its_advice() -> None:
    ours = [
        found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, errors.RotationError)
    ]
    raised = {found.code for found in ours if not found.__subclasses__()}
    documented = [row[0] for row in rows(section(OPERATIONS, "What to do for each code"))]

    assert raised | {code.value for code in Code} == set(documented)


def test_every_tag_is_listed() -> None:
    read = set(re.findall(r'"(key-rotation-[a-z-]+)"', inspect.getsource(policy)))

    assert read == {row[0] for row in rows(section(OPERATIONS, "Onboard a SignalR resource"))}


def test_every_alert_has_its_advice(templates: dict[str, Template]) -> None:
    titles = [rule["title"] for rule in templates["modules/alerts.bicep"].of("var")["rules"].body]
    named = re.findall(r"^\| (SignalR [\w ]+) \|", section(OPERATIONS, "Alerts"), re.MULTILINE)

    assert titles == named


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!http)([^)#\s]*)#?([^)\s]*)\)", document.read_text()):
        linked = (document.parent / target) if target else document
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings]


@each_document
def test_files_named_exist(document: Path) -> None:
    named = re.findall(r"`((?:scripts|infra|shared|docs|\.github|tests)/[\w./-]+)`", document.read_text())

    assert [] == [name for name in named if not (ROOT / name).exists()]


def test_says_what_was_never_executed() -> None:
    executed = section(DEPLOYMENT, "What was executed, and what was not")

    assert re.search(r"Bicep compiler, `az`, `azd`, `func`, any deployment \| \*\*never executed", executed)
