"""The documents of deployment and operations say what the code says."""

import inspect
import re
from pathlib import Path

import pytest

from shared.domain import policy
from tests.docs.documents import DOCUMENTS, named
from tests.infra.bicep import INFRA, Template

ROOT = INFRA.parent
DEPLOYMENT = (ROOT / "docs" / "how-to" / "install.md").read_text()
REFERENCE = (ROOT / "docs" / "reference" / "parameters.md").read_text()
CONFIGURATION = (ROOT / "docs" / "reference" / "configuration.md").read_text()
ALERTS = (ROOT / "docs" / "how-to" / "respond-to-alerts.md").read_text()

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=named)


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows but the headings."""
    lines = [line for line in text.splitlines() if re.match(r"\| ?`", line)]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_every_tag_is_listed() -> None:
    read = set(re.findall(r'"(key-rotation-[a-z-]+)"', inspect.getsource(policy)))

    listed = {row[0] for row in rows(section(CONFIGURATION, "Tags of a resource"))}
    assert read | {policy.OPT_IN_TAG} == listed


def test_every_alert_has_its_severity_and_its_advice(templates: dict[str, Template]) -> None:
    rules = templates["modules/alerts.bicep"].of("var")["rules"].body
    named = re.findall(r"^\| (SignalR [\w ]+) \| (\d) \|", ALERTS, re.MULTILINE)

    assert [(rule["title"], str(rule["severity"])) for rule in rules] == named


def test_every_alert_names_the_page_that_says_what_to_do(templates: dict[str, Template]) -> None:
    pages = [
        re.findall(r"What to do: ([\w/-]+\.md)", rule["description"])
        for rule in templates["modules/alerts.bicep"].of("var")["rules"].body
    ]

    assert [1] * len(pages) == [len(page) for page in pages]
    assert {True} == {(ROOT / page).exists() for [page] in pages}


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!http)([^)#\s]*)#?([^)\s]*)\)", document.read_text()):
        linked = (document.parent / target) if target else document
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings]


@each_document
def test_files_named_exist(document: Path) -> None:
    named = re.findall(r"`((?:scripts|infra|shared|docs|\.github|tests)/[\w./-]+)`", document.read_text())

    assert [] == [name for name in named if not (ROOT / name).exists()]


def test_a_fresh_reader_installs_from_one_page() -> None:
    assert len(DEPLOYMENT.splitlines()) <= 90
    for step in ("azd auth login", "azd env new", "azd env set SIGNALR_", "azd up", "dryRun", "Key Vault Secrets User"):
        assert step in DEPLOYMENT


def test_says_early_what_was_never_executed() -> None:
    beginning = " ".join("\n".join(DEPLOYMENT.splitlines()[:8]).split())

    assert "compiled and predicted offline with Bicep 0.49.2, never deployed" in beginning


def test_right_to_delete_groups_of_others_is_never_recommended() -> None:
    """`azd down --force` does not show what it deletes."""
    assert [] == [named(page) for page in DOCUMENTS if "azd down --force" in page.read_text()]


def test_host_name_of_a_flex_app_is_asked_for_where_it_is() -> None:
    """`az functionapp show` answers the raw resource there, and nothing for a misplaced query."""
    lines = [line for page in DOCUMENTS for line in page.read_text().splitlines() if "defaultHostName" in line]

    assert lines
    assert [] == [line for line in lines if "properties.defaultHostName" not in line]


def test_version_of_az_that_answers_no_key_is_named_where_keys_are_asked_for() -> None:
    """az 2.87 answers nulls for `functionapp keys list` and `functionapp function keys list`."""
    asking = [page for page in DOCUMENTS if re.search(r"az functionapp (function )?keys list", page.read_text())]

    assert len(asking) > 1
    assert [] == [named(page) for page in asking if "az 2.87" not in page.read_text()]


def test_nothing_sends_the_operator_to_the_log_stream() -> None:
    """The portal has none where the host uses OpenTelemetry."""
    assert [] == [named(page) for page in DOCUMENTS if re.search("log stream", page.read_text(), re.IGNORECASE)]
