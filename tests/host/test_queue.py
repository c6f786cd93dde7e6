"""The queue trigger: taken, kept hidden, deleted, returned, poisoned."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from local.functions_host import Limits
from tests.host.sample import Sample, eventually


def test_message_runs_the_function_and_is_deleted(sample: Sample) -> None:
    sample.send("plain")
    assert eventually(lambda: sample.logged("done", body="plain"))
    sample.host.idle()

    assert 0 == sample.queue.get_queue_properties().approximate_message_count


def test_function_sees_the_messages_own_facts(sample: Sample) -> None:
    sample.send("facts")
    seen = eventually(lambda: sample.logged("worked", body="facts"))[0]["facts"]

    inserted, expires, next_visible = (
        datetime.fromisoformat(seen[name]) for name in ("insertion_time", "expiration_time", "time_next_visible")
    )
    assert 1 == seen["dequeue_count"]
    assert seen["id"]
    assert seen["pop_receipt"]
    assert inserted < next_visible < expires


def test_failed_message_comes_back_until_it_is_poison(sample: Sample) -> None:
    """maxDequeueCount of the sample app is 2."""
    sample.send("fail")
    poisoned = eventually(lambda: sample.logged("poisoned", body="fail"))

    assert [1, 2] == [line["attempt"] for line in sample.logged("worked", body="fail")]
    assert [1] == [line["attempt"] for line in poisoned]


def test_message_that_fails_on_the_poison_queue_is_left_alone(start: Callable[..., Sample]) -> None:
    """Back when it has been hidden for its time, whatever visibilityTimeout (0 s here) and maxDequeueCount say."""
    sample = start(limits=Limits(hidden_for=1))
    sample.queue.create_queue()

    sample.send("fail always")
    seen = eventually(lambda: len(lines := sample.logged("poisoned", body="fail always")) >= 4 and lines)

    assert [1, 2, 3, 4] == [line["attempt"] for line in seen[:4]]
    assert 0.75 < min(later["at"] - earlier["at"] for earlier, later in itertools.pairwise(seen))
    assert 1 == sample.poison.get_queue_properties().approximate_message_count
    sample.host.kill()


def test_move_to_the_poison_queue_wakes_its_listener(start: Callable[..., Sample]) -> None:
    """It rests a minute between two looks here, and sees the message at once."""
    sample = start(app="slow")
    sample.queue.create_queue()
    sample.poison.create_queue()
    sample.send("fail")

    (line,) = eventually(lambda: sample.logged("poisoned", body="fail"), 90)

    moved = datetime.fromisoformat(sample.logged("message moved to the poison queue")[0]["time"])
    assert 2 > (datetime.fromisoformat(line["time"]) - moved).total_seconds()
    sample.host.kill()


@pytest.mark.parametrize(
    ("field", "told", "expected"),
    [
        ('"Id": "own"', "id", "own"),
        ('"id": 7', "id", "7"),
        ('"DequeueCount": 77', "dequeue_count", 77),
        ('"dequeuecount": "77"', "dequeue_count", 77),
        ('"NextVisibleTime": null', "time_next_visible", None),
        ('"PopReceipt": {}', "pop_receipt", "{}"),
    ],
)
def test_field_of_a_json_message_replaces_the_triggers_own(
    sample: Sample, field: str, told: str, expected: object
) -> None:
    text = f"{{{field}}}"
    sample.send(text)
    (line,) = eventually(lambda: sample.logged("worked", body=text))

    assert expected == line["facts"][told]


@pytest.fixture(scope="module")
def mistaken(start: Callable[..., Sample]) -> Iterator[Sample]:
    """A host for messages that it cannot convert. They stay on its poison queue."""
    sample = start()
    sample.queue.create_queue()
    sample.poison.create_queue()
    yield sample
    sample.host.kill()


@pytest.mark.parametrize(
    "field", ['"DequeueCount": "many"', '"InsertionTime": 5', '"expirationtime": "tomorrow"', '"InsertionTime": "x"']
)
def test_field_of_another_form_fails_before_the_apps_code_and_again_on_the_poison_queue(
    mistaken: Sample, field: str
) -> None:
    def failed(function: str) -> list[dict[str, Any]]:
        return mistaken.logged("function failed", function=function)

    before = mistaken.poison.get_queue_properties().approximate_message_count or 0
    tried, seen = len(failed("work")), len(failed("poisoned"))

    mistaken.send(f"{{{field}}}")
    (told,) = eventually(lambda: failed("poisoned")[seen:])

    assert "ValueError" in told["exception"] or "time data" in told["exception"]
    assert 2 == len(failed("work")) - tried
    assert [] == mistaken.logged("worked") + mistaken.logged("poisoned")
    assert before + 1 == mistaken.poison.get_queue_properties().approximate_message_count


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "null", "no JSON", "ä<&>", '{"msg": 1, "sys": {}, "QueueTrigger": "x"}']
)
def test_any_other_text_arrives_unchanged(sample: Sample, text: str) -> None:
    sample.send(text)

    assert eventually(lambda: sample.logged("done", body=text))


@pytest.fixture(scope="module")
def unread(start: Callable[..., Sample]) -> Iterator[Sample]:
    """A host that leaves what it moved to the poison queue lying there."""
    sample = start(**{"AzureWebJobs.poisoned.Disabled": "true"})
    sample.queue.create_queue()
    sample.poison.create_queue()
    yield sample
    sample.host.kill()


def given_up(sample: Sample) -> list[str]:
    """What lies on the poison queue."""
    return [str(message.content) for message in sample.poison.peek_messages(max_messages=32)]


def test_base64_that_is_no_text_is_tried_like_a_failure(unread: Sample) -> None:
    """No base64 at all is given up at once; this goes the long way, and the function never sees it."""
    unread.queue.send_message("/w==")

    assert eventually(lambda: "/w==" in given_up(unread))
    assert 1 == given_up(unread).count("/w==")
    assert [] == unread.logged("worked")


def test_message_deleted_while_it_runs_is_no_trouble(start: Callable[..., Sample]) -> None:
    sample = start(limits=Limits(hidden_for=1))
    sample.queue.create_queue()
    sample.send("hold deleted")
    assert eventually(lambda: sample.logged("worked", body="hold deleted"))

    sample.queue.clear_messages()
    sample.host.request("GET", "/api/release/deleted")
    sample.host.idle()

    assert sample.logged("done", body="hold deleted")
    assert [] == sample.logged("queue message could not be settled")
    sample.host.stop()


def test_message_that_is_no_base64_goes_to_the_poison_queue(unread: Sample) -> None:
    unread.queue.send_message("?")

    assert eventually(lambda: "?" in given_up(unread))
    assert 1 == given_up(unread).count("?")
    assert [] == unread.logged("worked")


def test_queue_made_later_is_found(start: Callable[..., Sample]) -> None:
    sample = start()
    sample.host.idle()

    sample.queue.create_queue()
    sample.send("late queue")

    assert eventually(lambda: sample.logged("done", body="late queue"))
    sample.host.stop()


def test_running_message_stays_hidden_longer_than_it_was_received_for(start: Callable[..., Sample]) -> None:
    """Received for 2 s and run for 4: without renewal a second host would take it too, also after a journey in time."""
    sample = start(limits=Limits(hidden_for=2))
    sample.queue.create_queue()
    sample.send("wait 4")
    assert eventually(lambda: sample.logged("worked", body="wait 4"))
    other = start(queue=sample.queue.queue_name)

    sample.host.travel(60 * 86400)
    sample.host.idle()
    other.host.idle()

    assert 1 == len(sample.logged("done", body="wait 4"))
    assert [] == sample.logged("worked", body="wait 4")[1:] + other.logged("worked", body="wait 4")
    sample.host.stop()
    other.host.stop()


def test_work_of_a_killed_host_comes_back_to_another(start: Callable[..., Sample]) -> None:
    sample = start(limits=Limits(hidden_for=1))
    sample.queue.create_queue()
    sample.send("hold forever")
    assert eventually(lambda: sample.logged("worked", body="hold forever"))

    sample.host.kill()
    other = start(queue=sample.queue.queue_name)

    assert [2] == [line["attempt"] for line in eventually(lambda: other.logged("worked", body="hold forever"))]
    other.host.kill()


def test_two_hosts_share_one_queue_without_doing_anything_twice(start: Callable[..., Sample]) -> None:
    one = start()
    two = start(queue=one.queue.queue_name)
    one.queue.create_queue()
    sent = [f"share {number}" for number in range(40)]

    for text in sent:
        one.send(text)
    assert eventually(lambda: len(one.logged("done")) + len(two.logged("done")) >= len(sent))
    one.host.idle()
    two.host.idle()

    assert sorted(sent) == sorted(line["body"] for line in one.logged("done") + two.logged("done"))
    one.host.stop()
    two.host.stop()


def test_visible_message_is_not_idle(start: Callable[..., Sample]) -> None:
    """A disabled function leaves its message lying: waiting for idle must not call that done."""
    sample = start(**{"AzureWebJobs.work.Disabled": "true"})
    sample.queue.create_queue()

    sample.send("left lying")

    assert 1 == sample.host.activity()["waiting"]
    sample.host.stop()
