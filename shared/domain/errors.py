"""What can go wrong, as one tree: a branch for each thing a caller does differently.

    RotationError                   code, message, step
    ├── Terminal                    nothing will change by itself: recorded, announced, not retried
    │   ├── NotPermitted            names the missing role action or right
    │   ├── NetworkDenied           a firewall or network rule keeps the app out; no permission would help
    │   ├── IdentityMissing         the platform gives the app no token: its identity is not assigned
    │   ├── ResourceLocked          a lock forbids the change; says which and how to remove it
    │   ├── SubscriptionDisabled    the subscription is read-only, disabled or deleted
    │   ├── PolicyDenied            Azure Policy or a vault policy forbids the change
    │   ├── StorageImmutable        an immutability policy keeps the app from writing its own records
    │   ├── NotFound                the resource or the vault is gone
    │   ├── SecretSoftDeleted       says how to recover or purge
    │   ├── SecretDisabled          an operator's switch: enable the newest version to go on
    │   ├── OperationFailed         ARM's operation failed, or did not end within an hour; nothing changed
    │   ├── OperationUnanswered     ARM was asked three times, hours apart, and never answered
    │   ├── SaltOutcomeUnknown      a salt leaves no trace: it may have been regenerated
    │   ├── KeyUnchanged            the operation ended, the key did not change
    │   ├── KeyRefused              the data plane does not accept the new key
    │   ├── ServiceRejectsKeys      the data plane rejects the published key, which ARM lists as valid
    │   ├── LocalAuthDisabled       access keys were switched off while a rotation was open
    │   ├── SecretNotOwned          the secret of that name is not this resource's
    │   ├── SecretNotUnderstood     its value is neither a key nor a connection string with one
    │   ├── SecretUsesIdentity      its value is a connection string without a key
    │   ├── RetirementImpossible    a leaked key is published on a resource that left the fleet
    │   ├── NotManaged              a request names a resource that the settings do not
    │   ├── KeyReused               one Idempotency-Key for two different requests
    │   ├── Misconfigured           a setting or a tag, named
    │   ├── RetriesExhausted        retried for as long as there was patience, or as often as the platform tries
    │   ├── NeverStarted            an accepted request whose message was lost, twice
    │   ├── LeaseHeld               the lease of the record is never given back: an operator has to break it
    │   └── Rejected                any other refusal that a repetition would not change
    └── Retryable                   tried again later; `retry_after` [s] when the wait is known
        ├── Throttled               429
        ├── Busy                    another run, or another operation, works on this resource
        ├── LeaseLost               another run may: this one must write nothing more
        ├── OperationRunning        an earlier regeneration is not known to have ended: none is sent beside it
        ├── TokenRejected           a service rejects the app's token, a new one too: no permission would help
        ├── WrongDirectory          the service trusts another directory (tenant) than the app's identity is in
        └── Unavailable             no answer, or one that says "later"
            └── MissingNow          ARM does not find a resource that was there

The message tells the operator what to do next. No message ever holds key material.
"""

from typing import ClassVar


class RotationError(Exception):
    """Something kept a rotation from its end. `code` is stable; `step` is where it happened, if it had begun."""

    code: ClassVar[str] = "RotationError"

    def __init__(self, message: str, *, step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.step = step


class Terminal(RotationError):  # noqa: N818 - a branch of the tree, named for what the caller does
    """Nothing will change by itself."""


class NotPermitted(Terminal):
    """The app's identity lacks a right; the message names it."""

    code = "NotPermitted"


class NetworkDenied(Terminal):
    """A firewall or network rule of the service keeps the app out."""

    code = "NetworkDenied"


class IdentityMissing(Terminal):
    """The platform has no token for the app: its identity is not assigned, or AZURE_CLIENT_ID names another."""

    code = "IdentityMissing"


class ResourceLocked(Terminal):
    """A lock on the resource, its group or its subscription forbids what the app must do."""

    code = "ResourceLocked"


class SubscriptionDisabled(Terminal):
    """The subscription is read-only, disabled or deleted."""

    code = "SubscriptionDisabled"


class PolicyDenied(Terminal):
    """A policy of the organization forbids what the app must do."""

    code = "PolicyDenied"


class StorageImmutable(Terminal):
    """An immutability policy or a legal hold keeps the app from writing its own records."""

    code = "StorageImmutable"


class NotFound(Terminal):
    """The SignalR resource or the vault does not exist."""

    code = "NotFound"


class SecretSoftDeleted(Terminal):
    """A deleted secret of the same name blocks publishing."""

    code = "SecretSoftDeleted"


class SecretDisabled(Terminal):
    """The newest version of the secret is disabled: an operator's switch, never overruled."""

    code = "SecretDisabled"


class OperationFailed(Terminal):
    """ARM's operation ended with a failure, or has not ended within an hour, and nothing changed."""

    code = "OperationFailed"


class OperationUnanswered(Terminal):
    """ARM was asked for a key as often as is safe, and none of the requests was answered."""

    code = "OperationUnanswered"


class SaltOutcomeUnknown(Terminal):
    """The answer to a salt regeneration was lost, and a salt leaves no trace to compare."""

    code = "SaltOutcomeUnknown"

    def __init__(self, name: str, needs: str = "") -> None:
        super().__init__(
            f"the answer to the salt regeneration of {name} was lost, and nothing shows whether it was done: "
            "it is not repeated by itself; request it again if it must be sure"
            + (f". To see how operations end, the app's identity needs {needs}" if needs else ""),
            step="regenerate",
        )


class KeyUnchanged(Terminal):
    """The operation ended, twice, and the key is what it was."""

    code = "KeyUnchanged"


class KeyRejected(Terminal):
    """SignalR does not accept the new key within the effect window."""

    code = "KeyRefused"


class ServiceRejectsKeys(Terminal):
    """SignalR rejects the published key, which ARM lists as valid; the other key can't take its place."""

    code = "ServiceRejectsKeys"


class LocalAuthDisabled(Terminal):
    """Access keys were switched off while a rotation was open: there is nothing left to finish."""

    code = "LocalAuthDisabled"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"access keys were switched off on {name} while its key was rotated: they are deleted for good, and there "
            "is nothing left to publish"
        )


class SecretNotOwned(Terminal):
    """The secret of the configured name is not this resource's: nothing is written over it."""

    code = "SecretNotOwned"


class SecretNotUnderstood(Terminal):
    """The value of the secret is neither an access key nor a connection string with one: it is not overwritten."""

    code = "SecretNotUnderstood"


class SecretUsesIdentity(Terminal):
    """The secret holds a connection string without an access key: it is not overwritten."""

    code = "SecretUsesIdentity"


class RetirementImpossible(Terminal):
    """A replaced key that was to be invalidated is the published one again, on a resource that left the fleet."""

    code = "RetirementImpossible"

    def __init__(self, name: str, fingerprint: str) -> None:
        super().__init__(
            f"the key {fingerprint} of {name} was to be invalidated, but it is published, and the resource is not "
            "managed any more: publish another key and regenerate this one in the portal, or put its tag back",
            step="observe",
        )


class NotManaged(Terminal):
    """A request names a resource that the settings do not."""

    code = "NotManaged"


class KeyReused(Terminal):
    """An Idempotency-Key that was used for another request."""

    code = "IdempotencyKeyReused"


class Misconfigured(Terminal):
    """A setting or a tag is wrong; the message names it."""

    code = "Misconfigured"


class Rejected(Terminal):
    """A service refused a call for a reason that a repetition would not change."""

    code = "Rejected"


class RetriesExhausted(Terminal):
    """A message was retried for as long as there was patience, or as often as the platform tries."""

    code = "RetriesExhausted"


class NeverStarted(Terminal):
    """An accepted request that no worker has ever begun: its message was lost, and so was the one sent after it."""

    code = "NeverStarted"


class LeaseHeld(Terminal):
    """The lease of the resource's record has been held by another client for longer than any run takes."""

    code = "LeaseHeld"


class Retryable(RotationError):  # noqa: N818 - likewise
    """Worth trying again. `retry_after` [s] is how long to wait, when that is known."""

    def __init__(self, message: str, *, step: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, step=step)
        self.retry_after = retry_after


class Throttled(Retryable):
    """A service answered 429. `service` names it; empty where the app's own rate limiter answered."""

    code = "Throttled"

    def __init__(
        self, message: str, *, step: str | None = None, retry_after: float | None = None, service: str = ""
    ) -> None:
        super().__init__(message, step=step, retry_after=retry_after)
        self.service = service


class Busy(Retryable):
    """The resource's lease is held, or an operation runs on it: not by us."""

    code = "Busy"


class LeaseLost(Retryable):
    """Another worker has the lease: this run writes nothing more and publishes nothing."""

    code = "LeaseLost"


class OperationRunning(Retryable):
    """An earlier regeneration of the resource is not known to have ended."""

    code = "OperationRunning"


class TokenRejected(Retryable):
    """A service rejects the app's token, and the new one that was fetched for it."""

    code = "TokenRejected"


class WrongDirectory(Retryable):
    """The service trusts another directory (tenant) than the one that the app's identity is in."""

    code = "WrongDirectory"


class Unavailable(Retryable):
    """A service could not be reached, or said that it is not able to answer now."""

    code = "Unavailable"


class MissingNow(Unavailable):
    """ARM does not find a resource that was there: it is looked for again before that is believed."""

    def __init__(self, name: str, step: str) -> None:
        super().__init__(
            f"ARM does not find {name}; it is looked for again before that is believed", step=step, retry_after=60.0
        )
