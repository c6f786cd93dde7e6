"""What can be behind a refusal: our error, what stands in the way, what it means, and what to do about it."""

from dataclasses import dataclass

from shared.domain.errors import (
    Busy,
    IdentityMissing,
    LeaseLost,
    Misconfigured,
    NetworkDenied,
    NotFound,
    NotPermitted,
    PolicyDenied,
    Rejected,
    ResourceLocked,
    RotationError,
    SecretDisabled,
    SecretSoftDeleted,
    StorageImmutable,
    SubscriptionDisabled,
    Terminal,
    Throttled,
    TokenRejected,
    Unavailable,
    WrongDirectory,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """What a refusal means: our error, what stands in the way, what to do. `{needs}` is the permission it takes."""

    error: type[RotationError]
    fault: str
    means: str
    remedy: str

    @property
    def terminal(self) -> bool:
        """Whether it is recorded at once; the others are retried first."""
        return issubclass(self.error, Terminal)


ROLE = Cause(
    NotPermitted,
    "role",
    "the app's identity needs {needs}",
    "Grant it; a new grant can take ten minutes to count",
)
DENY = Cause(
    NotPermitted,
    "deny assignment",
    "a deny assignment forbids what {needs} would allow",
    "Find it under Access control (IAM), Deny assignments, and except the app's identity",
)
ACCESS_POLICY = Cause(
    NotPermitted,
    "access policy",
    "the vault uses access policies, and none gives the app's identity get, list and set for secrets",
    "Add the policy, or switch the vault to Azure RBAC and grant {needs}",
)
NETWORK = Cause(
    NetworkDenied,
    "network",
    "its firewall or network rules keep the app out: the app's network or IP address is not allowed",
    "Allow the app's subnet, private endpoint or outbound IP address; no permission would help",
)
AZURE_POLICY = Cause(
    PolicyDenied,
    "Azure Policy",
    "a policy of the organization forbids it",
    "Request an exemption, or change what the policy forbids: its name is in the activity log",
)
LOCK = Cause(
    ResourceLocked,
    "lock",
    "a lock on the resource, its group or its subscription forbids it, reading keys included",
    "Remove the read-only lock (az lock list); a delete lock does not stand in the way",
)
SUBSCRIPTION = Cause(
    SubscriptionDisabled,
    "subscription",
    "the subscription is disabled and read-only",
    "Enable it again (spending limit, payment, or cancelled)",
)
NO_SUBSCRIPTION = Cause(
    NotFound,
    "subscription",
    "the subscription does not exist, or the app's identity is in another directory (tenant)",
    "Correct the subscription id in the settings",
)
ACCOUNT_OFF = Cause(
    SubscriptionDisabled, "subscription", "the account is disabled with its subscription", "Enable the subscription"
)
DIRECTORY = Cause(
    WrongDirectory,
    "directory",
    "it trusts another directory (tenant) than the one that the app's identity is in",
    "After a move between directories wait an hour; then deploy the app, with its identity, in the new directory",
)
# What lies behind the managed identity endpoint keeps a token for each resource URI for about 24 hours ("Managed
# identities for App Service"): asking anew need not give a new one.
TOKEN = Cause(
    TokenRejected,
    "token",
    "it rejects the app's token",
    "It is tried again, but for up to a day the platform may give the same token; if it lasts longer, look at the "
    "clock of the worker and at Azure's service health",
)
AUDIENCE = Cause(
    TokenRejected,
    "token",
    "the token is for another cloud or service",
    "Set AZURE_CLOUD and the endpoints to one and the same cloud",
)
GONE = Cause(NotFound, "missing", "it does not exist", "Was it deleted, renamed or moved? Correct settings or tags")
REGISTRATION = Cause(
    Misconfigured,
    "subscription",
    "the resource provider is not registered in the subscription",
    "Register it: az provider register --namespace Microsoft.SignalRService",
)
EVENT_SCHEMA = Cause(
    Misconfigured,
    "schema",
    "the topic takes events of another schema",
    "Let EVENT_GRID_TOPIC_ENDPOINT name a topic whose input schema is CloudEvents 1.0: a topic's cannot be changed",
)
SHARED_KEY = Cause(
    Misconfigured,
    "access keys",
    "the storage account does not take shared keys",
    "Set AzureWebJobsStorage__accountName instead of the connection string AzureWebJobsStorage",
)
LOCAL_AUTH = Cause(
    Rejected,
    "access keys",
    "local authentication is off: the resource has no keys to rotate",
    "Take the resource out of the rotation",
)
ENCRYPTION_KEY = Cause(
    Misconfigured,
    "encryption key",
    "it is encrypted with a key of the customer's, which it cannot get or the request does not name",
    "Restore that key, and the storage account's access to it, in its key vault",
)
OPERATION = Cause(Busy, "operation", "another operation runs on it", "It is tried again by itself")
LEASE_HELD = Cause(Busy, "lease", "another run holds the lease of the record", "It is tried again by itself")
LEASE = Cause(
    LeaseLost, "lease", "this run lost the lease of the record to another run", "The other run goes on; nothing to do"
)
IMMUTABLE = Cause(
    StorageImmutable,
    "immutable store",
    "the blob is immutable by a retention policy or a legal hold, and the app must rewrite its records",
    "Take the policy off the container signalr-rotation",
)
REPLICATION = Cause(
    Unavailable, "replication", "a change is still being replicated", "It is tried again by itself, for minutes"
)
CHANGING = Cause(Unavailable, "operation", "it is being made, deleted or recovered", "It is tried again by itself")
SOFT_DELETED = Cause(
    SecretSoftDeleted,
    "missing",
    "a deleted secret of this name is not purged yet",
    "Recover it (az keyvault secret recover) or purge it (az keyvault secret purge)",
)
SECRET_DISABLED = Cause(
    SecretDisabled, "switch", "the newest version of the secret is disabled", "Enable it, or set a new version"
)
LIMIT = Cause(Throttled, "rate limit", "too many requests", "It is tried again by itself")
SERVICE = Cause(
    Unavailable, "service", "it cannot answer now", "It is tried again by itself; see Azure's service health"
)
CONFLICT = Cause(Unavailable, "service", "something else changes it at the same time", "It is tried again by itself")
REQUEST = Cause(Rejected, "request", "it does not take the request", "Report it: a repetition would not change it")
NO_IDENTITY = Cause(
    IdentityMissing,
    "identity",
    "the platform has no token for the app: its managed identity is not assigned, or AZURE_CLIENT_ID names another one",
    "Assign the identity to the function app and set AZURE_CLIENT_ID to its client id",
)
IDENTITY_DOWN = Cause(
    Unavailable,
    "identity",
    "the platform's managed identity endpoint gives no token now; the service itself was not asked",
    "It is tried again by itself; if it lasts, restart the app",
)
