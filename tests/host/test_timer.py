"""The timer trigger and the clock it goes by."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from local.functions_host.host_json import ConfigurationError
from local.functions_host.timer_trigger import Schedule
from tests.host.sample import Sample, eventually

SIXTY_DAYS = 60 * 86400


def after(expression: str, moment: str) -> str:
    return Schedule(expression, "test").after(datetime.fromisoformat(moment)).isoformat()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 7 * * * *", "2026-11-23T13:07:00+00:00"),
        ("*/15 * * * * *", "2026-11-23T12:30:15+00:00"),
        ("0 */5 * * * *", "2026-11-23T12:35:00+00:00"),
        ("0 30 9-17 * * MON-FRI", "2026-11-23T13:30:00+00:00"),
        ("0 0 0 1 Jan *", "2027-01-01T00:00:00+00:00"),
        ("5 4 * * *", "2026-11-24T04:05:00+00:00"),
        ("0 0 0 13 * FRI", "2027-08-13T00:00:00+00:00"),
    ],
    ids=["hourly", "seconds", "minutes", "weekdays", "names", "five fields", "day and weekday must both fit"],
)
def test_next_occurrence_of_an_ncrontab_expression(expression: str, expected: str) -> None:
    assert expected == after(expression, "2026-11-23T12:30:00+00:00")


@pytest.mark.parametrize("expression", ["every hour", "61 * * * * *", "00:05:00", ""])
def test_expression_that_is_none_is_named(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="NCRONTAB"):
        Schedule(expression, "test")


def test_timer_fires_on_schedule(start: Callable[..., Sample]) -> None:
    sample = start(schedule=True, SAMPLE_SCHEDULE="* * * * * *")

    assert eventually(lambda: len(sample.logged("ticked")) >= 2)
    assert {False} == {line["past_due"] for line in sample.logged("ticked")}
    sample.host.stop()


def test_timer_is_told_its_schedule_as_the_platform_tells_it(sample: Sample) -> None:
    sample.host.run("tick")
    timer = eventually(lambda: sample.logged("ticked"))[0]["timer"]

    assert {"AdjustForDST": True} == timer["schedule"]
    assert {"Last", "Next", "LastUpdated"} == set(timer["schedule_status"])


def test_occurrence_missed_by_a_long_run_fires_when_the_run_ends(start: Callable[..., Sample]) -> None:
    """Every second, and a run takes 2.5: the next one begins as the run ends, once for all it missed, not past due."""
    sample = start(schedule=True, SAMPLE_SLOW_SCHEDULE="* * * * * *", SAMPLE_SLOW_SECONDS="2.5")

    begun = eventually(lambda: len(lines := sample.logged("slow tick")) >= 3 and lines)
    ended = sample.logged("slow tick ends")

    assert {False} == {line["past_due"] for line in begun}
    assert 0.3 > begun[1]["at"] - ended[0]["at"]
    assert 0.3 > begun[2]["at"] - ended[1]["at"]
    sample.host.kill()


def test_time_missed_while_no_host_ran_is_made_up_for_and_past_due(start: Callable[..., Sample]) -> None:
    minute = {"SAMPLE_SLOW_SCHEDULE": "0 * * * * *", "AzureFunctionsWebHost__hostid": "made-up-for"}
    first = start(schedule=True, **minute)
    first.host.travel(3600)
    ran = eventually(lambda: first.logged("slow tick"))[0]
    first.host.idle()
    first.host.kill()

    second = start(schedule=True, **minute)
    second.host.travel(2 * 3600)

    made_up = eventually(lambda: [line for line in second.logged("slow tick") if line["past_due"]])[0]
    assert ran["status"]["Last"] < made_up["status"]["Last"]
    assert made_up["status"]["Next"] > made_up["status"]["Last"]
    second.host.kill()


def test_scheduled_run_is_told_of_itself_and_of_when_the_last_one_really_fired(start: Callable[..., Sample]) -> None:
    sample = start(schedule=True, SAMPLE_SLOW_SCHEDULE="0 */5 * * * *")
    sample.host.travel(300)
    first = eventually(lambda: sample.logged("slow tick"))[0]
    sample.host.idle()

    sample.host.travel(300)
    second = eventually(lambda: len(lines := sample.logged("slow tick")) >= 2 and lines)[1]

    assert first["status"]["Last"].startswith("0001-01-01")
    assert first["status"]["LastUpdated"].startswith("0001-01-01")
    assert first["at"] == pytest.approx(datetime.fromisoformat(second["status"]["Last"]).timestamp(), abs=1)
    due = datetime.fromisoformat(second["status"]["Next"])
    assert (0, 0) == (due.minute % 5, due.second)
    assert 0 <= second["at"] - due.timestamp() < 301
    sample.host.stop()


def test_timer_of_less_than_a_minute_has_no_status(start: Callable[..., Sample]) -> None:
    sample = start(schedule=True, SAMPLE_SLOW_SCHEDULE="* * * * * *")

    assert {} == eventually(lambda: sample.logged("slow tick"))[0]["status"]
    sample.host.kill()


def test_timer_without_schedule_does_not_fire(start: Callable[..., Sample]) -> None:
    sample = start(schedule=False)

    sample.host.travel(2 * 365 * 86400)
    sample.host.idle()

    assert [] == sample.logged("ticked")
    sample.host.stop()


def test_journey_past_its_time_fires_the_timer_once_and_past_due(start: Callable[..., Sample]) -> None:
    year = datetime.now(UTC).year + 2
    sample = start(schedule=True, SAMPLE_SCHEDULE="0 0 0 1 1 *")

    sample.host.travel((datetime(year, 6, 1, tzinfo=UTC) - datetime.now(UTC)).total_seconds())

    assert [True] == [line["past_due"] for line in eventually(lambda: sample.logged("ticked"))]
    sample.host.request("GET", "/api/release/long-tick")
    sample.host.idle()
    assert 1 == len(sample.logged("ticked"))
    sample.host.stop()


def test_journeys_add_up_and_move_the_apps_clock(start: Callable[..., Sample]) -> None:
    sample = start()

    sample.host.travel(SIXTY_DAYS)
    sample.host.travel(SIXTY_DAYS)

    ahead = float(sample.host.request("GET", "/api/sync").text) - time.time()
    assert 2 * SIXTY_DAYS == pytest.approx(ahead, abs=5)
    sample.host.stop()


def test_queue_works_after_a_journey(start: Callable[..., Sample]) -> None:
    """Requests to storage are signed with a date sixty days ahead."""
    sample = start()
    sample.queue.create_queue()

    sample.host.travel(SIXTY_DAYS)
    sample.send("after sixty days")

    assert eventually(lambda: sample.logged("done", body="after sixty days"))
    sample.host.stop()


def test_journey_does_not_touch_what_is_measured_in_seconds(start: Callable[..., Sample]) -> None:
    """A message waiting 1 s in the app's event loop is neither hurried nor stopped by sixty days on the wall clock."""
    sample = start()
    sample.queue.create_queue()
    sample.send("wait 1")
    assert eventually(lambda: sample.logged("worked", body="wait 1"))

    began = time.monotonic()
    sample.host.travel(SIXTY_DAYS)
    assert [] == sample.logged("done")
    sample.host.idle()

    assert sample.logged("done", body="wait 1")
    assert 10 > time.monotonic() - began
    sample.host.stop()
