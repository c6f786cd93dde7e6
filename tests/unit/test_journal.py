"""What a journal and a record remember, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import KEPT_OUTCOMES, Outcome, Record, Result

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def journal(**facts: object) -> Journal:
    known = {"rotation_id": "one", "kind": Kind.ROTATE, "slot": Slot.SECONDARY, "trigger": "test"}
    return Journal.model_validate(
        known | {"requested_at": NOW, "overlap_hours": 24, "times": {Step.PLANNED: NOW}} | facts
    )


def ended(result: Result, rotation_id: str = "one") -> Outcome:
    return Outcome.of(journal(rotation_id=rotation_id), result, NOW)


def record(*outcomes: Outcome, running: Journal | None = None) -> Record:
    return Record(resource="chat", journal=running, history=outcomes)


def test_a_journal_survives_its_blob() -> None:
    written = journal(before={Slot.PRIMARY: "a", Slot.SECONDARY: "b"}).regenerated(NOW, "c")

    assert written == Journal.model_validate_json(written.model_dump_json(by_alias=True, exclude_defaults=True))


def test_a_record_of_a_newer_version_of_the_app_can_be_read() -> None:
    """Two versions of the app work side by side while it is deployed."""
    assert record().resource == Record.model_validate_json('{"resource": "chat", "somethingNew": 1}').resource


@pytest.mark.parametrize(
    ("facts", "touched"),
    [
        ({}, False),
        ({"attempts": 1}, True),
        ({"attempts": 1, "refused": 1}, False),
        ({"attempts": 2, "refused": 1}, True),
    ],
    ids=str,
)
def test_a_key_may_have_changed_once_arm_was_asked_and_did_not_refuse(facts: dict[str, int], *, touched: bool) -> None:
    assert touched == journal(**facts).touched


def test_a_plan_to_publish_is_never_harmless() -> None:
    """The version may have been added although nobody heard of it."""
    assert not journal(kind=Kind.PUBLISH).harmless
    assert journal().harmless


@pytest.mark.parametrize("result", [each for each in Result if each is not Result.ABANDONED])
def test_what_has_ended_is_found_by_its_rotation_id(result: Result) -> None:
    outcome = ended(result)

    assert outcome == record(outcome).outcome_of("one")
    assert record(outcome).outcome_of("two") is None


def test_what_was_abandoned_or_still_runs_has_not_ended() -> None:
    assert record(ended(Result.ABANDONED)).outcome_of("one") is None
    assert record(ended(Result.FAILED), running=journal()).outcome_of("one") is None


def test_an_outcome_takes_the_place_of_an_earlier_one_of_its_rotation() -> None:
    failed = record(running=journal()).with_outcome(ended(Result.FAILED), close_journal=False)

    done = failed.with_outcome(ended(Result.SUCCEEDED), close_journal=True)

    assert (Result.SUCCEEDED,) == tuple(outcome.result for outcome in done.history)
    assert done.journal is None


def test_the_last_fifty_outcomes_are_kept() -> None:
    kept = record()
    for number in range(KEPT_OUTCOMES + 7):
        kept = kept.with_outcome(ended(Result.SUCCEEDED, str(number)), close_journal=True)

    assert [str(n) for n in range(7, KEPT_OUTCOMES + 7)] == [outcome.rotation_id for outcome in kept.history]


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (record(), False),
        (record(ended(Result.FAILED)), False),
        (record(ended(Result.SUCCEEDED)), True),
        (record(running=journal()), True),
    ],
    ids=["lost", "failed", "succeeded", "still to be announced"],
)
def test_a_version_is_told_when_its_rotation_succeeded_or_will(known: Record, *, told: bool) -> None:
    assert told == known.is_announced("one")


def test_a_failure_for_another_request_keeps_what_happened_and_changes_whose_it_is() -> None:
    borrowed = ended(Result.FAILED).as_failure_of("two", "http", NOW + timedelta(hours=1))

    assert ("two", "http", NOW + timedelta(hours=1)) == (borrowed.rotation_id, borrowed.trigger, borrowed.requested_at)
    assert Result.FAILED == borrowed.result
