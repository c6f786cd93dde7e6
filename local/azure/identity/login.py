"""Sign-in with a client id and secret: the token endpoints of Microsoft Entra ID and the metadata that MSAL reads.

Sources: "OAuth 2.0 client credentials flow on the Microsoft identity platform" and "OpenID Connect on the Microsoft
identity platform". MSAL follows it once told not to ask the public cloud about unknown authorities (instance discovery
off).
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.azure.call import Call, Operation, Reply
from local.azure.identity.tokens import Authority, Principal

_PATH = re.compile(r"^/(?P<tenant>[^/]+)/(?P<rest>.+)$")
_METADATA = re.compile(r"^(?:v2\.0/)?\.well-known/openid-configuration$")
_TOKEN = re.compile(r"^oauth2/(?:v2\.0/)?token$")
_KEYS = re.compile(r"^discovery/(?:v2\.0/)?keys$")


class Login:
    """One tenant's sign-in, for principals that have a secret."""

    name = "login"

    def __init__(self, authority: Authority, principals: Iterable[tuple[Principal, str]]) -> None:
        self._authority = authority
        self._principals = {principal.client_id: (principal, secret) for principal, secret in principals}

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        found = _PATH.match(call.path)
        if found is None:
            return Operation("Login.unknown", call.path, lambda _: Reply(404))
        if found["tenant"].lower() != self._authority.tenant:
            message = f"AADSTS90002: Tenant '{found['tenant']}' not found."
            return Operation("Login.unknown", call.path, lambda _: _oauth_error(400, "invalid_tenant", message))
        rest, method = found["rest"], call.method
        if method == "GET" and _METADATA.match(rest):
            return Operation("Login.metadata", call.path, self._metadata)
        if method == "GET" and _KEYS.match(rest):
            return Operation("Login.keys", call.path, self._keys)
        if method == "POST" and _TOKEN.match(rest):
            return Operation("Login.token", call.path, self._token)
        return Operation("Login.unknown", call.path, lambda _: Reply(404))

    def _metadata(self, call: Call) -> Reply:
        base = f"{call.origin}/{self._authority.tenant}"
        return Reply(
            body={
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code", "id_token", "token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid"],
            }
        )

    def _keys(self, _call: Call) -> Reply:
        numbers = self._authority.public_key.public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._authority.key_id}
        return Reply(body={"keys": [{**key, "n": _base64url(numbers.n), "e": _base64url(numbers.e)}]})

    def _token(self, call: Call) -> Reply:
        form = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "AADSTS70003: Only client_credentials is supported.")
        known = self._principals.get(form.get("client_id", ""))
        if known is None:
            return _oauth_error(400, "unauthorized_client", "AADSTS700016: The application was not found.")
        principal, secret = known
        if form.get("client_secret") != secret:
            return _oauth_error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        resource = _resource(form)
        if not resource:
            return _oauth_error(400, "invalid_scope", "AADSTS1002012: The scope must be a resource and /.default.")
        call.principal = principal.object_id
        token, _ = self._authority.issue(principal, resource)
        lifetime = self._authority.lifetime_seconds
        return Reply(
            body={
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": token,
            }
        )


def _resource(form: Mapping[str, str]) -> str:
    """What the token is for: a scope of version 2.0 or a resource of version 1.0 of the endpoint."""
    scope = form.get("scope", "").split(" ")[0]
    return scope.removesuffix("/.default") if scope.endswith("/.default") else form.get("resource", "")


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")


def _oauth_error(status: int, code: str, description: str) -> Reply:
    body: dict[str, Any] = {"error": code, "error_description": description}
    return Reply(status, body)
