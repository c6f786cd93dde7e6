"""The routes under /admin."""

import pytest

from tests.host.sample import Sample, eventually


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 401), ("function", 403), ("master", 202)])
def test_running_a_function_by_hand_takes_the_master_key(sample: Sample, key: str | None, status: int) -> None:
    assert status == sample.host.request("POST", "/admin/functions/tick", key=key, json={"input": ""}).status_code


def test_unknown_function_is_not_found(sample: Sample) -> None:
    assert 404 == sample.host.request("POST", "/admin/functions/none", key="master", json={"input": ""}).status_code


def test_run_without_a_json_body_is_refused(sample: Sample) -> None:
    assert 400 == sample.host.request("POST", "/admin/functions/tick", key="master", data="input").status_code


def test_timer_run_by_hand_fires_now(sample: Sample) -> None:
    before = len(sample.logged("ticked"))

    sample.host.run("tick")

    assert eventually(lambda: len(sample.logged("ticked")) > before)


def test_timer_runs_by_hand_overlap(sample: Sample) -> None:
    sample.host.run("long_tick")
    sample.host.run("long_tick")

    assert eventually(lambda: len(sample.logged("long tick begins")) == 2)
    assert 2 <= sample.host.activity()["running"]
    sample.host.request("GET", "/api/release/long-tick")
    sample.host.idle()


QUIET = {"running": 0, "messages": 0, "waiting": 0, "completed": 1, "failed": 0}


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(
            [QUIET | {"waiting": 1}] * 2 + [QUIET | {"running": 1, "messages": 1}], id="taken between two looks"
        ),
        pytest.param([QUIET, QUIET | {"waiting": 1}], id="sent by a run that ended after the queues were looked at"),
    ],
)
def test_message_on_its_way_is_not_taken_for_idle(
    sample: Sample, monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, int]]
) -> None:
    """What the host answers in the worst moments, as it was seen to under load; no test can meet them at will."""
    script = iter([*answers, QUIET | {"completed": 2}, QUIET | {"completed": 2}])
    monkeypatch.setattr(sample.host, "activity", lambda: next(script))

    sample.host.idle()

    assert [] == list(script)


def test_queue_function_run_by_hand_gets_the_input_as_its_message(sample: Sample) -> None:
    sample.host.run("work", "by hand")
    sample.host.idle()

    assert 1 == len(sample.logged("done", body="by hand"))


def test_http_function_run_by_hand_gets_the_input_as_its_body(sample: Sample) -> None:
    before = len(sample.logged("echoed"))

    sample.host.run("echo", '{"x": 1}')
    sample.host.idle()

    assert before + 1 == len(sample.logged("echoed"))


def test_accepted_run_counts_as_running_at_once(sample: Sample) -> None:
    """Whoever waits for idle right after the 202 waits for that run too."""
    sample.host.run("work", "wait 0.3")
    sample.host.idle()

    assert sample.logged("done", body="wait 0.3")


def test_status_says_running(sample: Sample) -> None:
    assert "Running" == sample.host.request("GET", "/admin/host/status", key="master").json()["state"]


def test_status_takes_the_master_key(sample: Sample) -> None:
    assert 401 == sample.host.request("GET", "/admin/host/status", key=None).status_code


def test_clock_that_is_no_number_is_refused(sample: Sample) -> None:
    answer = sample.host.request("POST", "/admin/local/clock", key="master", json={"offset_seconds": "soon"})

    assert 400 == answer.status_code


def test_activity_counts_ends_of_both_kinds(sample: Sample) -> None:
    before = sample.host.activity()

    sample.host.request("GET", "/api/echo")
    sample.host.request("GET", "/api/boom")

    after = sample.host.activity()
    assert (1, 1) == (after["completed"] - before["completed"], after["failed"] - before["failed"])
