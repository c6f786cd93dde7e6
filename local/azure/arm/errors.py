"""How Azure Resource Manager words its refusals.

Sources: "Troubleshoot common Azure deployment errors" and the error codes in ARM's own answers, as they are quoted in
Microsoft Learn and in public issues of the Azure SDKs.
"""

from datetime import UTC, datetime

from local.azure.call import Reply, error
from local.azure.clock import timestamp
from local.azure.identity.guard import Wording
from local.azure.identity.tokens import Claims

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")


def wording(tenant: str) -> Wording:
    """ARM's answers to a caller it does not let in."""
    challenge = f'Bearer authorization_uri="https://login.windows.net/{tenant}", error="invalid_token"'

    def unauthenticated(code: str, message: str) -> Reply:
        return error(401, code, message, headers={"WWW-Authenticate": f'{challenge}, error_description="{message}"'})

    return Wording(
        missing=lambda: unauthenticated(
            "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        ),
        invalid=lambda: unauthenticated("InvalidAuthenticationToken", "The access token is invalid."),
        expired=lambda at: unauthenticated(
            "ExpiredAuthenticationToken",
            f"The access token expiry UTC time '{timestamp(datetime.fromtimestamp(at, UTC))}' is earlier than current "
            "UTC time.",
        ),
        wrong_audience=lambda audience: unauthenticated(
            "InvalidAuthenticationTokenAudience",
            f"The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match "
            f"with one of the allowed audiences '{"','".join(AUDIENCES)}'.",
        ),
        forbidden=_forbidden,
    )


def _forbidden(claims: Claims, action: str, scope: str) -> Reply:
    return error(
        403,
        "AuthorizationFailed",
        f"The client '{claims.client_id}' with object id '{claims.object_id}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def api_version_missing() -> Reply:
    """No api-version in the query."""
    return error(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def api_version_unknown(version: str, supported: tuple[str, ...]) -> Reply:
    """An api-version the resource provider never had."""
    return error(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'westeurope' and API version '{version}' for type "
        f"'SignalR'. The supported api-versions are '{', '.join(supported)}'.",
    )


def subscription_not_found(subscription: str) -> Reply:
    """No such subscription."""
    return error(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def group_not_found(group: str) -> Reply:
    """No such resource group."""
    return error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(group: str, name: str) -> Reply:
    """No such resource in a group that exists."""
    return error(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.SignalRService/SignalR/{name}' under resource group '{group}' was not found. For "
        "more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def scope_locked(scope: str) -> Reply:
    """A lock forbids the call. It does not go away by itself."""
    return error(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform write operation because following scope(s) are locked: '{scope}'. Please "
        "remove the lock and try again.",
    )


def unknown_path() -> Reply:
    """Nothing is served at this path."""
    return error(404, "InvalidResourceType", "The resource type could not be found in the namespace given.")


def method_not_allowed(method: str) -> Reply:
    """The path exists, but not with this method."""
    return error(405, "HttpMethodNotAllowed", f"The HTTP method '{method}' is not supported at this path.")


def bad_content(what: str) -> Reply:
    """The body is not what the operation takes."""
    return error(400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: {what}")
