"""From a decision to what is stored: the journal of what will be done, the outcome of what was not.

Pure, like the decision itself.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

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
from shared.domain.errors import RotationError
from shared.domain.hubs import to_close
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.observation import Observation
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, WorkItem, rotation_id
from shared.domain.resources import ResourceId

_ADVICE = {
    Code.NOT_DUE: "the published key is not due for rotation yet",
    Code.OVERLAP_ACTIVE: "clients may still use the other key until {until}; retry then, or set force",
    Code.LOCAL_AUTH_DISABLED: "access keys are switched off on this resource: there is nothing to rotate",
    Code.PAUSED: "the tag key-rotation is set to paused; set it to enabled to go on",
    Code.SECRET_DISABLED: "the newest version of the secret is disabled; enable it, or add one, to go on",
    Code.ALREADY_LIVE: "the published value is a valid key",
    Code.ALREADY_ROTATED: "the key was replaced after this was requested, by another request",
    Code.RETIREMENT_PENDING: "the other key is about to be retired and must not be handed out again; "
    "wait until it is, or use mode revoke",
    Code.NOT_READY: "the resource is being changed; the next sweep looks again",
    Code.NOT_MANAGED: "the resource is not managed any more; its history is closed",
    Code.GONE: "the resource was deleted; its history is closed",
    Code.MISSING: "ARM does not find the resource; it is looked for again before that is believed",
    Code.SECRET_NOT_OWNED: "the secret of that name is not this resource's: nothing was written; "
    "give the resource a name of its own (SECRET_NAME_TEMPLATE, or the tag key-rotation-secret)",
    Code.SECRET_NOT_UNDERSTOOD: "the value of the secret is neither an access key nor a connection string with one: "
    "nothing was written; put a connection string there, or use another name",
    Code.SECRET_USES_IDENTITY: "the secret holds a connection string without an access key, for passwordless access: "
    "nothing was written; its clients need no rotation, or use another name",
    Code.KEY_REFUSED: "SignalR does not accept the key yet that was regenerated last: once it does, that key is "
    "published, or the retirement reported that it was made for; another one is regenerated after a day, if it is due "
    "or the one before leaked, or with force",
    Code.SERVICE_REJECTS_KEYS: "SignalR rejects the published key, which ARM lists as valid: it is tried again by the "
    "next sweep, and nothing is regenerated before that",
    Code.OUTSIDE_WINDOW: "scheduled rotations and retirements begin in the resource's rotation window only; "
    "request it by name to have it done now",
    Code.ON_HOLD: "scheduled rotations are on hold, because several failed in a row: see GET /api/health/deep, then "
    "call POST /api/resume; a request that names the resource is not held",
    Code.LATER_WAVE: "many resources are due at once, and are rotated in waves: this one's has not begun",
    Code.MISCONFIGURED: "the tag key-rotation has a word that is neither enabled nor paused: no key is changed by "
    "schedule; correct the tag",
}


def advice(code: Code) -> str:
    """Why nothing is done, for this reason."""
    return _ADVICE[code]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would come to now: an action, or the finding that keeps it from being decided.

    `obstacles` would not keep it from being decided, but from ending well.
    """

    item: WorkItem
    action: Action | None = None
    observation: Observation | None = None
    policy: Policy | None = None
    finding: RotationError | None = None
    obstacles: tuple[RotationError, ...] = ()

    @property
    def findings(self) -> tuple[RotationError, ...]:
        """All that stands in the way."""
        return ((self.finding,) if self.finding else ()) + self.obstacles


def why_repaired(action: Action, observation: Observation) -> str:
    """What is wrong with the published key, although ARM lists it, that another one is published for; else empty."""
    slot = observation.published_slot
    if not isinstance(action, Publish) or action.cause is not Cause.REPAIR or slot is None or action.slot is slot:
        return ""
    fingerprint = observation.fingerprints[slot]
    if observation.published_rejected:
        return f"SignalR rejects the key {fingerprint}, which ARM lists as valid: restart the resource, or rotate it"
    return f"the key {fingerprint}, which is to be invalidated, was published by another writer: find and stop it"


def open_journal(action: Action, observation: Observation, item: WorkItem, policy: Policy, now: datetime) -> Journal:
    """What is about to be done, with all that it rests on."""
    slot: Slot | None
    by_policy = False
    match action:
        case Rotate(slot, retire, by_policy):
            kind, cause = Kind.ROTATE, None
        case Publish(slot, cause, retire):
            kind = Kind.PUBLISH
        case Retire(slot):
            kind, cause, retire = Kind.RETIRE, None, False
        case RegenerateSalt():
            kind, slot, cause, retire = Kind.SALT, None, None, False
        case Resume() | Wait() | Skip() | Refuse():
            raise AssertionError(f"no run is opened for {action}")
        case _:
            assert_never(action)
    # A move is not what was asked for: it has an id of its own, and the request is decided afterwards.
    moves = cause is Cause.MOVE
    asked, late = None if moves else item.overlap_hours, observation.late
    if late and late.slot is slot and (cause is Cause.LATE or observation.revoking):
        asked = late.overlap_hours if asked is None else asked
        by_policy = by_policy or (late.by_policy and item.mode is not Mode.REVOKE and item.slot is None)
    overlap = policy.overlap if asked is None else timedelta(hours=asked)
    retire_after = max(policy.retire_after or overlap, overlap) if by_policy else None
    now_closing, later = _hubs(observation, item, kind, slot)
    return Journal(
        rotation_id=str(uuid.uuid4()) if moves else item.rotation_id,
        kind=kind,
        slot=slot,
        cause=cause,
        trigger=item.trigger,
        reason=item.reason or why_repaired(action, observation),
        requested_at=now if moves else item.requested_at,
        traceparent=item.traceparent,
        scheduled=item.mode is Mode.SWEEP and kind is Kind.ROTATE and not observation.revoking,
        in_place=kind is Kind.ROTATE and slot is observation.published_slot,
        before=dict(observation.fingerprints),
        previous_version=observation.published.version if observation.published else None,
        retire=_other_key(observation, slot) if retire else None,
        retire_hours=retire_after / timedelta(hours=1) if retire_after is not None else None,
        overlap_hours=overlap / timedelta(hours=1),
        close_connections=() if moves else later,
        closings=() if moves else to_close(*now_closing),
        times={Step.PLANNED: now},
    )


def _hubs(
    observation: Observation, item: WorkItem, kind: Kind, slot: Slot | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The hubs to be cut by this run, as it invalidates a revoked key; and those to be cut at a later retirement."""
    due: tuple[str, ...] = ()
    promised, late = observation.retirement, observation.late
    asked_before = kind is Kind.PUBLISH or (kind is Kind.ROTATE and observation.revoking)
    if asked_before and late and late.slot is slot:  # of the run that made the key
        return late.close_now, (*late.close_connections, *item.close_connections)
    if promised and slot and kind in {Kind.ROTATE, Kind.RETIRE} and observation.slot_of(promised.fingerprint) is slot:
        due = promised.close_connections
    if observation.published is not None and observation.published_slot is None:
        # The published key is invalid already: nothing more has to be waited for.
        return (*due, *item.close_connections), ()
    return due, item.close_connections


def _other_key(observation: Observation, slot: Slot | None) -> str | None:
    return observation.fingerprints[slot.other] if slot else None


def announcing_again(observation: Observation, item: WorkItem, policy: Policy) -> Journal:
    """What the newest version itself tells of the rotation that made it, to announce it: the record of it is lost."""
    published = observation.published
    if published is None or published.rotation_id is None:
        raise AssertionError("only a version with a rotation id can be announced")
    retirement = published.retirement
    by_policy = retirement is not None and retirement.by_policy
    return Journal(
        rotation_id=published.rotation_id,
        kind=Kind.PUBLISH if published.kind_hint == Kind.PUBLISH else Kind.ROTATE,
        slot=published.slot_hint or observation.published_slot,
        trigger=item.trigger,
        reason=item.reason,
        requested_at=published.since,
        after=published.fingerprint,
        retire_hours=(retirement.after - published.since) / timedelta(hours=1) if by_policy and retirement else None,
        overlap_hours=policy.overlap / timedelta(hours=1),
        retire_after=retirement.after if retirement else None,
        version=published.version,
        secret_id=published.secret_id,
        step=Step.PUBLISHED,
        times={Step.PLANNED: published.since, Step.PUBLISHED: published.since},
    )


def retirement_item(outcome: Outcome, resource: ResourceId, due: datetime) -> WorkItem:
    """The message that comes when a replaced key may be invalidated: a sweep of this one resource."""
    return WorkItem(
        rotation_id=rotation_id(resource, f"retire:{outcome.rotation_id}"),
        resource=str(resource),
        mode=Mode.SWEEP,
        reason=outcome.reason,
        trigger="retirement",
        requested_at=due,
    )


def nothing_done(item: WorkItem, result: Result, code: Code, until: datetime | None, now: datetime) -> Outcome:
    """The outcome of a request that was skipped or refused."""
    return Outcome(
        rotation_id=item.rotation_id,
        result=result,
        code=code.value,
        message=_ADVICE[code].format(until=f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else "the overlap is over"),
        until=until,
        trigger=item.trigger,
        reason=item.reason,
        requested_at=item.requested_at,
        ended_at=now,
    )


def failure(item: WorkItem, error: RotationError, now: datetime) -> Outcome:
    """The outcome of a request that failed before anything was begun."""
    return Outcome(
        rotation_id=item.rotation_id,
        result=Result.FAILED,
        code=error.code,
        message=error.message,
        trigger=item.trigger,
        reason=item.reason,
        requested_at=item.requested_at,
        ended_at=now,
    )
