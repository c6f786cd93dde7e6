"""docs/adr: each decision is a page with its reason and its price, and is found from the index."""

from pathlib import Path

import pytest

from tests.infra.bicep import INFRA

FOLDER = INFRA.parent / "docs" / "adr"
DECISIONS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_is_a_page_with_reason_decision_and_price(decision: Path) -> None:
    text = decision.read_text()

    assert ["**Context.**", "**Decision.**", "**What it costs.**"] == [
        line.split("** ")[0].removesuffix("**") + "**" for line in text.splitlines() if line.startswith("**")
    ]
    assert len(text.splitlines()) <= 60


def test_index_lists_every_decision_by_its_title() -> None:
    index = (FOLDER / "README.md").read_text()

    assert [] == [
        path.name for path in DECISIONS if f"- [{path.read_text().splitlines()[0][2:]}]({path.name})\n" not in index
    ]
