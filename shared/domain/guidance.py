"""What each code means to an operator: for clients, for the next attempt, and what to do. Data, not branches.

docs/reference/errors.md is made from this table (`scripts/errors.py`), with an anchor for each code; the dashboard
shows the same words, and HTTP answers name the anchor. A test holds it complete: each code of `errors`, of `decision`
and of the findings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

ANCHORS = "docs/reference/errors.md"


class Group(StrEnum):
    """Who goes on after it."""

    ENDS = "Failures that end a rotation"
    RETRIED = "Errors that the app retries by itself"
    NOTHING_DONE = "Reasons why nothing was done"
    FINDING = "What the app finds wrong with its surroundings"


_UNCHANGED = "none: the published key is unchanged and valid"
_PREVIOUS = (
    "none for clients that use the published key. The other key was regenerated: clients that still use it get 401"
)
_NEXT_SWEEP = "no; while the resource is due, the hourly sweep tries again"
_ON_REQUEST = "no; send the request again"
_BACKOFF = "yes: after 30 s at first, every 10 min at last, for an hour"
_NO = "no"
_ESCALATE_TWICE = "it fails again after that"


@dataclass(frozen=True, slots=True)
class Guide:
    """One code. `clients`: what clients notice. `retried`: by the app. `escalate`: when this is no longer enough."""

    group: Group
    means: str
    do: str
    clients: str = _UNCHANGED
    retried: str = _NEXT_SWEEP
    escalate: str = _ESCALATE_TWICE


def anchor(code: str) -> str:
    """Where the code is explained, as a path in the repository with its fragment."""
    return f"{ANCHORS}#{code.lower()}"


def _ends(means: str, do: str, **more: str) -> Guide:
    return Guide(Group.ENDS, means, do, **more)


def _retried(means: str, do: str, **more: str) -> Guide:
    return Guide(Group.RETRIED, means, do, **{"retried": _BACKOFF, "escalate": "it ends as RetriesExhausted"} | more)


def _nothing(means: str, do: str, **more: str) -> Guide:
    return Guide(Group.NOTHING_DONE, means, do, **{"retried": _NO, "escalate": "never"} | more)


def _finding(means: str, do: str, **more: str) -> Guide:
    return Guide(Group.FINDING, means, do, **{"retried": "looked at again with each sweep"} | more)


GUIDES: Mapping[str, Guide] = {
    # Failures that end a rotation
    "NotPermitted": _ends(
        "The app's identity lacks a permission; the message names it.",
        "Grant the permission that the message names (azd provision --no-state grants all); "
        "right after a deployment, wait ten minutes.",
    ),
    "NetworkDenied": _ends(
        "A firewall or network rule of the service keeps the app out. No permission would help.",
        "Let the app in at the service that the message names: docs/how-to/private-networking.md.",
    ),
    "IdentityMissing": _ends(
        "The platform has no token for the app.",
        "Assign the managed identity to the function app; AZURE_CLIENT_ID must be its client id.",
    ),
    "ResourceLocked": _ends(
        "A lock forbids the operation. A read-only lock also forbids listKeys.",
        "Remove the lock (az lock list shows it), or replace it by a delete lock.",
    ),
    "SubscriptionDisabled": _ends("The subscription is disabled and read-only.", "Enable the subscription again."),
    "PolicyDenied": _ends(
        "A policy of the organization forbids it.", "Request an exemption; the activity log names the policy."
    ),
    "StorageImmutable": _ends(
        "A retention policy or legal hold keeps the app from rewriting its records.",
        "Take the retention policy or legal hold off the container signalr-rotation. Until then, failures are only in "
        "the log, the event and the operation status.",
        clients="none at first; nothing is rotated until it is gone",
    ),
    "NotFound": _ends(
        "The SignalR resource, the vault or the secret's vault does not exist, or is in another directory.",
        "Restore it, or take it out of the settings; remove the tag if the resource was moved.",
    ),
    "NotManaged": _ends(
        "A request names a resource that no setting and no tag does, or no longer. In a sweep: it has left the fleet.",
        "Name the resource in the settings, or tag it with key-rotation=enabled; or request another one.",
        retried=_ON_REQUEST,
        escalate="never",
    ),
    "IdempotencyKeyReused": _ends(
        "One Idempotency-Key came with two different requests.",
        "Use a new key for a new request.",
        retried=_NO,
        escalate="never",
    ),
    "Misconfigured": _ends(
        "A setting or a tag is wrong. For the tag key-rotation: its word is neither enabled nor paused, "
        "and no key is changed by schedule.",
        "Correct the setting or tag that the message names, to a value that it allows.",
    ),
    "SecretSoftDeleted": _ends(
        "A deleted secret of that name is not purged yet and blocks the name.",
        "Recover the secret (az keyvault secret recover), purge it, or choose another name by tag.",
    ),
    "SecretDisabled": _ends(
        "The newest version of the secret is disabled. The app never overrules that.",
        "Enable the newest version, or set a new one.",
        clients="clients that read the newest version get 403 from the vault",
    ),
    "SecretNotOwned": _ends(
        "The secret of that name is not this resource's: its value is of another service or resource, "
        "or another resource maps to the same name. Nothing was written.",
        "Give the resource a secret name of its own (tag key-rotation-secret, or SECRET_NAME_TEMPLATE).",
    ),
    "SecretNotUnderstood": _ends(
        "The newest version is neither an access key nor a connection string with one. Nothing was written over it.",
        "Put a connection string of this resource there, or use another secret name.",
        clients="clients that read this secret may fail; the app did not write it",
    ),
    "SecretUsesIdentity": _ends(
        "The newest version is a connection string without an access key (sign-in by identity). "
        "There is no key in it to rotate.",
        "Switch access keys off on the resource, or use another secret name.",
        escalate="never",
    ),
    "RetirementImpossible": _ends(
        "A replaced key was to be invalidated. The resource has left the fleet, and that key is published again.",
        "Publish the other key, then regenerate this one in the portal; or put the tag back.",
        clients="none; a leaked key stays valid",
        escalate="the key has leaked",
    ),
    "OperationFailed": _ends(
        "ARM's operation failed, or did not end within an hour. No key changed.",
        "Read the message and the resource's activity log, then rotate again.",
        escalate="it persists: Azure support, with the resource id and the time",
    ),
    "OperationUnanswered": _ends(
        "ARM was asked three times, hours apart, and never answered. A published key that is replaced meanwhile is "
        "repaired all the same.",
        "Regenerate the slot that the message names in the portal; the next sweep publishes it.",
        retried="no; each sweep looks at the key, and does not ask ARM again until it has changed",
        escalate="the portal fails as well: Azure support",
    ),
    "KeyUnchanged": _ends(
        "ARM said twice that the operation succeeded, and the key is the old one.",
        "Regenerate only the slot that the message names, never the published one, in the portal; then resync.",
        escalate="the portal fails as well: Azure support",
    ),
    "KeyRefused": _ends(
        "SignalR does not accept the new key within KEY_EFFECT_TIMEOUT_SECONDS. It was not published. "
        "Each sweep asks SignalR again, and publishes the key once it is accepted. "
        "Where it was made to invalidate the one before, KeyRetired is sent then.",
        "Nothing at first. After a day another key is regenerated: where the one before leaked at once, else when it "
        "is due, or with force. "
        "If the message says that the worker's clock is off, restart the app.",
        clients=_PREVIOUS,
        retried="yes: the key is looked at again with each sweep, for a day; after a revocation until it is done",
        escalate="it is still rejected after a day",
    ),
    "ServiceRejectsKeys": _ends(
        "SignalR rejects the published key, which ARM lists as valid, and the other key cannot take its place: it is "
        "rejected as well, or is to be invalidated. As a reason why nothing was done: one sweep has seen it, and the "
        "next one looks again.",
        "Restart the resource (az signalr restart) and look at its health; or rotate it with force. "
        "No key is regenerated by schedule meanwhile.",
        clients="clients that use the published key get 401",
        retried="looked at again with each sweep, reported once a day",
        escalate="a restart does not help: Azure support, with the resource id and the time",
    ),
    "SaltOutcomeUnknown": _ends(
        "The answer to a salt regeneration was lost. A salt leaves no trace, so it is not repeated by itself.",
        "Request the salt again if it must be certain.",
        clients="not documented by Microsoft",
        retried=_NO,
    ),
    "Rejected": _ends(
        "A service rejected the call for another reason.",
        "Read the message: it has the service's own words. Repeating the request unchanged will not help.",
    ),
    "RetriesExhausted": _ends(
        "Retried for an hour (twelve under a rate limit), or the worker crashed five times. "
        "The message has the last error. Reported once per resource and day.",
        "Look up the last error that the message names; the next sweep finishes what was begun.",
    ),
    "NeverStarted": _ends(
        "A request was accepted and its message was lost twice. No worker began it; no key was changed.",
        "Check that the functions work and work_urgent run, then send the request again.",
        retried=_ON_REQUEST,
    ),
    "LeaseHeld": _ends(
        "Another client has held the lease of the resource's record for more than an hour.",
        "Break the lease of the blob that the message names (az storage blob lease break), then send the request "
        "again.",
    ),
    # Errors that the app retries by itself
    "Throttled": _retried(
        "429: too many calls in this subscription, by the app or beside it.",
        "Nothing. If it lasts, see what else calls ARM in this subscription.",
        retried="yes: as the service says, for twelve hours",
    ),
    "Busy": _retried("Another worker, or an operation in the portal, works on the resource.", "Nothing."),
    "LeaseLost": _retried("This worker was too slow and another one took over.", "Nothing."),
    "Unavailable": _retried(
        "A service did not answer, or said that it cannot now.", "Nothing; see Azure's status page if it lasts."
    ),
    "OperationRunning": _retried(
        "An earlier regeneration is not known to have ended. None is sent beside it, for an hour at least.",
        "Nothing.",
    ),
    "TokenRejected": _retried(
        "A service rejects the app's token, and the next one, which may be the same. It is no matter of permissions.",
        "If it lasts, restart the app; check that the app and the service are in the same cloud.",
    ),
    "WrongDirectory": _retried(
        "The subscription or the vault trusts another directory (tenant) than the app's.",
        "After a move to another directory, deploy the app again in the new one.",
    ),
    # Reasons why nothing was done
    "NotDue": _nothing("The published key is not due before the time given.", "Nothing."),
    "OutsideWindow": _nothing(
        "A scheduled rotation or retirement is due, and the resource's rotation window is closed until the time given.",
        "Nothing; or request the rotation by name, which no window holds back.",
        retried="yes: by the sweep, once the window is open",
    ),
    "OnHold": _nothing(
        "It is due, and scheduled rotations are on hold, because several failed in a row.",
        "Correct the cause of the failures, then resume (docs/how-to/resume-after-a-hold.md). A request that names the "
        "resource is not held.",
        retried="by the first sweep after the hold",
    ),
    "LaterWave": _nothing(
        "It is due, and so are more than ten others: they are rotated in waves, and this one's has not begun.",
        "Nothing.",
        retried="yes, with its wave",
    ),
    "OverlapActive": _nothing(
        "Clients may still hold the other key until the time given.",
        "Wait until then; or add force, which makes clients that still hold that key get 401.",
    ),
    "AlreadyLive": _nothing("The published value is a valid key; a resync has nothing to do.", "Nothing."),
    "AlreadyRotated": _nothing("Another request replaced the key after this one was made.", "Nothing."),
    "RetirementPending": _nothing(
        "The other key has leaked or was replaced, and is about to be invalidated. It is not published again.",
        "Wait until it is invalidated, or use mode revoke.",
    ),
    "ResourceNotReady": _nothing(
        "The resource is being changed.", "Wait, or finish what is being changed on it.", retried=_BACKOFF
    ),
    "LocalAuthDisabled": _nothing(
        "Access keys are switched off on the resource. As a failure: they were switched off while a key was replaced.",
        "Nothing: there are no access keys any more.",
        clients="clients that use a key get 401: Azure has deleted the keys",
    ),
    "Paused": _nothing(
        "The tag key-rotation is set to paused: no key is changed, and nothing is repaired.",
        "Set the tag to enabled to go on.",
        clients="none, unless the published value is replaced or its key regenerated meanwhile: then clients that read "
        "it get 401 until the tag is enabled again",
        retried="by the first sweep after the pause",
    ),
    "ResourceMissing": _nothing(
        "ARM answered once that there is no such resource. It is believed when ARM says so again, 15 minutes later.",
        "Nothing.",
        retried="yes: looked for again after 15 minutes",
    ),
    "ResourceGone": _nothing(
        "The resource was deleted. Its history is closed, its secret stays.",
        "Take it out of the settings; delete the secret when no client needs it.",
        clients="the service is gone",
    ),
    # What the app finds wrong with its surroundings
    "NoSweep": _finding(
        "No sweep has ended for three periods of ROTATION_SCHEDULE, or ever: the platform fires no timer, "
        "or each sweep fails.",
        "Restart the app, or deploy it again; look for sweep in the log. Until the timer fires, call POST /api/rotate "
        "without a body from outside, hourly: that is a sweep.",
        clients="none yet; keys are not rotated",
    ),
    "PoisonMessages": _finding(
        "A poison queue holds messages that no function of the app could take: the platform cannot convert them. "
        "What was asked in them is not carried out.",
        "Read them, find out who sends them, and delete them: docs/how-to/respond-to-alerts.md.",
    ),
    "AnnouncementPending": _finding(
        "The topic has taken no event for more than an hour. What the events announce is done; they wait in the "
        "records, and are sent by the next run or sweep after the topic takes them again.",
        "The message says why, or the log line announcement pending (why): a role, a firewall, a topic that is gone.",
        clients="those that wait for the event go on with the key before, which is valid until the overlap ends",
    ),
    "RotationsHeld": _finding(
        "Three scheduled rotations failed in a row, or the state of the rollout could not be read: no scheduled "
        "rotation is begun for 24 hours.",
        "Correct the cause of the failures it names, then resume (docs/how-to/resume-after-a-hold.md).",
    ),
    "KeysChangedElsewhere": _finding(
        "Twice or more in 90 days the published key was replaced from outside of this app, "
        "or its secret got a version that this app did not make.",
        "Find the caller of regenerateKey in the resource's activity log (another installation, a script, a person). "
        "Let only one of them rotate the resource.",
        clients="after each of these changes, clients get 401 until the next event or sweep",
    ),
    "ClockOff": _finding(
        "The clock of a worker is more than a minute ahead of Azure's, or more than five minutes behind it: "
        "two answers in a row, of SignalR or of any other service, said so by their Date. "
        "SignalR rejects the tokens by which keys are verified.",
        "Restart the app.",
        clients="none; new keys are not verified, and so not published",
    ),
    "ForeignInstallation": _finding(
        "Another installation uses the same storage account. Its messages and records are left alone; "
        "requests take longer.",
        "Give each installation a storage account of its own (AzureWebJobsStorage).",
    ),
}
UNKNOWN = Guide(
    Group.ENDS,
    "A code that this version does not know: a newer version wrote it.",
    "Look up its rotation id in the log.",
    clients="unknown",
    retried="unknown",
)


def guide(code: str) -> Guide:
    """The guide of a code; `UNKNOWN` for one that this version does not know."""
    return GUIDES.get(code, UNKNOWN)
