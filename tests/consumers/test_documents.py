"""The pages about consumers: short, with sources that exist, and links that lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.world import ROOT

PAGES = [
    ROOT / "docs" / "explanation" / "what-a-rotation-does.md",
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    *sorted((ROOT / "docs" / "consumers").rglob("README.md")),
]
DOES = PAGES[0].read_text()
TABLE, REST = DOES.split("\n## Measurements\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_page_is_short_and_its_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()

    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!http)([^)]+)\)", text)]
    assert [] == [link for link in links if link and not (page.parent / link).exists()]
    assert len(text.splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_headings_that_are_linked_to_exist(page: Path) -> None:
    for link, anchor in re.findall(r"\]\(((?!http)[^)#]*)#([^)]+)\)", page.read_text()):
        target = (page.parent / link) if link else page
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_row_says_where_it_is_known_from() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith("| consumer")]

    assert 14 == len(rows)
    assert [] == [row for row in rows if not re.search(r"\[[^\]]*([MRS]|\d)\](?!\()", row)]


def test_every_source_is_listed_and_every_listed_source_is_used() -> None:
    used = {
        int(number)
        for group in re.findall(r"\[([^\]\[]*\d[^\]\[]*)\](?!\()", DOES)
        for number in re.findall(r"\b\d{1,2}\b", group)
    }
    listed = {int(number) for number in re.findall(r"^(\d+)\. ", DOES, re.MULTILINE)}

    assert listed == used


def test_measured_figures_are_those_of_the_table_they_come_from() -> None:
    proof = (ROOT / "docs" / "consumers" / "aspnetcore" / "README.md").read_text()

    figures = re.findall(r"\d,\d{3}", REST.split("## What is not documented")[0])
    assert len(figures) >= 5
    assert [] == [figure for figure in figures if figure not in proof]


def test_a_subscription_is_for_one_secret_and_for_none_whose_name_begins_alike() -> None:
    page = (ROOT / "docs" / "consumers" / "README.md").read_text()

    assert "--advanced-filter data.secretName StringIn chat-connection-string " in page
    assert "begins-with" not in page
