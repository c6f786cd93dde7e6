"""Decides what to do with one resource. Pure: no I/O, no clock of its own.

Every row of docs/reference/decision-table.md is a branch here; a test compares the two for every combination.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.connection_strings import Shape
from shared.domain.keys import KeyType, Slot
from shared.domain.observation import Observation, PublishedSecret
from shared.domain.policy import Policy
from shared.domain.requests import Mode, WorkItem

MOVING = frozenset(
    {"Creating", "Updating", "Deleting", "Moving", "Running"}
)  # ARM's ProvisioningState: the others rest
REJECTED_FOR = timedelta(minutes=15)  # apart, as for absence: two sweeps may come within a second
LATE_PATIENCE = timedelta(days=1)  # how long a regenerated key that SignalR rejects is waited for
ROTATED = "rotate"  # the tag RotationKind of a version whose key was regenerated for it


class Code(StrEnum):
    """Why nothing is done. Stable: operators and callers match on it."""

    NOT_DUE = "NotDue"
    OVERLAP_ACTIVE = "OverlapActive"
    LOCAL_AUTH_DISABLED = "LocalAuthDisabled"
    PAUSED = "Paused"
    SECRET_DISABLED = "SecretDisabled"  # noqa: S105 - the name of a situation
    ALREADY_LIVE = "AlreadyLive"
    ALREADY_ROTATED = "AlreadyRotated"
    RETIREMENT_PENDING = "RetirementPending"
    NOT_READY = "ResourceNotReady"
    NOT_MANAGED = "NotManaged"
    GONE = "ResourceGone"
    MISSING = "ResourceMissing"
    SECRET_NOT_OWNED = "SecretNotOwned"  # noqa: S105 - likewise
    SECRET_NOT_UNDERSTOOD = "SecretNotUnderstood"  # noqa: S105 - likewise
    SECRET_USES_IDENTITY = "SecretUsesIdentity"  # noqa: S105 - likewise
    MISCONFIGURED = "Misconfigured"
    KEY_REFUSED = "KeyRefused"
    SERVICE_REJECTS_KEYS = "ServiceRejectsKeys"
    OUTSIDE_WINDOW = "OutsideWindow"
    ON_HOLD = "OnHold"
    LATER_WAVE = "LaterWave"


class Cause(StrEnum):
    """Why a key is published that was not regenerated just now."""

    ADOPT = "adopt"
    REPAIR = "repair"
    SWITCH = "switch"
    MOVE = "move"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Rotate:
    """Regenerate this slot's key, verify it, publish it. `retire`: invalidate the other slot's key later.

    `by_policy`: because the policy lets no replaced key live on, and not because that key leaked.
    """

    slot: Slot
    retire: bool = False
    by_policy: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish this slot's key as it is. `retire`: as for `Rotate`."""

    slot: Slot
    cause: Cause
    retire: bool = False


@dataclass(frozen=True, slots=True)
class Retire:
    """Regenerate this slot's key to invalidate it. It must not be the published one."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class RegenerateSalt:
    """Regenerate the salt. There is nothing to compare and nothing to publish."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Finish what was begun, then decide again."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Another operation changes the resource, or SignalR may come to accept a key: ask again later."""

    code: Code = Code.NOT_READY


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to do. `until`: when there will be."""

    code: Code
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request could reject clients, or is not allowed. `until`: when it no longer will be."""

    code: Code
    until: datetime | None = None


type Action = Rotate | Publish | Retire | RegenerateSalt | Resume | Wait | Skip | Refuse


def decide(  # noqa: C901, PLR0911, PLR0912 - a decision table is a list of returns
    observation: Observation, request: WorkItem, policy: Policy, now: datetime
) -> Action:
    """Choose what to do. Total: every observation and request has exactly one answer."""
    if observation.run_open:
        return Resume()
    if observation.provisioning_state in MOVING:
        return Wait()
    if observation.unconfirmed and observation.accepted.get(observation.unconfirmed):
        return Resume()
    if blocked := _blocked(observation, request):
        return blocked
    if unusable := not_to_be_written(observation.published, owned=observation.owned):
        return Refuse(unusable)
    if request.key_type is KeyType.SALT:
        return RegenerateSalt()
    if observation.published is None:
        return _moved(observation) or _first(observation, request, policy)
    slot = observation.published_slot
    if slot is None:
        return _repair(observation, observation.published.slot_hint, request, policy)
    if revoked := _revoked(observation, slot, request):
        return revoked
    if observation.left_behind(policy) and not (request.mode is Mode.ROTATE and request.force):
        return Publish(slot.other, Cause.MOVE)
    if observation.published.fault and request.mode in {Mode.SWEEP, Mode.RESYNC}:
        return Publish(slot, Cause.REPAIR)
    if request.mode is Mode.SWEEP:
        return _scheduled(observation, slot, request, policy, now)
    if late := _late(observation, slot, request, now):
        return late
    if request.mode is Mode.RESYNC:
        return Skip(Code.ALREADY_LIVE)
    if observation.revoking and request.slot is not slot:
        return Rotate(slot.other, retire=True)
    return _asked(observation, observation.published, slot, request, policy, now)


def overlap_end(since: datetime, overlap: timedelta) -> datetime:
    """Until when clients may still hold the key that was published before."""
    return since + overlap


def _free(observation: Observation, slot: Slot, policy: Policy) -> datetime:
    """From when the key that is not published may be regenerated: after the overlap, or a longer one that was asked.

    The time at which the policy retires it is none that anybody asked for.
    """
    until = overlap_end(observation.published_since, max(policy.overlap, observation.promised_overlap(policy)))
    retirement = observation.retirement if observation.has_leaked(slot.other) else None
    return max(until, retirement.after) if retirement else until


def _blocked(observation: Observation, request: WorkItem) -> Action | None:
    """Switches that an operator holds. A sweep skips the resource; a request by name is refused."""
    quiet = request.mode is Mode.SWEEP
    if observation.local_auth_disabled:
        return Skip(Code.LOCAL_AUTH_DISABLED) if quiet else Refuse(Code.LOCAL_AUTH_DISABLED)
    if observation.paused:
        return Skip(Code.PAUSED) if quiet else Refuse(Code.PAUSED)
    if observation.published is not None and not observation.published.enabled:
        return Refuse(Code.SECRET_DISABLED)
    return None


def not_to_be_written(published: PublishedSecret | None, *, owned: bool) -> Code | None:
    """Why a secret is left as it is: not the resource's, or neither a key nor a connection string with one."""
    if not owned:
        return Code.SECRET_NOT_OWNED
    match published.shape if published else None:
        case Shape.UNKNOWN:
            return Code.SECRET_NOT_UNDERSTOOD
        case Shape.IDENTITY:
            return Code.SECRET_USES_IDENTITY
        case _:
            return None


def _moved(observation: Observation) -> Publish | None:
    """The secret has another name, or was purged: the key that clients hold is published there, as it is."""
    slot = observation.known_slot
    retirement = observation.retirement
    if slot and retirement and observation.fingerprints[slot] == retirement.fingerprint:
        slot = slot.other
    return Publish(slot, Cause.MOVE) if slot else None


def _first(observation: Observation, request: WorkItem, policy: Policy) -> Action:  # noqa: PLR0911 - as `decide`
    """No secret yet: Primary is taken for the key in use, as it is the one every tutorial hands out.

    Where a retirement was promised, the other key is what is left: the one is neither handed out again nor invalidated
    before its time, whatever is asked but a forced rotation.
    """
    retiring = observation.slot_of(observation.retirement.fingerprint) if observation.retirement else None
    if retiring and not (request.mode is Mode.ROTATE and request.force):
        return Publish(retiring.other, Cause.REPAIR)
    if policy.unknown_word and request.mode is Mode.SWEEP:
        return Refuse(Code.MISCONFIGURED)
    if request.mode in {Mode.SWEEP, Mode.RESYNC}:
        return Publish(Slot.PRIMARY, Cause.ADOPT)
    if observation.publication and not request.force:  # ARM lists that key no more: clients may hold the other one
        return _repair(observation, None, request, policy)
    if request.slot is Slot.PRIMARY:
        if not request.force:
            return Publish(Slot.SECONDARY, Cause.SWITCH, retire=True)
        return _rotate(Slot.PRIMARY, policy)
    return Rotate(Slot.SECONDARY, retire=True) if request.mode is Mode.REVOKE else _rotate(Slot.SECONDARY, policy)


def _rotate(slot: Slot, policy: Policy) -> Rotate:
    """A rotation that no leak is behind: the policy says whether the other slot's key may live on."""
    retires = policy.retire_after is not None
    return Rotate(slot, retire=retires, by_policy=retires)


def _repair(observation: Observation, hint: Slot | None, request: WorkItem, policy: Policy) -> Action:
    """The published value is no valid key: clients that read it are rejected now, so publish a valid one at once."""
    named = observation.known_slot or hint or Slot.PRIMARY
    late = observation.late
    if late and late.slot is named and not observation.accepted.get(named):
        named = named.other
    retirement = observation.retirement
    if retirement and observation.fingerprints[named] == retirement.fingerprint:
        named = named.other
    if request.mode is Mode.ROTATE and request.force:
        return _rotate(request.slot or named.other, policy)
    return Publish(named, Cause.REPAIR)


def _revoked(observation: Observation, slot: Slot, request: WorkItem) -> Action | None:
    """A key whose retirement was promised is published again, by another writer: it is taken back at once."""
    retirement = observation.retirement
    put_back = retirement is not None and observation.fingerprints[slot] == retirement.fingerprint
    forced = request.mode is Mode.ROTATE and request.force
    return Publish(slot.other, Cause.REPAIR) if put_back and not forced else None


def _late(observation: Observation, slot: Slot, request: WorkItem, now: datetime) -> Publish | Wait | None:
    """A key that was regenerated, and that SignalR still rejected when its effect window ended, comes first."""
    late = observation.late
    if late is None or request.force:
        return None
    if observation.accepted.get(late.slot):
        retire = observation.late_retires or request.mode is Mode.REVOKE or request.slot is slot
        return Publish(late.slot, Cause.LATE, retire)
    waiting = now < late.at + LATE_PATIENCE and request.mode is not Mode.RESYNC
    return Wait(Code.KEY_REFUSED) if waiting else None


def _rejected(observation: Observation, slot: Slot, now: datetime) -> Publish | Wait | Refuse:
    """SignalR rejects the published key, which ARM lists: believed when another sweep sees it, a quarter hour later."""
    known = observation.suspect
    if known is None or known.fingerprint != observation.fingerprints[slot] or now < known.at + REJECTED_FOR:
        return Wait(Code.SERVICE_REJECTS_KEYS)
    if observation.accepted.get(slot.other) and not observation.has_leaked(slot.other):
        return Publish(slot.other, Cause.REPAIR)
    return Refuse(Code.SERVICE_REJECTS_KEYS)


def _scheduled(  # noqa: C901, PLR0911 - as `decide`
    observation: Observation, slot: Slot, request: WorkItem, policy: Policy, now: datetime
) -> Action:
    retirement = observation.retirement
    if retirement and now >= retirement.after and observation.fingerprints[slot.other] == retirement.fingerprint:
        # A leaked key goes whatever clients are left with; a policy takes from them no key that works alone.
        if observation.published_rejected and (retirement.by_policy or not observation.accepted.get(slot.other)):
            return _rejected(observation, slot, now)
        # A leaked key waits for no window.
        opens_at = policy.opens_at(now) if retirement.by_policy else None
        return Skip(Code.OUTSIDE_WINDOW, opens_at) if opens_at else Retire(slot.other)
    late = _late(observation, slot, request, now)
    if isinstance(late, Publish):
        return late
    if observation.published_rejected:
        return _rejected(observation, slot, now)
    if observation.revoking:
        return late or Rotate(slot.other, retire=True)
    if policy.unknown_word:
        return Refuse(Code.MISCONFIGURED)
    if late:
        return late
    due = policy.due(observation.published_since)
    if now < due:
        if observation.unconfirmed:
            return Wait(Code.KEY_REFUSED)
        return Skip(Code.NOT_DUE, due)
    until = _free(observation, slot, policy)
    if now < until:
        return Skip(Code.OVERLAP_ACTIVE, until)
    return _when_due(slot.other, request, policy, now)


def _when_due(slot: Slot, request: WorkItem, policy: Policy, now: datetime) -> Skip | Rotate:
    """What is due by schedule waits for its window, for the end of a hold, and for its wave, in this order."""
    if opens_at := policy.opens_at(now):
        return Skip(Code.OUTSIDE_WINDOW, opens_at)
    if request.standstill:
        return Skip(Code(request.standstill.code), request.standstill.until)
    return _rotate(slot, policy)


def _asked(
    observation: Observation, published: PublishedSecret, slot: Slot, request: WorkItem, policy: Policy, now: datetime
) -> Action:
    until = _free(observation, slot, policy)
    inside_overlap = now < until and not request.force
    if request.slot is slot:
        return _renew_published(observation, slot, request, policy)
    if request.mode is Mode.REVOKE:
        return Refuse(Code.OVERLAP_ACTIVE, until) if inside_overlap else Rotate(slot.other, retire=True)
    rotated_since = published.kind_hint == ROTATED and published.since > request.requested_at
    if rotated_since and not request.slot and not request.force:
        # Two asked at once and the other one was served: the key this request wanted replaced has been replaced. A
        # version that only published a key as it was, as the first one does, replaced none.
        return Skip(Code.ALREADY_ROTATED)
    return Refuse(Code.OVERLAP_ACTIVE, until) if inside_overlap else _rotate(slot.other, policy)


def _renew_published(observation: Observation, slot: Slot, request: WorkItem, policy: Policy) -> Action:
    if request.force:
        return _rotate(slot, policy)
    retirement = observation.retirement
    if retirement and observation.fingerprints[slot.other] == retirement.fingerprint:
        # The other key is the one that leaked: it must not be handed out again.
        return Refuse(Code.RETIREMENT_PENDING, retirement.after)
    return Publish(slot.other, Cause.SWITCH, retire=True)
