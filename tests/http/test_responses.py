"""Every decision and every result has a form in the API."""

import json
from typing import get_args

import pytest

from shared.domain.decision import Action
from shared.domain.record import Result
from shared.http.problem_details import PROBLEMS, Problem
from shared.http.responses import GOOD, Decision


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
