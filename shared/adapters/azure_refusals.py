"""Every refusal that Azure documents for the calls the app makes, as one table: what it means and what to do.

`docs/reference/errors.md` is made from it (`scripts/errors.py`). A row is chosen by service, status, code and words,
the first that fits: rows without a code stand last and catch what Azure adds later. Sources: "Troubleshoot common Azure
deployment errors" (what reads and actions can be answered, not templates), "Azure Key Vault REST API error codes", the
error codes of Azure Storage (common, blob, queue: a test holds the SDK's own lists against the table), "Troubleshoot
Azure Event Grid errors", and the "HTTP response reference" of managed identities.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.adapters import refusal_causes as cause
from shared.adapters.refusal_causes import Cause


class Service(StrEnum):
    """Whose answer it is."""

    ARM = "ARM"
    KEY_VAULT = "Key Vault"
    STORAGE = "Storage"
    EVENT_GRID = "Event Grid"
    IDENTITY = "Managed identity"
    ANY = "any service"


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


def _rows(service: Service, status: int | None, means: Cause, *codes: str, says: str = "") -> Iterator[Refusal]:
    for code in codes or ("",):
        yield Refusal(service, status, code, means, says)


_A, _K, _S, _E, _I, _ANY = (
    Service.ARM,
    Service.KEY_VAULT,
    Service.STORAGE,
    Service.EVENT_GRID,
    Service.IDENTITY,
    Service.ANY,
)

# What a well-formed request of the app is never answered: the SDK or a proxy between would have to be at fault.
_MALFORMED = """
    AppendPositionConditionNotMet BlobAccessTierNotSupportedForAccountType BlobNotArchived BlobOperationNotSupported
    BlobTierInadequateForContentLength BlockCountExceedsLimit BlockListTooLong CannotChangeToLowerTier
    CannotVerifyCopySource ConditionHeadersNotSupported ContentLengthLargerThanTierLimit CopyAcrossAccountsNotSupported
    CopyIdMismatch EmptyMetadataKey FeatureVersionMismatch IncrementalCopyBlobMismatch
    IncrementalCopyOfEarlierSnapshotNotAllowed IncrementalCopyOfEarlierVersionSnapshotNotAllowed
    IncrementalCopySourceMustBeSnapshot InfiniteLeaseDurationRequired InvalidBlobOrBlock InvalidBlobTier InvalidBlockId
    InvalidBlockList InvalidHeaderValue InvalidHttpVerb InvalidInput InvalidMarker InvalidMd5 InvalidMetadata
    InvalidOperation InvalidPageRange InvalidQueryParameterValue InvalidRange InvalidResourceName InvalidSourceBlobType
    InvalidSourceBlobUrl InvalidUri InvalidVersionForPageBlobOperation InvalidXmlDocument InvalidXmlNodeValue
    MaxBlobSizeConditionNotMet MetadataTooLarge MissingContentLengthHeader MissingRequiredHeader
    MissingRequiredQueryParameter MissingRequiredXmlNode MultipleConditionHeadersNotSupported NoPendingCopyOperation
    OperationNotAllowedOnIncrementalCopyBlob OutOfRangeInput OutOfRangeQueryParameterValue PreviousSnapshotCannotBeNewer
    PreviousSnapshotNotFound PreviousSnapshotOperationNotSupported PublicAccessNotPermitted QueueNotEmpty
    RequestUrlFailedToParse ResourceTypeMismatch SequenceNumberConditionNotMet SequenceNumberIncrementTooLarge
    SnapshotCountExceeded SnapshotOperationRateExceeded SystemInUse UnsupportedHeader UnsupportedHttpVerb
    UnsupportedQueryParameter UnsupportedRestVersion UnsupportedXmlNode
""".split()  # noqa: SIM905 - as a list it would be seventy lines

REFUSALS: tuple[Refusal, ...] = (
    # -- ARM
    *_rows(_A, None, cause.DIRECTORY, "InvalidAuthenticationTokenTenant"),
    *_rows(_A, 401, cause.DIRECTORY, says="wrong issuer"),
    *_rows(_A, 401, cause.AUDIENCE, "InvalidAuthenticationTokenAudience"),
    *_rows(_A, 401, cause.TOKEN, "InvalidAuthenticationToken", "ExpiredAuthenticationToken", "AuthenticationFailed"),
    *_rows(_A, 401, cause.TOKEN, "AuthenticationFailedMissingToken", "AuthenticationFailedInvalidHeader"),
    *_rows(_A, 401, cause.TOKEN, "GatewayAuthenticationFailed"),
    *_rows(_A, None, cause.DENY, "DenyAssignmentAuthorizationFailed"),
    *_rows(_A, 403, cause.ROLE, "AuthorizationFailed", "LinkedAuthorizationFailed", "LinkedAccessCheckFailed"),
    *_rows(_A, None, cause.AZURE_POLICY, "RequestDisallowedByPolicy", "RequestDisallowedByAzure", "PolicyViolation"),
    *_rows(_A, None, cause.LOCK, "ScopeLocked", "ScopeLockedByManagedApplication"),
    *_rows(_A, None, cause.SUBSCRIPTION, "ReadOnlyDisabledSubscription", "SubscriptionDisabled", "DisallowedOperation"),
    *_rows(_A, None, cause.NO_SUBSCRIPTION, "SubscriptionNotFound", "InvalidSubscriptionId"),
    *_rows(_A, None, cause.REGISTRATION, "MissingSubscriptionRegistration", "SubscriptionNotRegistered"),
    *_rows(_A, None, cause.REGISTRATION, "InvalidSubscriptionRegistrationState", "MissingRegistrationForLocation"),
    *_rows(_A, None, cause.REPLICATION, "PrincipalNotFound", "ResourceNotReplicated"),
    *_rows(_A, 404, cause.GONE, "ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound", "NotFound"),
    *_rows(_A, None, cause.GONE, "ResourceGroupBeingDeleted"),
    *_rows(_A, None, cause.OPERATION, "AnotherOperationInProgress", "ConflictingConcurrentWriteNotAllowed"),
    *_rows(_A, None, cause.OPERATION, says="active state"),
    *_rows(_A, 400, cause.LOCAL_AUTH, says="disableLocalAuth"),
    *_rows(_A, None, cause.OPERATION, "OperationPreempted"),
    *_rows(_A, None, cause.SERVICE, "InternalServerError", "ServiceUnavailable", "ServerTimeout", "RetryableError"),
    *_rows(_A, None, cause.SERVICE, "GatewayTimeout", "RequestTimeout", "BadGateway"),
    *_rows(_A, None, cause.LIMIT, "TooManyRequests"),
    *_rows(
        _A, None, cause.LIMIT, "SubscriptionRequestsThrottled", "ResourceRequestsThrottled", "TenantRequestsThrottled"
    ),
    *_rows(_A, None, cause.REQUEST, "NoRegisteredProviderFound", "InvalidResourceType", "InvalidApiVersionParameter"),
    *_rows(_A, None, cause.REQUEST, "InvalidParameter", "InvalidRequestContent", "InvalidRequestFormat"),
    *_rows(_A, None, cause.REQUEST, "InvalidResourceNamespace", "LinkedInvalidPropertyId", "OperationNotAllowed"),
    *_rows(_A, None, cause.REQUEST, "ResourceQuotaExceeded", "InvalidResourceLocation", "MissingApiVersionParameter"),
    # -- Key Vault: what matters is the inner code
    *_rows(_K, 401, cause.DIRECTORY, says="AKV10032"),
    *_rows(_K, 401, cause.AUDIENCE, says="AKV10022"),
    *_rows(_K, 401, cause.TOKEN, "Unauthorized"),
    *_rows(
        _K, 403, cause.NETWORK, "ForbiddenByFirewall", "ForbiddenByConnection", "ForbiddenByNetworkSecurityPerimeter"
    ),
    *_rows(_K, 403, cause.NETWORK, says="Client address"),
    *_rows(_K, 403, cause.NETWORK, says="trusted service"),
    *_rows(_K, 403, cause.ROLE, "ForbiddenByRbac"),
    *_rows(_K, None, cause.AZURE_POLICY, "RequestDisallowedByPolicy", "ForbiddenByAzurePolicy"),
    *_rows(_K, 403, cause.AZURE_POLICY, says="disallowed by policy"),
    *_rows(_K, 403, cause.ACCESS_POLICY, "ForbiddenByPolicy", "AccessDenied"),
    *_rows(_K, 403, cause.SECRET_DISABLED, "SecretDisabled"),
    *_rows(_K, 403, cause.REPLICATION, says="read-only mode"),
    *_rows(_K, 404, cause.GONE, "SecretNotFound", "VaultNotFound"),
    *_rows(_K, 409, cause.SOFT_DELETED, "ObjectIsDeletedButRecoverable"),
    *_rows(_K, 409, cause.CHANGING, "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"),
    *_rows(_K, 409, cause.CONFLICT, "Conflict", "ConflictError"),
    *_rows(_K, 429, cause.LIMIT, "Throttled", "VaultRequestTypeLimitReached"),
    *_rows(_K, 400, cause.REQUEST, "BadParameter"),
    # -- Storage: blobs and queues
    *_rows(_S, None, cause.DIRECTORY, "InvalidAuthenticationInfo", says="issuer"),
    *_rows(_S, None, cause.TOKEN, "NoAuthenticationInformation", "InvalidAuthenticationInfo", "AuthenticationFailed"),
    *_rows(_S, 403, cause.NETWORK, "AuthorizationFailure", "AuthorizationSourceIPMismatch"),
    *_rows(_S, None, cause.SHARED_KEY, "KeyBasedAuthenticationNotPermitted"),
    *_rows(_S, 403, cause.ROLE, "AuthorizationPermissionMismatch", "InsufficientAccountPermissions"),
    *_rows(_S, 403, cause.ROLE, "UnauthorizedBlobOverwrite", "AuthorizationResourceTypeMismatch"),
    *_rows(_S, 403, cause.ROLE, "AuthorizationServiceMismatch", "AuthorizationProtocolMismatch"),
    *_rows(_S, None, cause.ACCOUNT_OFF, "AccountIsDisabled"),
    *_rows(_S, None, cause.ENCRYPTION_KEY, "KeyVaultEncryptionKeyNotFound", "KeyVaultVaultNotFound"),
    *_rows(
        _S, None, cause.ENCRYPTION_KEY, "KeyVaultAccessTokenCannotBeAcquired", "BlobUsesCustomerSpecifiedEncryption"
    ),
    *_rows(_S, None, cause.CHANGING, "AccountBeingCreated", "ContainerBeingDeleted", "QueueBeingDeleted"),
    *_rows(_S, None, cause.CHANGING, "ContainerDisabled", "QueueDisabled"),
    *_rows(_S, None, cause.IMMUTABLE, "BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold", "ContainerImmutable"),
    *_rows(_S, None, cause.LEASE_HELD, "LeaseAlreadyPresent", "LeaseIsBreakingAndCannotBeAcquired"),
    *_rows(_S, None, cause.LEASE, "LeaseLost", "LeaseIdMissing", "LeaseIdMismatchWithBlobOperation", "ConditionNotMet"),
    *_rows(_S, None, cause.LEASE, "LeaseIdMismatchWithLeaseOperation", "LeaseNotPresentWithBlobOperation"),
    *_rows(_S, None, cause.LEASE, "LeaseNotPresentWithLeaseOperation", "LeaseIsBrokenAndCannotBeRenewed"),
    *_rows(_S, None, cause.LEASE, "LeaseIsBreakingAndCannotBeChanged", "LeaseAlreadyBroken", "LeaseIsAlreadyBroken"),
    *_rows(_S, None, cause.LEASE, "LeaseIdMismatchWithContainerOperation", "LeaseNotPresentWithContainerOperation"),
    *_rows(_S, 404, cause.GONE, "BlobNotFound", "ContainerNotFound", "QueueNotFound", "ResourceNotFound"),
    *_rows(_S, 404, cause.GONE, "MessageNotFound"),
    *_rows(_S, None, cause.SERVICE, "ServerBusy", "OperationTimedOut", "InternalError", "Md5Mismatch"),
    *_rows(_S, None, cause.CHANGING, "BlobBeingRehydrated", "PendingCopyOperation"),
    *_rows(_S, 409, cause.CONFLICT, "AccountAlreadyExists", "BlobAlreadyExists", "ContainerAlreadyExists"),
    *_rows(_S, 409, cause.CONFLICT, "QueueAlreadyExists", "ResourceAlreadyExists", "BlobOverwritten"),
    *_rows(_S, None, cause.CONFLICT, "PopReceiptMismatch", "TargetConditionNotMet", "SourceConditionNotMet"),
    *_rows(
        _S,
        None,
        cause.REQUEST,
        "RequestBodyTooLarge",
        "MessageTooLarge",
        "BlobArchived",
        "InvalidBlobType",
        "SnapshotsPresent",
    ),
    *_rows(_S, None, cause.REQUEST, *_MALFORMED),
    # -- Event Grid: a token without the role is answered 401 too. That answer names the topic, whose name may hold any
    # word of those after it.
    *_rows(_E, None, cause.NETWORK, says="filtering rules"),
    *_rows(_E, 401, cause.ROLE, says="does not have permission"),
    *_rows(_E, 401, cause.DIRECTORY, says="issuer"),
    *_rows(_E, 401, cause.AUDIENCE, says="audience"),
    *_rows(_E, 401, cause.TOKEN, says="expired"),
    *_rows(_E, 401, cause.TOKEN, says="token is not valid"),
    *_rows(_E, 401, cause.ROLE),
    *_rows(_E, 400, cause.EVENT_SCHEMA, says="schema"),
    *_rows(_E, 403, cause.NETWORK, says="private endpoint"),
    *_rows(_E, 404, cause.GONE),
    *_rows(_E, 413, cause.REQUEST),
    # -- the managed identity endpoint
    *_rows(_I, 400, cause.AUDIENCE, says="AADSTS50001"),
    *_rows(_I, None, cause.DIRECTORY, says="AADSTS90002"),
    *_rows(_I, None, cause.DIRECTORY, says="AADSTS700016"),
    *_rows(_I, 400, cause.NO_IDENTITY),
    *_rows(_I, 401, cause.NO_IDENTITY),
    *_rows(_I, 403, cause.NO_IDENTITY),
    *_rows(_I, 429, cause.LIMIT),
    *_rows(_I, None, cause.IDENTITY_DOWN),
    # -- any service: what its words tell, then what its status tells
    *_rows(_ANY, 401, cause.DIRECTORY, says="wrong issuer"),
    *_rows(_ANY, 403, cause.NETWORK, says="firewall"),
    *_rows(_ANY, 403, cause.NETWORK, says="IP address"),
    *_rows(_ANY, 403, cause.NETWORK, says="public network access"),
    *_rows(_ANY, 403, cause.NETWORK, says="private endpoint"),
    *_rows(_ANY, 403, cause.NETWORK, says="private link"),
    *_rows(_ANY, 403, cause.NETWORK, says="network security perimeter"),
    *_rows(_ANY, 403, cause.AZURE_POLICY, says="disallowed by policy"),
    *_rows(_ANY, 403, cause.DENY, says="deny assignment"),
    *_rows(_ANY, 409, cause.IMMUTABLE, says="immutable"),
    *_rows(_ANY, 401, cause.TOKEN),
    *_rows(_ANY, 403, cause.ROLE),
    *_rows(_ANY, 404, cause.GONE),
    *_rows(_ANY, 408, cause.SERVICE),
    *_rows(_ANY, 409, cause.CONFLICT),
    *_rows(_ANY, 429, cause.LIMIT),
    *_rows(_ANY, 500, cause.SERVICE),
    *_rows(_ANY, 502, cause.SERVICE),
    *_rows(_ANY, 503, cause.SERVICE),
    *_rows(_ANY, 504, cause.SERVICE),
)
UNKNOWN = Refusal(Service.ANY, None, "", cause.REQUEST)
UNKNOWN_FAILURE = Refusal(Service.ANY, None, "", cause.SERVICE)
_FIRST_SERVER_ERROR = 500


def refusal_of(service: Service, status: int | None, codes: tuple[str, ...], message: str) -> Refusal:
    """The row that an answer falls under: the first that fits."""
    unknown = UNKNOWN if status is not None and status < _FIRST_SERVER_ERROR else UNKNOWN_FAILURE
    return next((row for row in REFUSALS if row.fits(service, status, codes, message)), unknown)
