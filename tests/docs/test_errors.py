"""docs/reference/errors.md is what the tables say, and each code has one anchor there that everything else names."""

import json
import re

from scripts.errors import PAGE, page
from shared.adapters.azure_refusals import REFUSALS, Refusal
from shared.dashboard.status import ResourceStatus, State
from shared.domain.guidance import ANCHORS, GUIDES
from shared.http.problem_details import Problem
from tests.infra.bicep import INFRA

ALERTS = (INFRA / "modules" / "alerts.bicep").read_text()


def test_the_page_of_refusals_is_made_from_the_table() -> None:
    """After a change: `.venv/bin/python -m scripts.errors`."""
    assert page() == PAGE.read_text()


def test_every_row_stands_on_the_page() -> None:
    lines = [line.split(" | ") for line in page().splitlines() if " | `" in line and line.endswith(" |")]

    def stands(row: Refusal) -> bool:
        status, code = f"| {row.status or 'any'}", f"`{row.code}`" if row.code else "any"
        return any(
            cells[0] == status and code in cells[1] and row.says in cells[1] and f"`{row.cause.error.code}`" == cells[2]
            for cells in lines
        )

    assert [] == [row for row in REFUSALS if not stands(row)]


def test_page_problem_details_dashboard_and_alerts_name_the_same_anchor() -> None:
    headings = [heading for heading in re.findall(r"^### (\w+)$", PAGE.read_text(), re.MULTILINE) if heading in GUIDES]
    anchors = {code: f"{ANCHORS}#{code.lower()}" for code in headings}
    problems = {code: Problem("RotationFailed", "no", code=code).response.body for code in GUIDES}

    assert sorted(GUIDES) == sorted(headings)
    assert anchors == {code: json.loads(body)["help"] for code, body in problems.items()}
    assert anchors == {code: ResourceStatus(State.FAILED, "why", code=code).help for code in GUIDES}
    assert {f"{ANCHORS}#code"} == set(re.findall(r"docs/reference/errors\.md\S*(?=,)", ALERTS))
