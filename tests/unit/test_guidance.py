"""What each code means to an operator: no code is without its guide, and no guide without its code."""

import inspect
import re
from pathlib import Path

import pytest

from shared.domain import errors
from shared.domain.decision import Code
from shared.domain.guidance import ANCHORS, GUIDES, UNKNOWN, Group, Guide, anchor, guide
from shared.domain.heartbeat import ANNOUNCEMENT_PENDING, NO_SWEEP, POISON_MESSAGES

ROOT = Path(__file__).parents[2]
_OWN = {found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, errors.RotationError)}
RAISED = {found.code for found in _OWN if not found.__subclasses__()}
FOUND = {ANNOUNCEMENT_PENDING, NO_SWEEP, POISON_MESSAGES}
FOUND |= set(re.findall(r'code="(\w+)"', (ROOT / "shared/rotation/health.py").read_text()))


def test_every_code_has_its_guide() -> None:
    assert RAISED | {code.value for code in Code} | FOUND == set(GUIDES)


@pytest.mark.parametrize("code", sorted(GUIDES))
def test_a_guide_answers_each_question(code: str) -> None:
    found = GUIDES[code]

    assert [] == [name for name in Guide.__slots__ if len(str(getattr(found, name))) < 2]
    assert found.means.endswith(".")
    assert found.do.endswith(".")


@pytest.mark.parametrize("code", sorted(GUIDES))
def test_the_anchor_is_a_heading_of_the_page(code: str) -> None:
    path, _, fragment = anchor(code).partition("#")

    assert ANCHORS == path
    assert [fragment] == [
        heading.lower()
        for heading in re.findall(r"^### (\w+)$", (ROOT / path).read_text(), re.MULTILINE)
        if heading == code
    ]


def test_only_what_is_retried_says_so() -> None:
    retried = {found.code for found in _OWN if issubclass(found, errors.Retryable)} - {errors.Retryable.code}

    assert retried == {code for code, found in GUIDES.items() if found.group is Group.RETRIED}


def test_a_code_of_a_newer_version_still_says_where_to_look() -> None:
    assert UNKNOWN == guide("SomethingNew")
