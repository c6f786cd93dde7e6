"""What `make run` prints works, line by line, in the order in which it is printed."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from local.environment import LocalEnvironment, local_environment
from local.walkthrough import walkthrough


@pytest.fixture(scope="module")
def env() -> Iterator[LocalEnvironment]:
    """As `make run` starts it, with operations that end at once."""
    with local_environment(operation_seconds=(0.1, 0.2), first_poll_seconds=0.1, schedule="0 0 0 1 1 *") as environment:
        yield environment


@pytest.fixture(scope="module")
def answers(env: LocalEnvironment) -> list[dict[str, Any]]:
    """What each line answers."""
    run = [
        subprocess.run(["bash", "-c", line.command], capture_output=True, text=True, check=True, timeout=90)
        for line in walkthrough(env)
    ]
    return [json.loads(done.stdout) for done in run]


def test_a_dry_run_tells_what_would_be_done(answers: list[dict[str, Any]]) -> None:
    assert ["Publish"] * 3 == [preview["decision"]["action"] for preview in answers[0]["previews"]]


def test_the_sweep_ends_well(answers: list[dict[str, Any]]) -> None:
    assert ["Succeeded"] * 3 == [rotation["status"] for rotation in answers[1]["rotations"]]


def test_the_rotation_that_is_printed_after_it_ends_well(answers: list[dict[str, Any]]) -> None:
    assert ("Succeeded", "dataplane") == (answers[2]["status"], answers[2]["properties"]["verified"])


def test_the_fleet_shows_the_new_key(answers: list[dict[str, Any]]) -> None:
    assert {"chat": "Secondary", "games": "Primary", "alerts": "Primary"} == {
        each["name"]: each["liveSlot"] for each in answers[3]["value"]
    }


def test_the_failure_names_its_code_and_where_it_is_explained(answers: list[dict[str, Any]]) -> None:
    failure = answers[5]

    assert ("ResourceLocked", "docs/reference/errors.md#resourcelocked") == (failure["code"], failure["help"])
