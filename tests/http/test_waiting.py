"""`Prefer: wait=N`: the answer is the outcome, where it comes in time."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from shared.domain.requests import RotationCommand, WorkItem
from shared.http.headers import wait_seconds
from shared.http.messages import HttpRequest
from shared.http.routes import handle
from shared.rotation.submit import RotationStatus
from tests.http.conftest import HttpWorld


def waiting(seconds: int) -> dict[str, str]:
    return {"Prefer": f"wait={seconds}"}


def test_success_is_answered_with_its_status(world: HttpWorld) -> None:
    resource = world.adopted()

    answer = world.rotate({"resource": resource}, headers=waiting(30))

    assert (200, "wait=30") == (answer.status_code, answer.headers["Preference-Applied"])
    assert ("Succeeded", "Secondary") == (answer.json()["status"], answer.json()["properties"]["keyType"])
    assert 1 == world.changes(resource)


def test_nothing_to_do_is_a_success(world: HttpWorld) -> None:
    resource = world.adopted()

    answer = world.rotate({"resource": resource, "mode": "resync"}, headers=waiting(30))

    assert (200, "AlreadyLive") == (answer.status_code, answer.json()["note"]["code"])


def test_refusal_is_a_conflict_that_says_until_when(world: HttpWorld) -> None:
    resource = world.adopted(overlap_hours=24)

    answer = world.rotate({"resource": resource}, headers=waiting(30))

    assert (409, "OverlapActive") == (answer.status_code, answer.json()["code"])
    assert "until" in answer.json()["rotations"][0]["properties"]


def test_failure_is_a_bad_gateway(world: HttpWorld) -> None:
    resource = world.adopted()
    world.azure.configure(resource, outcome="Failed")

    answer = world.rotate({"resource": resource}, headers=waiting(30))

    assert (502, "OperationFailed") == (answer.status_code, answer.json()["code"])


def test_what_still_runs_is_accepted(world: HttpWorld) -> None:
    resource = world.adopted()
    world.azure.configure(resource, operation_seconds=(4, 4))
    began = time.monotonic()

    answer = world.rotate({"resource": resource}, headers=waiting(1))

    assert (202, "wait=1") == (answer.status_code, answer.headers["Preference-Applied"])
    assert time.monotonic() - began < 3
    assert "Succeeded" == world.ended(answer)["status"]


def test_sweep_waits_for_every_resource(world: HttpWorld) -> None:
    resource = world.resource()

    answer = world.rotate(headers=waiting(60))

    assert "Primary" == world.live_slot(resource)
    assert {200, 409, 502} >= {answer.status_code}
    statuses = {each["properties"]["resource"]: each for each in answer.json()["rotations"]}
    assert "Succeeded" == statuses[resource]["status"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=5; strict, wait=9", 5),
        ("wait=999999", 200),
        ("wait=soon", 0),
        ("wait=-1", 0),
        ("wait", 0),
        ("", 0),
        (",;=", 0),
        ("hurry", 0),
    ],
)
def test_preferences_that_make_no_sense_are_ignored(header: str, seconds: int) -> None:
    assert seconds == wait_seconds({"prefer": header})


async def test_the_time_that_the_submission_takes_counts() -> None:
    """Of a large fleet it takes long, and the platform cuts the answer at 230 s."""

    class Slow:
        async def submit(self, _: RotationCommand) -> list[WorkItem]:
            await asyncio.sleep(0.6)
            return []

        async def wait_for(self, _: list[str], *, seconds: float) -> list[RotationStatus]:
            await asyncio.sleep(seconds)
            return []

    app = SimpleNamespace(settings=SimpleNamespace(REQUIRED_APP_ROLE="", REQUIRED_ADMIN_ROLE=""), rotations=Slow())
    request, began = HttpRequest("POST", "https://app/api/rotate", {"prefer": "wait=1"}), time.monotonic()

    await handle("rotate", request, lambda: app)  # type: ignore[arg-type,return-value] - the rest is not asked for

    assert time.monotonic() - began < 1.4
