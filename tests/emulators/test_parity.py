"""docs/parity.md claims nothing that no test witnesses."""

import ast
import re
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_PAGE = _HERE.parents[1] / "docs" / "parity.md"
_WITNESS = re.compile(r"`([\w/]+\.py)::(\w+)`")


def _rows() -> list[tuple[str, str, str]]:
    """Behaviour, verdict and witnesses of each row of each table."""
    lines = [line for line in _PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [(row[0], row[1], row[-1]) for row in cells if row[0] != "Behaviour"]


def _tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


@pytest.mark.parametrize(("behaviour", "verdict", "witnesses"), _rows(), ids=[row[0][:60] for row in _rows()])
def test_a_row_names_tests_that_exist(behaviour: str, verdict: str, witnesses: str) -> None:
    named = _WITNESS.findall(witnesses)

    assert verdict in {"Real", "Emulated", "Partial", "Absent"}, behaviour
    assert (verdict == "Absent") == (not named), behaviour
    assert [] == [test for path, test in named if test not in _tests(_HERE / path)], behaviour


def test_every_test_of_the_services_is_a_witness() -> None:
    """A behaviour that is tested and not on the page would be one that nobody learns of."""
    modules = [path for path in _HERE.glob("test_*.py") if path.name not in ("test_parity.py", "test_faults.py")]
    tested = {test for path in modules for test in _tests(path)}

    assert set() == tested - {test for _, _, witnesses in _rows() for _, test in _WITNESS.findall(witnesses)}
