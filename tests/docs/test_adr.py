"""docs/adr: each decision is a page with its number, status, date, reason and price, and is found from the index."""

import re
from datetime import date
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA

FOLDER = INFRA.parent / "docs" / "adr"
DECISIONS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
_STATUS = re.compile(r"Status: ((?:accepted|superseded by (?P<by>\d{4})), (?P<date>\d{4}-\d\d-\d\d))")


def status(decision: Path) -> re.Match[str]:
    found = _STATUS.fullmatch(decision.read_text().splitlines()[2])
    assert found, "the third line is the status, with its date"
    return found


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_is_a_page_with_reason_decision_and_price(decision: Path) -> None:
    text = decision.read_text()

    assert ["**Context.**", "**Decision.**", "**What it costs.**"] == [
        line.split("** ")[0].removesuffix("**") + "**" for line in text.splitlines() if line.startswith("**")
    ]
    assert len(text.splitlines()) <= 60


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [f"{number:04}" for number in range(1, len(DECISIONS) + 1)] == [
        path.name.split("-")[0] for path in DECISIONS
    ]


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_has_a_status_with_its_date(decision: Path) -> None:
    found = status(decision)

    assert date.fromisoformat(found["date"])
    assert found["by"] in {None, *(path.name.split("-")[0] for path in DECISIONS)}


def test_accepted_decisions_are_in_the_order_of_their_dates() -> None:
    dates = [found["date"] for path in DECISIONS if not (found := status(path))["by"]]

    assert sorted(dates) == dates


def test_index_lists_every_decision_by_its_title_and_status() -> None:
    rows = re.findall(r"^\| (\d{4}) \| \[(.+)\]\((.+)\) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)

    assert [
        (path.name.split("-")[0], path.read_text().splitlines()[0][2:], path.name, status(path)[1])
        for path in DECISIONS
    ] == rows
