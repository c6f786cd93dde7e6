"""The status of one resource: a state, one sentence that says why, and one that says what to do.

Pure: from its inventory entry and the time. The order of `State` is the order of attention.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.dashboard.time_format import duration, relative
from shared.domain.decision import MOVING
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.snapshot import Snapshot

DUE_SOON = timedelta(days=7)


class State(StrEnum):
    """A state. Its position is its urgency."""

    FAILED = "Failed"
    REPAIRING = "Repairing"
    BLOCKED = "Blocked"
    OVERDUE = "Overdue"
    ROTATING = "Rotating"
    DUE_SOON = "Due soon"
    HEALTHY = "Healthy"
    UNSEEN = "Not seen yet"
    PAUSED = "Paused"
    KEYLESS = "Keys off"
    LEFT = "Not managed"

    @property
    def urgency(self) -> int:
        """0 is the most urgent."""
        return list(State).index(self)

    @property
    def slug(self) -> str:
        """As an address and a style sheet name it."""
        return self.value.lower().replace(" ", "-")


ATTENTION = frozenset({State.FAILED, State.REPAIRING, State.BLOCKED, State.OVERDUE})

_REMEDY = {
    "NotPermitted": "Grant the right it names; the next sweep goes on by itself.",
    "NotFound": "Was it deleted or moved? Then take it out of the settings, or remove its tag.",
    "NetworkDenied": "Allow the app's subnet, private endpoint or outbound address there; no permission would help.",
    "IdentityMissing": "Assign the identity to the function app; AZURE_CLIENT_ID must be its client id.",
    "ResourceLocked": "Remove the lock, or replace it by a delete lock.",
    "SubscriptionDisabled": "Enable the subscription again.",
    "PolicyDenied": "Ask for an exemption from the policy; the activity log names it.",
    "StorageImmutable": "Take the retention policy or legal hold off the container signalr-rotation.",
    "NotManaged": "Name it in the settings, or tag it.",
    "SecretSoftDeleted": "Recover or purge the deleted secret of that name.",
    "SecretDisabled": "Enable the newest secret version, or add one.",
    "OperationFailed": "Look at the resource's activity log, then rotate again.",
    "OperationUnanswered": "Regenerate that key in the portal: the next sweep publishes it.",
    "SaltOutcomeUnknown": "Ask for the salt again if it must be sure.",
    "KeyUnchanged": "Regenerate the key in the portal, or open a support request.",
    "KeyRefused": "Look at the resource's health and activity log, then rotate again.",
    "Misconfigured": "Correct the setting or tag it names.",
    "NeverStarted": "See that the functions work and work_urgent run, then ask again.",
    "LeaseHeld": "Break the lease of the blob that it names, then ask again.",
    "RetriesExhausted": "Look up its rotation id in the log; the next sweep finishes what was begun.",
    "SecretNotOwned": "Give the resource a secret name of its own (the tag key-rotation-secret, or the template).",
    "SecretNotUnderstood": "Put a connection string of this resource there, or use another secret name.",
    "SecretUsesIdentity": "Switch access keys off, or use another secret name.",
    "RetirementImpossible": "Publish another key and regenerate this one in the portal, or put its tag back.",
    "LocalAuthDisabled": "Nothing: there are no access keys any more.",
    "Rejected": "Look up its rotation id in the log; repeating it unchanged will not help.",
}
_DEFAULT_REMEDY = "Look up its rotation id in the log."


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """A state, why it is so, and what a person does about it (empty: nothing)."""

    state: State
    why: str
    to_do: str = ""
    code: str = ""

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look."""
        return self.state in ATTENTION


def status_of(  # noqa: PLR0911 - a table of states is a list of returns
    entry: InventoryEntry, now: datetime, *, grace: timedelta, managed: bool = True
) -> ResourceStatus:
    """Judge one resource. `grace`: how far past due is overdue. `managed` False: no setting names it any more."""
    if not managed:
        why = "neither a setting nor a subscription names it any more: nothing is done to it"
        return ResourceStatus(State.LEFT, why)
    snapshot, failing, running = entry.snapshot, entry.standing_failure, entry.running
    if snapshot and snapshot.paused:
        return ResourceStatus(State.PAUSED, "its tag key-rotation is set to paused")
    if snapshot and snapshot.local_auth_disabled:
        return ResourceStatus(State.KEYLESS, "access keys are switched off on it: there is nothing to rotate")
    if running and not (failing and failing.rotation_id == running.rotation_id):
        begun = relative(running.requested_at, now)
        return ResourceStatus(State.ROTATING, f"{running.kind} asked for {begun}, last step: {running.step}")
    if failing:
        code = failing.code or ""
        return ResourceStatus(State.FAILED, failing.message or "", _REMEDY.get(code, _DEFAULT_REMEDY), code)
    if snapshot is None:
        return ResourceStatus(State.UNSEEN, "no run has looked at it yet: the next sweep will")
    return _by_snapshot(snapshot, now, grace)


def _by_snapshot(snapshot: Snapshot, now: datetime, grace: timedelta) -> ResourceStatus:
    if snapshot.version and snapshot.fingerprint is None:
        why, code = f"the newest version of {snapshot.secret_name} is disabled", "SecretDisabled"
        return ResourceStatus(State.BLOCKED, why, _REMEDY[code], code)
    if snapshot.provisioning_state in MOVING:
        why = f"its provisioning state is {snapshot.provisioning_state}"
        return ResourceStatus(State.BLOCKED, why, "Wait, or finish what is being changed on it.", "ResourceNotReady")
    if snapshot.version and snapshot.published_slot is None:
        to_do = "Resync it now, or leave it to the next sweep."
        return ResourceStatus(State.REPAIRING, "the published value is no live key: whoever reads it is refused", to_do)
    if snapshot.due_at is None:
        return ResourceStatus(State.UNSEEN, "nothing is published yet: the next sweep adopts the key in use")
    return _by_due_time(snapshot.due_at, now, grace)


def _by_due_time(due_at: datetime, now: datetime, grace: timedelta) -> ResourceStatus:
    if now > due_at + grace:
        why = f"due {duration(now - due_at)} ago, and no sweep has rotated it"
        return ResourceStatus(State.OVERDUE, why, "Rotate it now; see if sweeps run.")
    if now > due_at - DUE_SOON:
        late = ": the next sweep rotates it" if now > due_at else ""
        return ResourceStatus(State.DUE_SOON, f"due {relative(due_at, now)}{late}")
    return ResourceStatus(State.HEALTHY, f"next rotation {relative(due_at, now)}")
