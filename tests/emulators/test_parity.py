"""docs/reference/parity.md claims nothing that no test witnesses, and says what each claim rests on."""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.live.claims import CLAIMS
from tests.recorded.recording import FOLDER

_HERE = Path(__file__).parent
_PAGE = _HERE.parents[1] / "docs" / "reference" / "parity.md"
_WITNESS = re.compile(r"`([\w/]+\.py)::(\w+)`")
_KINDS = ("documented", "recorded", "assumed")
_NOT_OF_AZURE = "## What only an emulator has"
_HOST = "*Functions host*"


@dataclass(frozen=True)
class Row:
    """A row of a table of the page."""

    behaviour: str
    verdict: str
    evidence: str
    witnesses: str

    @classmethod
    def parse(cls, line: str) -> Self:
        return cls(*(cell.strip() for cell in line.strip()[1:-1].split("|")))

    @property
    def kind(self) -> str:
        """What it rests on; empty where nothing is claimed."""
        return self.evidence.partition(":")[0]


def _rows(text: str) -> list[Row]:
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| Behaviour")]
    return [Row.parse(line) for line in lines]


def _pages_rows() -> list[Row]:
    return _rows(_PAGE.read_text())


def _claims() -> list[Row]:
    """The rows that claim something of Azure."""
    return [row for row in _rows(_PAGE.read_text().partition(_NOT_OF_AZURE)[0]) if row.evidence]


def _tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


def _file(path: str) -> Path:
    return _HERE / path if (_HERE / path).exists() else _HERE.parent / path


@pytest.mark.parametrize("row", _pages_rows(), ids=lambda row: row.behaviour[:60])
def test_a_row_names_tests_that_exist(row: Row) -> None:
    named = _WITNESS.findall(row.witnesses)

    assert row.verdict in {"Real", "Emulated", "Partial", "Absent"}
    assert (row.verdict == "Absent") == (not named)
    assert [] == [test for path, test in named if test not in _tests(_file(path))]


def test_every_test_of_the_services_is_a_witness() -> None:
    """A behaviour that is tested and not on the page would be one that nobody learns of."""
    modules = [path for path in _HERE.glob("test_*.py") if path.name not in ("test_parity.py", "test_faults.py")]
    tested = {test for path in modules for test in _tests(path)}

    assert set() == tested - {test for row in _pages_rows() for _, test in _WITNESS.findall(row.witnesses)}


@pytest.mark.parametrize("row", _claims(), ids=lambda row: row.behaviour[:60])
def test_a_claim_says_what_it_rests_on(row: Row) -> None:
    """A link, a recording that is here or the host that was run, or what would settle it."""
    known = {f"`{path.stem}`" for path in FOLDER.glob("*.json")} | {_HOST}
    by_hand = re.search(r"nothing checks it|no test of ours can ask", row.evidence)

    match row.kind:
        case "documented":
            assert "](https://" in row.evidence
        case "recorded":
            assert [name for name in known if name in row.evidence]
        case _:
            assert "assumed" == row.kind
            assert "`make live` *" in row.evidence or by_hand or "emulator" in row.evidence


def test_everything_there_has_evidence() -> None:
    rows = _rows(_PAGE.read_text().partition(_NOT_OF_AZURE)[0])

    assert [] == [row.behaviour for row in rows if row.verdict != "Absent" and row.kind not in _KINDS]


def test_recordings_that_are_named_are_there() -> None:
    named = {name for row in _claims() for name in re.findall(r"`([a-z-]+-20\d\d)`", row.evidence)}

    assert {path.stem for path in FOLDER.glob("*.json")} == named


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_of_make_live_is_a_row_of_the_page(claim: object) -> None:
    assert claim.row in {row.behaviour for row in _claims()}  # type: ignore[attr-defined]


def test_claims_of_make_live_that_are_named_exist() -> None:
    named = {name for row in _claims() for after in row.evidence.split("`make live`")[1:] for name in _names(after)}

    assert set() == named - {claim.name for claim in CLAIMS}


def test_the_counts_are_right() -> None:
    """Whoever changes a row copies the line from here."""
    counts = Counter(row.kind for row in _claims())
    told = ", ".join(f"{counts[kind]} {kind}" for kind in _KINDS)

    assert f"**{counts.total()} claims: {told}.**" in _PAGE.read_text().splitlines()


def _names(text: str) -> list[str]:
    found = re.match(r"((?:,? ?\*[^*]+\*)+)", text)
    return re.findall(r"\*([^*]+)\*", found[1]) if found else []
