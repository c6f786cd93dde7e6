"""How a measurement is judged and told."""

import re

import pytest

from benchmarks import cost
from benchmarks.finding import Figure, Goal
from benchmarks.fleet import bound
from tests.world import ROOT


@pytest.mark.parametrize(
    ("goal", "values", "verdict"),
    [
        (Goal("at most", 1.1), (1.0, 1.1, 9.0), "met"),
        (Goal("at most", 1.1), (1.0, 1.2, 1.3), "missed"),
        (Goal("at least", 25), (24.0, 25.0, 26.0), "met"),
        (Goal("at least", 25), (24.9,), "missed"),
        (Goal("exactly", 0), (0.0, 0.0, 1.0), "met"),
        (Goal("exactly", 0), (0.0, 1.0, 1.0), "missed"),
        (None, (1.0,), ""),
    ],
)
def test_median_is_held_to_the_goal(goal: Goal | None, values: tuple[float, ...], verdict: str) -> None:
    assert verdict == Figure("anything", values, "s", goal).verdict


@pytest.mark.parametrize(("size", "seconds"), [(10, 16), (100, 16), (1000, 196)])
def test_bound_is_what_the_write_bucket_leaves(size: int, seconds: float) -> None:
    """Two writes each: 200 at once, ten more each second, and one operation of 16 s."""
    assert seconds == bound(size)


def test_page_has_a_place_for_each_of_the_ten() -> None:
    page = (ROOT / "docs" / "reference" / "measurements.md").read_text()

    assert [*range(1, 11)] == [
        int(found) for found in re.findall(r"<!-- finding (\d+) -->\n(?:.*?)<!-- end \1 -->", page, re.DOTALL)
    ]


def test_cost_table_is_that_of_the_measurements() -> None:
    assert cost.page() == cost.PAGE.read_text()


def test_what_a_free_grant_covers_costs_nothing() -> None:
    within = cost.Meter("anything", 1.0, 1, 100, "", lambda resources: resources)

    assert [0.0, 0.0, 1.0] == [within.cost(used) for used in (0, 100, 101)]


def test_a_grant_that_two_lines_share_is_used_once() -> None:
    first = cost.Meter("first", 1.0, 1, 5, "", lambda resources: resources)
    second = cost.Meter("second", 1.0, 1, 0, "", lambda _: 4, grant_of=first)

    assert [0.0, 2.0, 4.0] == [second.cost(used) for used in (1, 3, 9)]
