"""The status of one resource: a state, one sentence that says why, and one that says what to do.

Pure: from its inventory entry and the time. The order of `State` is the order of attention.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.dashboard.time_format import duration, relative, stamp
from shared.domain.decision import MOVING, Code
from shared.domain.guidance import GUIDES, Guide, anchor, guide
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.snapshot import Snapshot

DUE_SOON = timedelta(days=7)


class State(StrEnum):
    """A state. Its position is its urgency."""

    INVALID = "Invalid key published"
    FAILED = "Failed"
    BLOCKED = "Blocked"
    OVERDUE = "Overdue"
    REVOKING = "Revocation pending"
    ROTATING = "Rotating"
    DUE_SOON = "Due soon"
    HEALTHY = "Healthy"
    UNSEEN = "Not checked yet"
    PAUSED = "Paused"
    KEYLESS = "Local auth disabled"
    LEFT = "Not managed"

    @property
    def urgency(self) -> int:
        """0 is the most urgent."""
        return list(State).index(self)

    @property
    def slug(self) -> str:
        """As an address and a style sheet name it."""
        return self.value.lower().replace(" ", "-")


ATTENTION = frozenset({State.INVALID, State.FAILED, State.BLOCKED, State.OVERDUE})


# With these the value is not one that this app published: whether it is valid for its readers, nothing here can tell.
_NOT_OUR_VALUE = frozenset({"SecretNotOwned", "SecretNotUnderstood", "SecretUsesIdentity", "SecretDisabled"})


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """A state, why it is so, and what a person does about it (empty: nothing)."""

    state: State
    why: str
    to_do: str = ""
    code: str = ""

    @property
    def guide(self) -> Guide:
        """What its code means for clients and for the next attempt."""
        return guide(self.code)

    @property
    def help(self) -> str:
        """Where its code is explained, as problem details name it; empty for a code that this version does not know."""
        return anchor(self.code) if self.code in GUIDES else ""

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look."""
        return self.state in ATTENTION


def status_of(  # noqa: PLR0911 - a table of states is a list of returns
    entry: InventoryEntry, now: datetime, *, grace: timedelta, managed: bool = True, on_hold: bool = False
) -> ResourceStatus:
    """Judge one resource. `grace`: how far past due is overdue. `managed` False: no setting names it any more.

    `on_hold`: scheduled rotations are.
    """
    if not managed:
        why = "no setting and no tag names it any more: nothing is done to it"
        return ResourceStatus(State.LEFT, why)
    snapshot, failing, running = entry.snapshot, entry.standing_failure, entry.running
    if snapshot and snapshot.paused:
        return _paused(snapshot, now, grace, failing=(failing.code or "") if failing else "")
    if snapshot and snapshot.local_auth_disabled:
        return ResourceStatus(State.KEYLESS, "local authentication is disabled on it: there is nothing to rotate")
    if running and not (failing and failing.rotation_id == running.rotation_id):
        begun = relative(running.requested_at, now)
        return ResourceStatus(State.ROTATING, f"{running.kind} requested {begun}, last step: {running.step}")
    if failing and not (_holds_invalid_key(snapshot) and failing.code not in _NOT_OUR_VALUE):
        code = failing.code or ""
        state = State.INVALID if code == Code.SERVICE_REJECTS_KEYS else State.FAILED
        return ResourceStatus(state, failing.message or "", guide(code).do, code)
    if snapshot is None:
        return ResourceStatus(State.UNSEEN, "no run has looked at it yet: the next sweep will")
    return _by_snapshot(snapshot, now, grace, on_hold=on_hold)


def _paused(snapshot: Snapshot, now: datetime, grace: timedelta, *, failing: str) -> ResourceStatus:
    """`failing`: the code of the failure that stands."""
    why, leaked = "its tag key-rotation is set to paused", snapshot.revoke_at
    rejected = failing == Code.SERVICE_REJECTS_KEYS
    invalid = rejected or (_holds_invalid_key(snapshot) and failing not in _NOT_OUR_VALUE)
    if invalid and not snapshot.local_auth_disabled:
        what = "SignalR rejects the published key" if rejected else "the published value is not a valid key"
        rejects = f"{what}: clients that read it get 401. Nothing is repaired, for {why}"
        return ResourceStatus(State.INVALID, rejects, "Set the tag to enabled.", Code.PAUSED)
    if leaked is None:
        return ResourceStatus(State.PAUSED, why)
    if now > leaked + grace:
        late = f"{why}, and a leaked key that was to be invalidated {duration(now - leaked)} ago is still valid"
        return ResourceStatus(State.OVERDUE, late, "Set the tag to enabled.", Code.PAUSED)
    return ResourceStatus(State.PAUSED, f"{why}: a leaked key stays valid for as long, also after {stamp(leaked)} UTC")


def _holds_invalid_key(snapshot: Snapshot | None) -> bool:
    return bool(snapshot and snapshot.version and snapshot.fingerprint and snapshot.published_slot is None)


def _by_snapshot(snapshot: Snapshot, now: datetime, grace: timedelta, *, on_hold: bool) -> ResourceStatus:
    if snapshot.version and snapshot.fingerprint is None:
        why, code = f"the newest version of {snapshot.secret_name} is disabled", "SecretDisabled"
        return ResourceStatus(State.BLOCKED, why, guide(code).do, code)
    if snapshot.provisioning_state in MOVING:
        why = f"its provisioning state is {snapshot.provisioning_state}"
        return ResourceStatus(State.BLOCKED, why, guide(Code.NOT_READY).do, Code.NOT_READY)
    if _holds_invalid_key(snapshot):
        to_do = "Resync it now; the next sweep does it by itself."
        return ResourceStatus(
            State.INVALID, "the published value is not a valid key: clients that read it get 401", to_do
        )
    if snapshot.due_at is None:
        return ResourceStatus(State.UNSEEN, "nothing is published yet: the next sweep adopts the key in use")
    if snapshot.revoke_at:
        return _by_retirement(snapshot.revoke_at, now, grace)
    opens_at = snapshot.opens_at(now) if now > snapshot.due_at else None
    return _by_due_time(snapshot.due_at, now, grace, opens_at=opens_at, on_hold=on_hold)


def _by_retirement(retire_after: datetime, now: datetime, grace: timedelta) -> ResourceStatus:
    if now > retire_after + grace:
        why = f"a leaked key was to be invalidated {duration(now - retire_after)} ago, and is still valid"
        return ResourceStatus(State.OVERDUE, why, "See if sweeps run.")
    if now > retire_after:
        return ResourceStatus(State.REVOKING, "a leaked key is valid until the next sweep, which invalidates it")
    why = f"until {stamp(retire_after)} UTC, {relative(retire_after, now)}: the leaked key stays valid until then"
    return ResourceStatus(State.REVOKING, why)


def _by_due_time(
    due_at: datetime, now: datetime, grace: timedelta, *, opens_at: datetime | None, on_hold: bool
) -> ResourceStatus:
    if now > due_at + grace and opens_at:
        why = f"due {duration(now - due_at)} ago; its rotation window opens {relative(opens_at, now)}"
        to_do = "Rotate it now, or leave it to the window; make the window longer if this comes again."
        return ResourceStatus(State.OVERDUE, why, to_do, "OutsideWindow")
    if now > due_at + grace:
        why = f"due {duration(now - due_at)} ago, and no sweep has rotated it"
        if on_hold:
            to_do = "Rotate it now, or resume scheduled rotations."
            return ResourceStatus(State.OVERDUE, f"{why}: scheduled rotations are on hold", to_do, Code.ON_HOLD)
        return ResourceStatus(State.OVERDUE, why, "Rotate it now; see if sweeps run.")
    if now > due_at - DUE_SOON:
        late = ": the next sweep rotates it" if now > due_at else ""
        if opens_at:
            late = f": it waits for its rotation window, which opens {relative(opens_at, now)}"
        elif on_hold and late:
            late = ": it waits, for scheduled rotations are on hold"
        return ResourceStatus(State.DUE_SOON, f"due {relative(due_at, now)}{late}")
    return ResourceStatus(State.HEALTHY, f"next rotation {relative(due_at, now)}")
