"""The queries of alerts and workbook, bound by Microsoft's language service; and that they ask for what is told."""

import json
import re
from typing import Any

import pytest

from tests.telemetry.kusto import language
from tests.world import ROOT

INFRA = ROOT / "infra"
WORKBOOK: dict[str, Any] = json.loads((INFRA / "workbook.json").read_text())


def _alerts() -> dict[str, str]:
    source = (INFRA / "modules" / "alerts.bicep").read_text()
    texts = dict(re.findall(r"var (\w+) = '''\n(.*?)'''", source, re.DOTALL))
    values = ("func", "sweep finished", "3", "2026-01-01T00:00:00Z")
    return {name: re.sub(r"\{(\d)\}", lambda found: values[int(found[1])], text) for name, text in texts.items()}


def _workbook() -> dict[str, str]:
    return {
        item["name"]: item["content"]["query"].replace("{App}", "func").replace("{Rotation}", "id")
        for item in WORKBOOK["items"]
        if item["type"] == 3
    }


QUERIES = _alerts() | _workbook()


@pytest.fixture(scope="session", autouse=True)
def _language() -> None:
    language.install()


def test_every_query_is_right_to_the_language_service() -> None:
    assert 12 == len(QUERIES)
    assert {} == {name: said for name, said in language.complaints(QUERIES).items() if said}


def test_the_language_service_sees_a_wrong_query() -> None:
    """So that its silence about the right ones means something."""
    wrong = {
        "AppTraces | where Mesage == 'x'": "'Mesage'",
        "AppTraces | where TimeGenerated > 3": "operator '>'",
        "AppTraces | summarise count()": "Query operator expected",
        "AppTrace | take 1": "'AppTrace'",
    }

    found = language.complaints({query: query for query in wrong})

    assert [] == [query for query, said in wrong.items() if not found[query] or said not in found[query][0]]


def _source(*modules: str) -> str:
    return "\n".join((ROOT / "shared" / f"{module}.py").read_text() for module in modules)


def test_the_events_asked_for_are_the_events_logged() -> None:
    source = (INFRA / "modules" / "alerts.bicep").read_text()
    asked = {*re.findall(r"event: '([^']+)'", source)} | {
        *re.findall(r'Message == "([^"{]+)"', "".join(QUERIES.values()))
    }
    logged = "".join(path.read_text() for path in [ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py")])

    assert {
        "invalid key published",
        "rotation failed",
        "rotation overdue",
        "rotations held",
        "function failed",
        "poison queue not empty",
        "announcements pending",
        "sweep finished",
    } == asked
    assert [] == [event for event in asked if f'"{event}"' not in logged]


def test_the_figures_asked_for_are_the_figures_told() -> None:
    told = _source("observability/telemetry")
    asked = {name for query in QUERIES.values() for name in re.findall(r'"(rotation\.\w+)"', query)}

    assert asked
    assert [] == [name for name in asked if f'"{name}"' not in told]


def test_the_tile_of_who_has_not_moved_is_the_documented_query() -> None:
    documented = (ROOT / "docs" / "consumers" / "who-has-not-moved.kql").read_text().splitlines()

    assert [line for line in documented if not line.startswith("//")] == QUERIES["not-moved"].splitlines()


def test_the_workbook_names_no_installation() -> None:
    assert ["<workspace>"] == WORKBOOK["fallbackResourceIds"]
    assert "/subscriptions/" not in json.dumps(WORKBOOK)
