"""The page of evidence names the tests that hold each guarantee, and the mutations that show that they do."""

import re

import pytest

from tests.faults.guards import MUTATIONS, Mutation
from tests.world import ROOT

PROMISED = (ROOT / "docs/explanation/guarantees-and-limits.md").read_text()
PAGE = (ROOT / "docs/reference/evidence.md").read_text()
SECTIONS = {int(text.split()[0]): text for text in re.split(r"^## (?=\d+ )", PAGE, flags=re.MULTILINE)[1:]}


def test_every_guarantee_has_its_section_of_evidence() -> None:
    promised = re.findall(r"^## (\d+ [^:\n]+):", PROMISED, re.MULTILINE)

    assert promised == re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert list(range(1, 11)) == list(SECTIONS)


@pytest.mark.parametrize("invariant", range(1, 11))
def test_the_page_lists_the_mutations_of_each_invariant_with_their_tests(invariant: int) -> None:
    rows = re.findall(r"^\| (?!broken by|---)(.+?) \| `(.+?)` \|$", SECTIONS[invariant], re.MULTILINE)

    assert rows == [(each.name, each.test) for each in MUTATIONS if each.invariant == invariant]


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PROMISED + PAGE))))
def test_every_test_that_is_named_exists(named: str) -> None:
    file, _, test = named.partition("::")

    assert f"def {test}" in (ROOT / file).read_text() if test else (ROOT / file).exists()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_what_a_mutation_replaces_stands_once_in_its_file(mutation: Mutation) -> None:
    """`make mutants` takes minutes; that a mutation no longer fits the code is seen at once."""
    assert 1 == (ROOT / mutation.file).read_text().count(mutation.old)
