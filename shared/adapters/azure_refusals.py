"""Every refusal that Azure documents for the calls the app makes, as one table: what it means and what to do.

`docs/reference/errors.md` is made from it (`scripts/errors.py`). A row is chosen by service, status, code and words,
the first that fits: rows without a code stand last and catch what Azure adds later. Sources: "Troubleshoot common Azure
deployment errors", "Azure Key Vault REST API error codes", "Common REST API error codes" and "Blob service error codes"
of Azure Storage, "Troubleshoot Azure Event Grid errors", and "How to use managed identities for App Service".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

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


class Service(StrEnum):
    """Whose answer it is."""

    ARM = "ARM"
    KEY_VAULT = "Key Vault"
    STORAGE = "Storage"
    EVENT_GRID = "Event Grid"
    IDENTITY = "Managed identity"
    ANY = "any service"


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row. `code` is the service's own, outer or inner; empty: any. `says`: words that its message must hold."""

    service: Service
    status: int | None
    code: str
    cause: Cause
    says: str = ""

    def fits(self, service: Service, status: int | None, codes: tuple[str, ...], message: str) -> bool:
        """Whether an answer is the one that this row is about."""
        return (
            self.service in {service, Service.ANY}
            and self.status in {status, None}
            and (not self.code or self.code.lower() in (code.lower() for code in codes))
            and self.says.lower() in message.lower()
        )


_ROLE = Cause(
    NotPermitted,
    "role",
    "the app's identity needs {needs}",
    "Grant it; a new grant can take ten minutes to count",
)
_DENY = Cause(
    NotPermitted,
    "deny assignment",
    "a deny assignment forbids what {needs} would allow",
    "Find it under Access control (IAM), Deny assignments, and except the app's identity",
)
_ACCESS_POLICY = Cause(
    NotPermitted,
    "access policy",
    "the vault uses access policies, and none gives the app's identity get, list and set for secrets",
    "Add the policy, or switch the vault to Azure RBAC and grant {needs}",
)
_NETWORK = Cause(
    NetworkDenied,
    "network",
    "its firewall or network rules keep the app out: the app's network or IP address is not allowed",
    "Allow the app's subnet, private endpoint or outbound IP address; no permission would help",
)
_AZURE_POLICY = Cause(
    PolicyDenied,
    "Azure Policy",
    "a policy of the organization forbids it",
    "Request an exemption, or change what the policy forbids: its name is in the activity log",
)
_LOCK = Cause(
    ResourceLocked,
    "lock",
    "a lock on the resource, its group or its subscription forbids it, reading keys included",
    "Remove the read-only lock (az lock list); a delete lock does not stand in the way",
)
_SUBSCRIPTION = Cause(
    SubscriptionDisabled,
    "subscription",
    "the subscription is disabled and read-only",
    "Enable it again (spending limit, payment, or cancelled)",
)
_NO_SUBSCRIPTION = Cause(
    NotFound,
    "subscription",
    "the subscription does not exist, or the app's identity is in another directory (tenant)",
    "Correct the subscription id in the settings",
)
_ACCOUNT_OFF = Cause(
    SubscriptionDisabled, "subscription", "the account is disabled with its subscription", "Enable the subscription"
)
_DIRECTORY = Cause(
    WrongDirectory,
    "directory",
    "it trusts another directory (tenant) than the one that the app's identity is in",
    "After a move between directories wait an hour; then deploy the app, with its identity, in the new directory",
)
_TOKEN = Cause(
    TokenRejected,
    "token",
    "it rejects the app's token",
    "This usually passes with a new token; if it lasts, look at the clock of the worker and at Azure's service health",
)
_AUDIENCE = Cause(
    TokenRejected,
    "token",
    "the token is for another cloud or service",
    "Set AZURE_CLOUD and the endpoints to one and the same cloud",
)
_GONE = Cause(NotFound, "missing", "it does not exist", "Was it deleted, renamed or moved? Correct settings or tags")
_REGISTRATION = Cause(
    Misconfigured,
    "subscription",
    "the resource provider is not registered in the subscription",
    "Register it: az provider register --namespace Microsoft.SignalRService",
)
_SHARED_KEY = Cause(
    Misconfigured,
    "access keys",
    "the storage account does not take shared keys",
    "Set AzureWebJobsStorage__accountName instead of the connection string AzureWebJobsStorage",
)
_LOCAL_AUTH = Cause(
    Rejected,
    "access keys",
    "local authentication is off: the resource has no keys to rotate",
    "Take the resource out of the rotation",
)
_OPERATION = Cause(Busy, "operation", "another operation runs on it", "It is tried again by itself")
_LEASE_HELD = Cause(Busy, "lease", "another run holds the lease of the record", "It is tried again by itself")
_LEASE = Cause(
    LeaseLost, "lease", "this run lost the lease of the record to another run", "The other run goes on; nothing to do"
)
_IMMUTABLE = Cause(
    StorageImmutable,
    "immutable store",
    "the blob is immutable by a retention policy or a legal hold, and the app must rewrite its records",
    "Take the policy off the container signalr-rotation",
)
_REPLICATION = Cause(
    Unavailable, "replication", "a change is still being replicated", "It is tried again by itself, for minutes"
)
_CHANGING = Cause(Unavailable, "operation", "it is being made, deleted or recovered", "It is tried again by itself")
_SOFT_DELETED = Cause(
    SecretSoftDeleted,
    "missing",
    "a deleted secret of this name is not purged yet",
    "Recover it (az keyvault secret recover) or purge it (az keyvault secret purge)",
)
_SECRET_DISABLED = Cause(
    SecretDisabled, "switch", "the newest version of the secret is disabled", "Enable it, or set a new version"
)
_LIMIT = Cause(Throttled, "rate limit", "too many requests", "It is tried again by itself")
_SERVICE = Cause(
    Unavailable, "service", "it cannot answer now", "It is tried again by itself; see Azure's service health"
)
_CONFLICT = Cause(Unavailable, "service", "something else changes it at the same time", "It is tried again by itself")
_REQUEST = Cause(Rejected, "request", "it does not take the request", "Report it: a repetition would not change it")
_NO_IDENTITY = Cause(
    IdentityMissing,
    "identity",
    "the platform has no token for the app: its managed identity is not assigned, or AZURE_CLIENT_ID names another one",
    "Assign the identity to the function app and set AZURE_CLIENT_ID to its client id",
)
_IDENTITY_DOWN = Cause(
    Unavailable,
    "identity",
    "the platform's managed identity endpoint gives no token now; the service itself was not asked",
    "It is tried again by itself; if it lasts, restart the app",
)


def _rows(service: Service, status: int | None, cause: Cause, *codes: str, says: str = "") -> Iterator[Refusal]:
    for code in codes or ("",):
        yield Refusal(service, status, code, cause, says)


_A, _K, _S, _E, _I, _ANY = (
    Service.ARM,
    Service.KEY_VAULT,
    Service.STORAGE,
    Service.EVENT_GRID,
    Service.IDENTITY,
    Service.ANY,
)

REFUSALS: tuple[Refusal, ...] = (
    # -- ARM
    *_rows(_A, None, _DIRECTORY, "InvalidAuthenticationTokenTenant"),
    *_rows(_A, 401, _DIRECTORY, says="wrong issuer"),
    *_rows(_A, 401, _AUDIENCE, "InvalidAuthenticationTokenAudience"),
    *_rows(_A, 401, _TOKEN, "InvalidAuthenticationToken", "ExpiredAuthenticationToken", "AuthenticationFailed"),
    *_rows(_A, 401, _TOKEN, "AuthenticationFailedMissingToken", "AuthenticationFailedInvalidHeader"),
    *_rows(_A, None, _DENY, "DenyAssignmentAuthorizationFailed"),
    *_rows(_A, 403, _ROLE, "AuthorizationFailed", "LinkedAuthorizationFailed", "LinkedAccessCheckFailed"),
    *_rows(_A, None, _AZURE_POLICY, "RequestDisallowedByPolicy", "RequestDisallowedByAzure", "PolicyViolation"),
    *_rows(_A, None, _LOCK, "ScopeLocked", "ScopeLockedByManagedApplication"),
    *_rows(_A, None, _SUBSCRIPTION, "ReadOnlyDisabledSubscription", "SubscriptionDisabled", "DisallowedOperation"),
    *_rows(_A, None, _NO_SUBSCRIPTION, "SubscriptionNotFound", "InvalidSubscriptionId"),
    *_rows(_A, None, _REGISTRATION, "MissingSubscriptionRegistration", "SubscriptionNotRegistered"),
    *_rows(_A, None, _REPLICATION, "PrincipalNotFound", "ResourceNotReplicated"),
    *_rows(_A, 404, _GONE, "ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound", "NotFound"),
    *_rows(_A, None, _GONE, "ResourceGroupBeingDeleted"),
    *_rows(_A, None, _OPERATION, "AnotherOperationInProgress", "ConflictingConcurrentWriteNotAllowed"),
    *_rows(_A, None, _OPERATION, says="active state"),
    *_rows(_A, 400, _LOCAL_AUTH, says="disableLocalAuth"),
    *_rows(_A, None, _LIMIT, "SubscriptionRequestsThrottled", "ResourceRequestsThrottled", "TenantRequestsThrottled"),
    *_rows(_A, None, _REQUEST, "NoRegisteredProviderFound", "InvalidResourceType", "InvalidApiVersionParameter"),
    # -- Key Vault: what matters is the inner code
    *_rows(_K, 401, _DIRECTORY, says="AKV10032"),
    *_rows(_K, 401, _AUDIENCE, says="AKV10022"),
    *_rows(_K, 401, _TOKEN, "Unauthorized"),
    *_rows(_K, 403, _NETWORK, "ForbiddenByFirewall", "ForbiddenByConnection", "ForbiddenByNetworkSecurityPerimeter"),
    *_rows(_K, 403, _ROLE, "ForbiddenByRbac"),
    *_rows(_K, None, _AZURE_POLICY, "RequestDisallowedByPolicy", "ForbiddenByAzurePolicy"),
    *_rows(_K, 403, _AZURE_POLICY, says="disallowed by policy"),
    *_rows(_K, 403, _ACCESS_POLICY, "ForbiddenByPolicy", "AccessDenied"),
    *_rows(_K, 403, _SECRET_DISABLED, "SecretDisabled"),
    *_rows(_K, 403, _REPLICATION, says="read-only mode"),
    *_rows(_K, 404, _GONE, "SecretNotFound", "VaultNotFound"),
    *_rows(_K, 409, _SOFT_DELETED, "ObjectIsDeletedButRecoverable"),
    *_rows(_K, 409, _CHANGING, "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"),
    *_rows(_K, 400, _REQUEST, "BadParameter"),
    # -- Storage: blobs and queues
    *_rows(_S, None, _DIRECTORY, "InvalidAuthenticationInfo", says="issuer"),
    *_rows(_S, None, _TOKEN, "NoAuthenticationInformation", "InvalidAuthenticationInfo", "AuthenticationFailed"),
    *_rows(_S, 403, _NETWORK, "AuthorizationFailure", "AuthorizationSourceIPMismatch"),
    *_rows(_S, None, _SHARED_KEY, "KeyBasedAuthenticationNotPermitted"),
    *_rows(_S, 403, _ROLE, "AuthorizationPermissionMismatch", "InsufficientAccountPermissions"),
    *_rows(_S, 403, _ROLE, "UnauthorizedBlobOverwrite", "AuthorizationResourceTypeMismatch"),
    *_rows(_S, 403, _ROLE, "AuthorizationServiceMismatch", "AuthorizationProtocolMismatch"),
    *_rows(_S, None, _ACCOUNT_OFF, "AccountIsDisabled"),
    *_rows(_S, None, _CHANGING, "AccountBeingCreated", "ContainerBeingDeleted", "QueueBeingDeleted"),
    *_rows(_S, None, _CHANGING, "ContainerDisabled", "QueueDisabled"),
    *_rows(_S, None, _IMMUTABLE, "BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold", "ContainerImmutable"),
    *_rows(_S, None, _LEASE_HELD, "LeaseAlreadyPresent", "LeaseIsBreakingAndCannotBeAcquired"),
    *_rows(_S, None, _LEASE, "LeaseLost", "LeaseIdMissing", "LeaseIdMismatchWithBlobOperation", "ConditionNotMet"),
    *_rows(_S, None, _LEASE, "LeaseIdMismatchWithLeaseOperation", "LeaseNotPresentWithBlobOperation"),
    *_rows(_S, None, _LEASE, "LeaseNotPresentWithLeaseOperation", "LeaseIsBrokenAndCannotBeRenewed"),
    *_rows(_S, None, _LEASE, "LeaseIsBreakingAndCannotBeChanged", "LeaseAlreadyBroken"),
    *_rows(_S, 404, _GONE, "BlobNotFound", "ContainerNotFound", "QueueNotFound", "ResourceNotFound"),
    *_rows(_S, None, _SERVICE, "ServerBusy", "OperationTimedOut", "InternalError"),
    *_rows(_S, None, _REQUEST, "RequestBodyTooLarge", "MessageTooLarge", "BlobArchived", "InvalidBlobType"),
    # -- Event Grid: a token without the role is answered 401
    *_rows(_E, None, _NETWORK, says="filtering rules"),
    *_rows(_E, 401, _DIRECTORY, says="issuer"),
    *_rows(_E, 401, _ROLE),
    *_rows(_E, 404, _GONE),
    *_rows(_E, 413, _REQUEST),
    # -- the managed identity endpoint
    *_rows(_I, 400, _NO_IDENTITY),
    *_rows(_I, 401, _NO_IDENTITY),
    *_rows(_I, 403, _NO_IDENTITY),
    *_rows(_I, 404, _NO_IDENTITY),
    *_rows(_I, None, _IDENTITY_DOWN),
    # -- any service: what its words tell, then what its status tells
    *_rows(_ANY, 401, _DIRECTORY, says="wrong issuer"),
    *_rows(_ANY, 403, _NETWORK, says="firewall"),
    *_rows(_ANY, 403, _NETWORK, says="IP address"),
    *_rows(_ANY, 403, _NETWORK, says="public network access"),
    *_rows(_ANY, 403, _NETWORK, says="private endpoint"),
    *_rows(_ANY, 403, _NETWORK, says="private link"),
    *_rows(_ANY, 403, _NETWORK, says="network security perimeter"),
    *_rows(_ANY, 403, _AZURE_POLICY, says="disallowed by policy"),
    *_rows(_ANY, 403, _DENY, says="deny assignment"),
    *_rows(_ANY, 409, _IMMUTABLE, says="immutable"),
    *_rows(_ANY, 401, _TOKEN),
    *_rows(_ANY, 403, _ROLE),
    *_rows(_ANY, 404, _GONE),
    *_rows(_ANY, 408, _SERVICE),
    *_rows(_ANY, 409, _CONFLICT),
    *_rows(_ANY, 429, _LIMIT),
    *_rows(_ANY, 500, _SERVICE),
    *_rows(_ANY, 502, _SERVICE),
    *_rows(_ANY, 503, _SERVICE),
    *_rows(_ANY, 504, _SERVICE),
)
UNKNOWN = Refusal(Service.ANY, None, "", _REQUEST)
UNKNOWN_FAILURE = Refusal(Service.ANY, None, "", _SERVICE)
_FIRST_SERVER_ERROR = 500


def refusal_of(service: Service, status: int | None, codes: tuple[str, ...], message: str) -> Refusal:
    """The row that an answer falls under: the first that fits."""
    unknown = UNKNOWN if status is not None and status < _FIRST_SERVER_ERROR else UNKNOWN_FAILURE
    return next((row for row in REFUSALS if row.fits(service, status, codes, message)), unknown)
