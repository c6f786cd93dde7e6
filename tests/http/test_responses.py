"""Every decision and every result has a form in the API."""

import json
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from shared.domain.decision import Action
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Result
from shared.http.problem_details import PROBLEMS, Problem
from shared.http.responses import GOOD, Decision, FleetMember
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)  # a Monday


def test_every_action_can_be_previewed() -> None:
    actions = [each.__name__ for each in get_args(Action.__value__)]

    assert actions == list(get_args(Decision.model_fields["action"].annotation))


@pytest.mark.parametrize("code", PROBLEMS)
def test_problem_has_the_form_of_the_rfc(code: str) -> None:
    status, title = PROBLEMS[code]

    response = Problem(code, "do this", headers={"Retry-After": "1"}).response

    assert (status, "application/problem+json", "1") == (
        response.status,
        response.content_type,
        response.headers["Retry-After"],
    )
    assert f'"title":"{title}"'.encode() in response.body


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("NotManaged", "no"), "docs/reference/errors.md#notmanaged"),
        (Problem("RotationRefused", "no", code="OverlapActive"), "docs/reference/errors.md#overlapactive"),
        (Problem("InvalidQuery", "no"), None),
    ],
    ids=["its own code", "the code behind it", "a code of HTTP alone"],
)
def test_problem_says_where_its_code_is_explained(problem: Problem, expected: str | None) -> None:
    assert expected == json.loads(problem.response.body).get("help")


def test_results_that_are_good_are_those_that_need_nobody() -> None:
    assert {Result.SUCCEEDED, Result.SKIPPED} == GOOD


@pytest.mark.parametrize(
    ("window", "opens"),
    [
        ("Wed 09:00-12:00 UTC", datetime(2026, 11, 25, 9, tzinfo=UTC)),
        ("Mon 00:00-24:00 UTC", None),
        ("", None),
        ("Mon 09:00-12:00 Gone/Zone", None),  # stored by a version that knew it
    ],
)
def test_a_resource_tells_its_window_and_when_it_opens(window: str, opens: datetime | None) -> None:
    age = timedelta(days=1)
    snapshot = fleet.snapshot("chat", NOW, age=age, window=window)

    member = FleetMember.of(InventoryEntry.of(fleet.record("chat", NOW, age=age, snapshot=snapshot)), NOW, grace=age)

    assert (window or None, opens) == (member.rotation_window, member.window_opens_at)
