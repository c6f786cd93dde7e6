"""The threat model: what it says is held by a test is, and what it says of permissions is what is deployed."""

import ast
import re

import pytest

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
PAGE = (ROOT / "docs" / "explanation" / "threat-model.md").read_text()
PERMISSIONS = (ROOT / "docs" / "reference" / "permissions.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE + PERMISSIONS)))
THREATS = PAGE.split("\n## Threats\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_it_names_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())

    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_threat_names_its_test() -> None:
    rows = [line for line in THREATS.splitlines() if line.startswith("| ") and " | test |" not in line]

    assert len(rows) > 20
    assert [] == [row for row in rows if not re.search(r"`tests/[\w/]+\.py::test_\w+` \|$", row)]


def test_every_right_has_its_reason() -> None:
    """Each action of the custom roles, by the part that tells it from the others."""
    source = (INFRA / "modules" / "signalr-roles.bicep").read_text()
    actions = re.findall(r"'Microsoft\.SignalRService(/[\w/]+)'", source)
    rights = PERMISSIONS.replace("`…/", "`Microsoft.SignalRService/SignalR/")

    assert 7 == len(actions)
    assert [] == [action for action in actions if f"Microsoft.SignalRService{action}`" not in rights]
