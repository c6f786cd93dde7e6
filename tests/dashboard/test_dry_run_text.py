"""What a dry run says of each decision there is."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.dashboard.dry_run_text import dry_run_text
from shared.domain.decision import (
    Action,
    Cause,
    Code,
    Publish,
    Refuse,
    RegenerateSalt,
    Resume,
    Retire,
    Rotate,
    Skip,
    Wait,
)
from shared.domain.errors import NotPermitted
from shared.domain.keys import SecretFormat, Slot
from shared.domain.planning import Preview
from shared.domain.policy import Policy
from shared.domain.requests import Mode, WorkItem
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)
REQUEST = WorkItem(
    rotation_id="r", resource=str(fleet.resource("chat")), mode=Mode.ROTATE, trigger="http", requested_at=NOW
)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Rotate(Slot.SECONDARY), "would regenerate Secondary, verify it, publish it and announce it"),
        (Rotate(Slot.PRIMARY, retire=True), "the key it replaces is invalidated once the overlap is over"),
        (Publish(Slot.PRIMARY, Cause.ADOPT), "would publish the Primary key as it is"),
        (Publish(Slot.PRIMARY, Cause.REPAIR), "the published value is not a valid key"),
        (Publish(Slot.PRIMARY, Cause.SWITCH, retire=True), "is invalidated once"),
        (Retire(Slot.PRIMARY), "would regenerate Primary, so that its old key is invalidated"),
        (RegenerateSalt(), "would regenerate the salt"),
        (Resume(), "would finish the rotation that was begun"),
        (Wait(), "would wait: the resource is being changed"),
        (
            Skip(Code.OUTSIDE_WINDOW, NOW + timedelta(days=3)),
            "OutsideWindow: scheduled rotations and retirements begin in",
        ),
        (Skip(Code.NOT_DUE, NOW + timedelta(days=3)), "NotDue: the published key is not due for rotation yet (until"),
        (Refuse(Code.PAUSED), "would do nothing: Paused"),
    ],
)
def test_a_decision_is_said_in_words(action: Action, said: str) -> None:
    assert said in dry_run_text(Preview(REQUEST, action=action), NOW)


def test_a_finding_is_said_with_its_code() -> None:
    assert "NotPermitted: no right" == dry_run_text(Preview(REQUEST, finding=NotPermitted("no right")), NOW)


def test_the_end_of_the_other_key_is_said_where_the_policy_sets_one() -> None:
    policy = Policy(
        timedelta(days=60),
        timedelta(hours=48),
        "https://vault",
        "chat",
        SecretFormat.CONNECTION_STRING,
        retire_after=timedelta(hours=72),
    )
    rotate = Rotate(Slot.SECONDARY, retire=True, by_policy=True)

    assert "the other key of now is invalidated 3 days later" in dry_run_text(
        Preview(REQUEST, action=rotate, policy=policy), NOW
    )
