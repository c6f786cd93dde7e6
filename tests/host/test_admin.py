"""The routes under /admin."""

from collections.abc import Callable

import pytest

from tests.host.sample import Sample, eventually


def run(sample: Sample, function: str, body: str, content_type: str | None = "application/json") -> int:
    headers = {} if content_type is None else {"Content-Type": content_type}
    path = f"/admin/functions/{function}"
    return sample.host.request("POST", path, key="master", data=body.encode(), headers=headers).status_code


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 401), ("function", 403), ("master", 202)])
def test_running_a_function_by_hand_takes_the_master_key(sample: Sample, key: str | None, status: int) -> None:
    assert status == sample.host.request("POST", "/admin/functions/tick", key=key, json={"input": ""}).status_code


def test_unknown_function_is_not_found(sample: Sample) -> None:
    assert 404 == sample.host.request("POST", "/admin/functions/none", key="master", json={"input": ""}).status_code


@pytest.mark.parametrize("body", ["{}", '{"input": null}', '{"input": 5}', '{"input": "x"}', '{"other": 1}'])
def test_run_with_an_object_is_accepted(sample: Sample, body: str) -> None:
    assert 202 == run(sample, "tick", body)


@pytest.mark.parametrize("body", ["null", "[]", '"x"', "", "no JSON", '{"input": {"a": 1}}'])
def test_run_with_anything_else_is_refused(sample: Sample, body: str) -> None:
    assert 400 == run(sample, "tick", body)


@pytest.mark.parametrize("content_type", ["text/plain", None])
def test_run_that_does_not_say_that_it_sends_json_is_415(sample: Sample, content_type: str | None) -> None:
    assert 415 == run(sample, "tick", '{"input": ""}', content_type=content_type)


def test_refusal_for_want_of_a_key_asks_for_one(sample: Sample) -> None:
    answer = sample.host.request("POST", "/admin/functions/tick", key=None, json={"input": ""})

    assert "Bearer" == answer.headers["WWW-Authenticate"]


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


def test_http_function_run_by_hand_is_accepted_and_fails(sample: Sample) -> None:
    """The platform's answer is 202 before it finds that there is no request to give. Test/Run calls the URL instead."""
    before = len(sample.logged("echoed"))

    sample.host.run("echo", '{"x": 1}')

    assert "HttpRequest is required" in sample.logged("function failed", function="echo")[-1]["exception"]
    assert before == len(sample.logged("echoed"))


def test_queue_function_run_by_hand_without_input_fails(sample: Sample) -> None:
    before = len(sample.logged("worked"))

    assert 202 == run(sample, "work", "{}")

    assert "IStorageQueueMessage" in sample.logged("function failed", function="work")[-1]["exception"]
    assert before == len(sample.logged("worked"))


def test_queue_function_run_by_hand_sees_no_message_of_a_queue(sample: Sample) -> None:
    sample.host.run("work", "facts by hand")
    (line,) = eventually(lambda: sample.logged("worked", body="facts by hand"))

    facts = line["facts"]
    assert (0, None, None) == (facts["dequeue_count"], facts["id"], facts["pop_receipt"])
    assert ["9999", "9999"] == [facts[name][:4] for name in ("expiration_time", "time_next_visible")]


def test_function_is_described_with_its_keys(sample: Sample) -> None:
    one = sample.host.request("GET", "/admin/functions/echo", key="master").json()
    keys = sample.host.request("GET", "/admin/functions/Echo/keys", key="master").json()

    assert ("echo", False) == (one["name"], one["isDisabled"])
    assert [{"name": "default", "value": sample.host.function_keys["echo"]}] == keys["keys"]
    assert {} == sample.host.request("GET", "/admin/functions/echo/status", key="master").json()


def test_drained_host_takes_no_message_and_still_answers(start: Callable[..., Sample]) -> None:
    """What the platform does before it stops an instance: what runs goes on to its end."""
    sample = start()
    sample.queue.create_queue()
    sample.send("hold drain")
    assert eventually(lambda: sample.logged("worked", body="hold drain"))

    sample.host.drain()
    draining = sample.host.request("GET", "/admin/host/drain/status", key="master").json()
    sample.send("left lying")
    sample.host.request("GET", "/api/release/drain")
    assert eventually(lambda: sample.logged("done", body="hold drain"))

    drained = eventually(lambda: sample.host.activity()["messages"] == 0 and sample.host.activity())
    assert {"state": "InProgress", "outstandingInvocations": 1} == draining
    assert "Completed" == sample.host.request("GET", "/admin/host/drain/status", key="master").json()["state"]
    assert 1 == drained["waiting"]
    sample.host.stop()


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
