"""docs/reference/errors.md is what the table of refusals says."""

from scripts.errors import PAGE, page
from shared.adapters.azure_refusals import REFUSALS


def test_the_page_of_refusals_is_made_from_the_table() -> None:
    """After a change: `.venv/bin/python -m scripts.errors`."""
    assert page() == PAGE.read_text()


def test_every_row_stands_on_the_page() -> None:
    assert len(REFUSALS) == sum(line.endswith(" |") and " | `" in line for line in page().splitlines())
