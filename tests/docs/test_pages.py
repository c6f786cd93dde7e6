"""Pages are short, are found, and speak the project's words."""

import re
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.docs.documents import DOCUMENTS, ROOT, named

DOCS = ROOT / "docs"
# Lines at most. A how-to guide is read in a hurry: 60; any other page: 120. Made by a script, or one row for each of
# many cases: as long as the matter is.
LENGTHS = {
    "README.md": 60,
    "CONTRIBUTING.md": 70,
    "docs/README.md": 40,
    "docs/architecture.md": 100,
    "docs/tutorial/first-rotation.md": 60,
    "docs/how-to/install.md": 90,
    "docs/how-to/call-the-api.md": 70,
    "docs/how-to/respond-to-a-leak.md": 45,
    "docs/how-to/rotate-and-roll-back.md": 50,
    "docs/how-to/upgrade.md": 20,
    "docs/how-to/clients-get-401.md": 30,
    "docs/contributing/testing.md": 60,
    "docs/events/README.md": 60,
    "docs/explanation/dashboard-security.md": 40,
    "docs/reference/configuration.md": 100,
    "docs/explanation/guarantees-and-limits.md": 70,
    "docs/explanation/performance.md": 50,
    "docs/reference/dashboard.md": 40,
    "docs/reference/decision-table.md": 140,
    "docs/reference/glossary.md": 50,
    "docs/reference/http-api.md": 80,
    "docs/reference/permissions.md": 40,
    "docs/reference/telemetry.md": 70,
}
TABLES = {
    "CHANGELOG.md",
    "docs/reference/errors.md",
    "docs/reference/modules.md",
    "docs/reference/parity.md",
    "docs/reference/connection-strings.md",
    "docs/reference/evidence.md",
    "docs/reference/measurements.md",
}


@pytest.mark.parametrize("page", [page for page in DOCUMENTS if named(page) not in TABLES], ids=named)
def test_a_page_is_short(page: Path) -> None:
    usual = 60 if page.parent.name == "how-to" else 120
    assert LENGTHS.get(named(page), usual) >= len(page.read_text().splitlines())


def test_every_page_is_found_from_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    pages = [
        page
        for kind in ("tutorial", "how-to", "reference", "explanation", "contributing")
        for page in (DOCS / kind).glob("*.md")
    ]

    assert pages
    assert [] == [named(page) for page in pages if f"]({page.relative_to(DOCS)})" not in index]


def test_the_first_screen_answers_what_safe_and_install() -> None:
    readme = (ROOT / "README.md").read_text()

    assert ["How it works", "Is it safe?", "Install", "Use it"] == re.findall(r"^## (.+)$", readme, re.MULTILINE)
    assert "never run in an Azure subscription" in readme.split("\n## ", 1)[0]


def test_numbers_in_prose_are_those_of_the_code() -> None:
    readme, guarantees, telemetry, deployment, alerts = (
        (ROOT / path).read_text()
        for path in (
            "README.md",
            "docs/explanation/guarantees-and-limits.md",
            "docs/reference/telemetry.md",
            "docs/reference/deployment.md",
            "infra/modules/alerts.bicep",
        )
    )
    default = {name: field.default for name, field in Settings.model_fields.items()}

    assert f"after {default['ROTATION_PERIOD_DAYS']} days by default" in readme
    assert f"`OVERLAP_HOURS` ({default['OVERLAP_HOURS']})" in readme
    assert "ten guarantees" in readme
    assert 10 == len(re.findall(r"^## \d+ ", guarantees, re.MULTILINE))
    assert "eight log alerts" in telemetry
    assert "eight alert rules" in deployment
    assert 8 == len(re.findall(r"^    event: ", alerts, re.MULTILINE))


def test_no_alert_rule_is_of_a_dearer_class_than_the_table_of_costs_says() -> None:
    """More often than every 15 minutes, a rule costs more than $0.50."""
    alerts = (ROOT / "infra" / "modules" / "alerts.bicep").read_text()

    looks = re.findall(r"^    frequency: '(\w+)'", alerts, re.MULTILINE)
    assert 8 == len(looks)
    assert {"PT15M", "PT30M", "PT1H"} >= {*looks}
