"""How Key Vault words its refusals.

Sources: "Azure Key Vault REST API error codes", "Troubleshooting Azure Key Vault access policy / RBAC issues"
(Microsoft Learn) and answers quoted in public issues of the Azure SDKs.
"""

from local.azure.call import Reply, error
from local.azure.identity.guard import Wording
from local.azure.identity.tokens import Claims

AUDIENCE = "https://vault.azure.net"


def wording(login_url: str, tenant: str, vault: str) -> Wording:
    """The vault's answers to a caller it does not let in: always with the challenge that says where to sign in."""
    challenge = {"WWW-Authenticate": f'Bearer authorization="{login_url}/{tenant}", resource="{AUDIENCE}"'}

    def unauthorized(message: str) -> Reply:
        return error(401, "Unauthorized", message, headers=challenge)

    def forbidden(claims: Claims, action: str, scope: str) -> Reply:
        return error(
            403,
            "Forbidden",
            "Caller is not authorized to perform action on resource.\r\n"
            "If role assignments, deny assignments or role definitions were changed recently, please observe "
            f"propagation time.\r\nCaller: appid={claims.client_id};oid={claims.object_id};iss={claims.issuer}\r\n"
            f"Action: '{action}'\r\nResource: '{scope}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\n"
            f"DecisionReason: null \r\nVault: {vault};location=westeurope\r\n",
            innererror={"code": "ForbiddenByRbac"},
        )

    return Wording(
        missing=lambda: unauthorized("AKV10000: Request is missing a Bearer or PoP token."),
        invalid=lambda: unauthorized("AKV10032: Invalid issuer or signature."),
        expired=lambda _at: unauthorized("Error validating token: IDX10223: Lifetime validation failed."),
        wrong_audience=lambda audience: unauthorized(
            f"AKV10022: Invalid audience. Expected {AUDIENCE}, found: {audience}."
        ),
        forbidden=forbidden,
    )


def not_found(name: str) -> Reply:
    """No such secret, or no such version of it."""
    return error(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command.",
    )


def deleted_not_found(name: str) -> Reply:
    """No such soft-deleted secret."""
    return error(404, "SecretNotFound", f"Deleted Secret not found: {name}")


def name_deleted(name: str) -> Reply:
    """The name belongs to a soft-deleted secret."""
    return error(
        409,
        "Conflict",
        f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
        "the secret can only be recovered or purged.",
        innererror={"code": "ObjectIsDeletedButRecoverable"},
    )


def disabled() -> Reply:
    """The version asked for is disabled."""
    return error(
        403,
        "Forbidden",
        "Operation get is not allowed on a disabled secret.",
        innererror={"code": "SecretDisabled"},
    )


def bad_parameter(message: str) -> Reply:
    """Something in the request is not as it must be."""
    return error(400, "BadParameter", message)


def unknown_path() -> Reply:
    """Nothing is served at this path, or not with this method."""
    return error(404, "NotFound", "The requested path was not found.")
