"""The managed identity endpoint of App Service and Azure Functions, api-version 2019-08-01.

Source: "How to use managed identities for App Service and Azure Functions", Microsoft Learn, REST endpoint reference.
"""

from collections.abc import Iterable

from local.azure.call import Call, Operation, Reply
from local.azure.identity.tokens import Authority, Principal

API_VERSION = "2019-08-01"


class Identity:
    """Tokens for the identities that are assigned to the app, to whoever knows the header's secret."""

    name = "identity"

    def __init__(self, authority: Authority, secret: str, identities: Iterable[Principal]) -> None:
        self._authority = authority
        self._secret = secret
        self._identities = {identity.client_id: identity for identity in identities}

    def match(self, call: Call) -> Operation:
        """The endpoint has one operation."""
        return Operation("Identity.token", call.query.get("resource", ""), self._token)

    def _token(self, call: Call) -> Reply:
        if call.headers.get("X-IDENTITY-HEADER") != self._secret:
            return _refusal(401, "The X-IDENTITY-HEADER is missing or not the one of this app")
        if call.method != "GET" or call.query.get("api-version") != API_VERSION or not call.query.get("resource"):
            return _refusal(400, f"A GET with api-version={API_VERSION} and a resource is expected")
        identity = self._identities.get(call.query.get("client_id", ""))
        if identity is None:
            return _refusal(400, "No managed identity found for the client_id given")
        call.principal = identity.object_id
        resource = call.query["resource"]
        token, expires = self._authority.issue(identity, resource)
        return Reply(
            body={
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": identity.client_id,
            }
        )


def _refusal(status: int, message: str) -> Reply:
    return Reply(status, {"statusCode": status, "message": message})
