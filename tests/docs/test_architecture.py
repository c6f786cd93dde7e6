"""docs/architecture.md and its list of modules name what there is: every module, function and state."""

import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from shared.domain.journal import Kind, Step
from shared.domain.record import Result
from tests.infra.bicep import INFRA

ROOT = INFRA.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_module_is_listed_in_its_own_words() -> None:
    """After a change: `.venv/bin/python scripts/architecture.py`."""
    checked = subprocess.run([sys.executable, ROOT / "scripts" / "architecture.py", "--check"], check=False)

    assert 0 == checked.returncode


def test_every_function_is_in_the_table() -> None:
    functions = set(re.findall(r"^async def ([a-z]\w*)", (ROOT / "function_app.py").read_text(), re.MULTILINE))
    rows = re.findall(r"^\| (`.+?) \|", section("The flow"), re.MULTILINE)

    assert functions == set(chain.from_iterable(re.findall(r"`(\w+)`", row) for row in rows))


def test_every_step_and_every_kind_is_described() -> None:
    described = section("The states of a rotation")
    found = re.findall(r"^\| (`\w+`[^|]*) \| (.+) \|$", described, re.MULTILINE)
    rows = {kind: steps for kinds, steps in found for kind in re.findall(r"`(\w+)`", kinds)}

    assert {kind.value for kind in Kind} == set(rows)
    assert [step.value for step in Step] == rows["rotate"].split(", ")


def test_every_end_of_a_rotation_is_drawn() -> None:
    """What was skipped or not allowed never began."""
    drawn = section("The states of a rotation")

    assert [] == [
        result.value for result in set(Result) - {Result.SKIPPED, Result.REFUSED} if result.value not in drawn
    ]


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_is_there(page: str) -> None:
    """A name without a folder is a file of the folder named before it."""
    text = (ROOT / page).read_text()
    known = {path.name for folder in ("shared", "docs", "tests", "infra") for path in (ROOT / folder).rglob("*")}
    named = re.findall(r"`([\w./-]+\.(?:py|md|json|bicep|toml))`", text)

    assert named
    assert [] == [name for name in named if not (ROOT / name).exists() and Path(name).name not in known]


def test_the_page_is_read_in_ten_minutes() -> None:
    assert 100 >= len(PAGE.splitlines())
