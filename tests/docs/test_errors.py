"""docs/reference/errors.md is what `scripts/errors.py` makes of the guides and the table of refusals."""

from scripts.errors import PAGE, page
from shared.adapters.azure_refusals import REFUSALS, Refusal


def test_the_page_is_as_the_code_says() -> None:
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
