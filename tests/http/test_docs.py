"""docs/reference/http-api.md, problems.md, docs/events and docs/consumers say what the code says."""

import re
from pathlib import Path
from typing import Any

import pytest

from scripts.openapi.document import describe
from shared.http.headers import LONGEST_WAIT_SECONDS
from shared.http.problem_details import PROBLEMS
from tests.event_schemas import KINDS, samples, validate_event

DOCS = Path(__file__).parents[2] / "docs"
HTTP = (DOCS / "reference" / "http-api.md").read_text()
LISTED_PROBLEMS = (DOCS / "reference" / "problems.md").read_text()
EVENTS = (DOCS / "events" / "README.md").read_text()
CONSUMERS = (DOCS / "consumers" / "README.md").read_text()


def first_cells(page: str) -> list[str]:
    return re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)


def test_every_problem_is_listed_with_its_status() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (\d{3})", LISTED_PROBLEMS, re.MULTILINE))

    assert {code: str(status) for code, (status, _) in PROBLEMS.items()} == listed


def test_every_address_is_listed() -> None:
    described = {f"/api{path}" for path in describe()["paths"]} | {"/api/dashboard"}

    assert described == {re.search(r"/api/[^`]*", cell)[0] for cell in first_cells(HTTP) if "/api/" in cell}


def test_longest_wait_is_the_apps() -> None:
    assert f"N seconds, {LONGEST_WAIT_SECONDS} at most" in HTTP


def test_every_event_is_listed_with_its_schema() -> None:
    assert set(KINDS) == set(re.findall(r"\]\((\w+)\.json\)", EVENTS))
    assert [f"`SignalRKeyRotation.{kind}`" for kind in KINDS] == first_cells(EVENTS)


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: str(sample["type"]))
def test_sample_event_is_as_its_schema_says(sample: dict[str, Any]) -> None:
    validate_event(sample)


def test_every_consumer_is_listed() -> None:
    samples = {path.name for path in (DOCS / "consumers").iterdir() if path.name not in {"README.md", "__pycache__"}}

    assert samples == {found.partition("/")[0] for found in re.findall(r"\]\((\w[^)]*)\)", CONSUMERS)}
