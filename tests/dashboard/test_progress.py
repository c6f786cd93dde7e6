"""How far a rotation is, step by step."""

from datetime import UTC, datetime, timedelta

from shared.dashboard.progress import Progress, finished, progress_of, running
from shared.domain.journal import Kind, Step
from shared.domain.keys import Slot
from shared.domain.operation import Operation
from shared.rotation.submit import RotationStatus
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)
TICKET = Operation(
    rotation_id="7d9f2c1e-0000-5000-8000-000000000001", resource=str(fleet.resource("a")), requested_at=NOW
)


def steps(progress: Progress) -> list[tuple[str, str]]:
    return [(stage.name, stage.how) for stage in progress.stages]


def test_what_nobody_has_taken_up_waits_for_a_worker() -> None:
    progress = progress_of(RotationStatus(TICKET))

    assert [("requested", "done"), ("planned", "doing")] == steps(progress)
    assert not progress.ended


def test_the_step_after_the_last_one_done_is_under_way() -> None:
    assert [
        ("requested", "done"),
        ("planned", "done"),
        ("regenerated", "done"),
        ("verified", "doing"),
        ("published", "ahead"),
        ("announced", "ahead"),
    ] == steps(running(fleet.journal(NOW, Slot.SECONDARY)))


def test_each_step_says_how_long_after_the_one_before_it_came() -> None:
    notes = [stage.note for stage in finished(fleet.outcome(NOW)).stages]

    assert [
        "2026-11-23 07:40:41",
        "+1.2 s",
        "+17.2 s",
        "+0.4 s, SignalR accepts it",
        "+1.3 s",
        "+0.5 s",
    ] == notes


def test_a_rotation_whose_event_is_being_sent_has_not_ended() -> None:
    outcome = fleet.outcome(NOW)
    times = {step: at for step, at in outcome.times.items() if step is not Step.ANNOUNCED}
    sending = outcome.model_copy(update={"step": Step.PUBLISHED, "times": times})

    progress = progress_of(RotationStatus(TICKET, announcing=sending))

    assert (("published", "done"), ("announced", "doing")) == tuple(steps(progress)[-2:])
    assert not progress.ended


def test_a_failure_marks_where_it_stopped() -> None:
    times = {Step.PLANNED: NOW, Step.REGENERATED: NOW + timedelta(seconds=17)}
    failed = fleet.failure(NOW, "NotPermitted", "no", kind=Kind.ROTATE, times=times)

    assert ("verified", "failed") in steps(finished(failed))


def test_what_is_announced_again_asks_arm_for_nothing() -> None:
    """Its version was made before: the journal is opened at the step that is left."""
    times = {Step.PLANNED: NOW, Step.PUBLISHED: NOW}
    again = fleet.journal(NOW, Slot.SECONDARY, Step.PUBLISHED).model_copy(update={"times": times})

    assert [("requested", "done"), ("planned", "done"), ("published", "done"), ("announced", "doing")] == steps(
        running(again)
    )


def test_an_outcome_of_an_earlier_version_does_not_say_when_its_key_was_verified() -> None:
    before = fleet.outcome(NOW, verified_at=None)

    assert "verified" not in dict(steps(finished(before)))


def test_a_key_that_is_verified_is_published_next() -> None:
    verified = fleet.journal(NOW, Slot.SECONDARY).verified_by("dataplane", "3fa94c2be01d", NOW)

    assert [("verified", "done"), ("published", "doing"), ("announced", "ahead")] == steps(running(verified))[3:]


def test_a_publication_has_no_regeneration() -> None:
    assert "regenerated" not in dict(steps(finished(fleet.outcome(NOW, kind=Kind.PUBLISH))))


def test_a_refusal_has_no_steps_but_a_reason() -> None:
    refused = fleet.failure(NOW, "OverlapActive", "wait", result="Refused", until=NOW + timedelta(hours=3))

    progress = finished(refused)

    assert ((), "OverlapActive", "wait") == (progress.stages, progress.code, progress.message)
    assert NOW + timedelta(hours=3) == progress.until


def test_a_revocation_says_until_when_the_leaked_key_stays_valid() -> None:
    pending = fleet.outcome(NOW, retire_after=NOW + timedelta(hours=9), close_connections=("chat",))

    progress = finished(pending)

    assert "RevocationPending" == progress.code
    assert progress.message.startswith("revocation pending until 2026-11-23 16:41 UTC: the leaked key stays valid")
    assert "the connections of chat are closed" in progress.message


def test_a_cut_that_failed_is_told_with_its_reason() -> None:
    closings = ({"hub": "chat", "closed": True}, {"hub": "news", "message": "SignalR answered 400"})
    retired = fleet.outcome(NOW, kind=Kind.RETIRE, closings=closings)

    progress = finished(retired)

    assert "ConnectionsNotClosed" == progress.code
    assert "news: SignalR answered 400" in progress.message
