"""From a decision to a journal: what is written down before anything is done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import planning
from shared.domain.decision import Action, Cause, Code, Publish, RegenerateSalt, Retire, Rotate, Skip
from shared.domain.journal import Kind, Step
from shared.domain.keys import SecretFormat, Slot
from shared.domain.observation import Observation, PublishedSecret, Retirement
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, WorkItem, rotation_id
from shared.domain.resources import ResourceId

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RESOURCE = ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", "chat")
POLICY = Policy(timedelta(days=60), timedelta(hours=24), "https://vault", "chat", SecretFormat.CONNECTION_STRING)
NEWEST = PublishedSecret(
    version="v1",
    secret_id="https://vault/secrets/chat/v1",  # noqa: S106 - Key Vault's word for a URL
    since=NOW,
    fingerprint="one",
    slot_hint=Slot.PRIMARY,
    rotation_id="made-by",
    kind_hint="publish",
)


def seen(published: PublishedSecret | None = NEWEST) -> Observation:
    return Observation(
        "Succeeded",
        local_auth_disabled=False,
        paused=False,
        fingerprints={Slot.PRIMARY: "one", Slot.SECONDARY: "two"},
        published=published,
    )


def request(**facts: object) -> WorkItem:
    known: dict[str, object] = {"rotation_id": "asked", "resource": str(RESOURCE), "mode": Mode.ROTATE}
    return WorkItem.model_validate(known | {"trigger": "test", "requested_at": NOW} | facts)


@pytest.mark.parametrize(
    ("action", "kind", "slot", "retire", "in_place"),
    [
        (Rotate(Slot.SECONDARY), Kind.ROTATE, Slot.SECONDARY, None, False),
        (Rotate(Slot.SECONDARY, retire=True), Kind.ROTATE, Slot.SECONDARY, "one", False),
        (Rotate(Slot.PRIMARY), Kind.ROTATE, Slot.PRIMARY, None, True),
        (Publish(Slot.SECONDARY, Cause.SWITCH, retire=True), Kind.PUBLISH, Slot.SECONDARY, "one", False),
        (Publish(Slot.PRIMARY, Cause.REPAIR), Kind.PUBLISH, Slot.PRIMARY, None, False),
        (Retire(Slot.SECONDARY), Kind.RETIRE, Slot.SECONDARY, None, False),
        (RegenerateSalt(), Kind.SALT, None, None, False),
    ],
    ids=str,
)
def test_a_plan_says_what_it_rests_on(
    action: Action, kind: Kind, slot: Slot | None, retire: str | None, *, in_place: bool
) -> None:
    journal = planning.open_journal(action, seen(), request(), POLICY, NOW)

    assert (kind, slot, retire, in_place) == (journal.kind, journal.slot, journal.retire, journal.in_place)
    assert ({Slot.PRIMARY: "one", Slot.SECONDARY: "two"}, "v1") == (journal.before, journal.previous_version)
    assert (Step.PLANNED, False) == (journal.step, journal.touched)


@pytest.mark.parametrize(("asked", "hours"), [(None, 72), (100, 100)])
def test_the_policy_retires_after_its_time_and_not_inside_an_overlap_that_was_asked_for(
    asked: float | None, hours: float
) -> None:
    policy = replace(POLICY, retire_after=timedelta(hours=72))
    action = Rotate(Slot.SECONDARY, retire=True, by_policy=True)

    journal = planning.open_journal(action, seen(), request(overlap_hours=asked), policy, NOW)

    assert ("one", hours) == (journal.retire, journal.retire_hours)


def test_after_a_key_renewed_in_place_the_policy_retires_the_other_one() -> None:
    """The old value of the published one fails already."""
    policy = replace(POLICY, retire_after=timedelta(hours=72))

    journal = planning.open_journal(Rotate(Slot.PRIMARY, retire=True, by_policy=True), seen(), request(), policy, NOW)

    assert "two" == journal.retire


def test_the_key_to_retire_is_primarys_where_nothing_was_published() -> None:
    action = Rotate(Slot.SECONDARY, retire=True)

    assert "one" == planning.open_journal(action, seen(None), request(), POLICY, NOW).retire


@pytest.mark.parametrize(("asked", "hours"), [(None, 24), (0, 0), (72, 72)])
def test_the_overlap_is_the_policys_unless_another_was_asked_for(asked: float | None, hours: float) -> None:
    journal = planning.open_journal(Rotate(Slot.SECONDARY), seen(), request(overlap_hours=asked), POLICY, NOW)

    assert hours == journal.overlap_hours


@pytest.mark.parametrize(
    ("hint", "kind"), [("rotate", Kind.ROTATE), ("publish", Kind.PUBLISH), (None, Kind.ROTATE), ("retire", Kind.ROTATE)]
)
def test_a_version_is_told_again_as_what_it_was(hint: str | None, kind: Kind) -> None:
    """The event's id is made of both, and must be the one that was sent before."""
    due = NOW + timedelta(hours=24)
    newest = replace(NEWEST, kind_hint=hint, retirement=Retirement(fingerprint="two", after=due))

    journal = planning.announcing_again(seen(newest), request(), POLICY)

    assert ("made-by", kind, Step.PUBLISHED) == (journal.rotation_id, journal.kind, journal.step)
    assert ("v1", "one", due) == (journal.version, journal.after, journal.retire_after)
    assert {NOW} == set(journal.times.values()), "the event says when it happened, not when it is told"


def test_nothing_is_planned_for_what_changes_nothing() -> None:
    with pytest.raises(AssertionError):
        planning.open_journal(Skip(Code.NOT_DUE), seen(), request(), POLICY, NOW)


@pytest.mark.parametrize("code", Code)
def test_every_reason_to_do_nothing_comes_with_advice(code: Code) -> None:
    outcome = planning.nothing_done(request(), Result.SKIPPED, code, None, NOW)

    assert (code.value, True) == (outcome.code, len(outcome.message or "") > len("a few words"))


def test_a_retirement_asked_for_twice_is_one_request() -> None:
    """It is sent by whoever finishes the rotation, and that can be two workers one after the other."""
    outcome = Outcome.of(
        planning.open_journal(Rotate(Slot.SECONDARY), seen(), request(), POLICY, NOW), Result.SUCCEEDED, NOW
    )

    first, second = planning.retirement_item(outcome, RESOURCE, NOW), planning.retirement_item(outcome, RESOURCE, NOW)

    assert first == second
    assert rotation_id(RESOURCE, "retire:asked") == first.rotation_id
    assert Mode.SWEEP is first.mode
