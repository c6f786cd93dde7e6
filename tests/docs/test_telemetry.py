"""docs/reference/telemetry.md and log-events.md name what is logged and recorded, and nothing that is not."""

import ast
import re
from pathlib import Path

from shared.observability import telemetry
from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "reference" / "telemetry.md").read_text()
EVENTS = (ROOT / "docs" / "reference" / "log-events.md").read_text()
ALERTS = (ROOT / "infra" / "modules" / "alerts.bicep").read_text()


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def names(page: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def logged() -> dict[str, str]:
    """Each event that the app logs, with its level. A message is its first argument, and a constant."""
    calls = [
        node
        for path in (ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return {
        call.args[0].value: level.attr.replace("exception", "error")
        for call in calls
        if isinstance(level := call.func, ast.Attribute)
        and isinstance(level.value, ast.Name)
        and level.value.id == "log"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_every_event_named_is_logged_at_that_level() -> None:
    rows = re.findall(r"^\| (`.+?) \| (info|warning|error) \|", EVENTS, re.MULTILINE)
    said = {event: level for events, level in rows for event in re.findall(r"`([^`]+)`", events)}

    found = logged()
    assert said
    assert said == {event: found.get(event) for event in said}


def test_every_event_that_an_alert_counts_is_named() -> None:
    counted = set(re.findall(r"^ +event: '(.+)'", ALERTS, re.MULTILINE))

    assert counted
    assert counted <= names(EVENTS)


def test_every_metric_is_named() -> None:
    source = Path(telemetry.__file__).read_text()

    assert set(re.findall(r"meter\.create_\w+\(\"([\w.]+)\"", source)) == names(section("Metrics"))


def test_every_step_has_its_span() -> None:
    steps = {
        found
        for path in (ROOT / "shared" / "rotation").glob("*.py")
        for found in re.findall(r"telemetry\.step\(\"(\w+)\"", path.read_text())
    }

    assert steps == set(re.findall(r"^        [├└]── (\w+)", section("One trace for each rotation"), re.MULTILINE))
