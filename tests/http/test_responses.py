"""Every decision and every result has a form in the API."""

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


def test_results_that_are_good_are_those_that_need_nobody() -> None:
    assert {Result.SUCCEEDED, Result.SKIPPED} == GOOD
