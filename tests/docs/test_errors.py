"""docs/reference/errors.md is what the tables say, and each code has one anchor there that everything else names."""

import json
import re

from scripts.errors import PAGE, page
from shared.adapters.azure_refusals import REFUSALS
from shared.dashboard.status import ResourceStatus, State
from shared.domain.guidance import ANCHORS, GUIDES
from shared.http.problem_details import Problem
from tests.infra.bicep import INFRA

ALERTS = (INFRA / "modules" / "alerts.bicep").read_text()


def test_the_page_of_refusals_is_made_from_the_table() -> None:
    """After a change: `.venv/bin/python -m scripts.errors`."""
    assert page() == PAGE.read_text()


def test_every_row_stands_on_the_page() -> None:
    assert len(REFUSALS) == sum(line.endswith(" |") and " | `" in line for line in page().splitlines())


def test_page_problem_details_dashboard_and_alerts_name_the_same_anchor() -> None:
    headings = [heading for heading in re.findall(r"^### (\w+)$", PAGE.read_text(), re.MULTILINE) if heading in GUIDES]
    anchors = {code: f"{ANCHORS}#{code.lower()}" for code in headings}
    problems = {code: Problem("RotationFailed", "no", code=code).response.body for code in GUIDES}

    assert sorted(GUIDES) == sorted(headings)
    assert anchors == {code: json.loads(body)["help"] for code, body in problems.items()}
    assert anchors == {code: ResourceStatus(State.FAILED, "why", code=code).help for code in GUIDES}
    assert {f"{ANCHORS}#code"} == set(re.findall(r"docs/reference/errors\.md\S*(?=,)", ALERTS))
