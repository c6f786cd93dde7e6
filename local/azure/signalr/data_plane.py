"""SignalR Service's own REST API, as far as it takes to see whether a key is accepted.

Source: "Azure SignalR Service data plane REST API reference", Microsoft Learn: the token's audience is the URL called,
without its query; Microsoft's own SDK signs with the query, and the service takes both. Each resource has its endpoint
at a path of its own here, where Azure gives it a host name.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import jwt

from local.azure.call import Call, Operation, Reply
from local.azure.clock import Clock
from local.azure.identity.tokens import bearer
from local.azure.signalr.resource import SignalR
from local.azure.signalr.service import SignalRService

if TYPE_CHECKING:
    from jwt.types import Options

_PATH = re.compile(r"^/(?P<name>[^/]+)/api(?P<rest>/.*)$")
_HUB = re.compile(r"^(?:/v1)?/hubs/(?P<hub>[^/]+)(?P<rest>/.*)?$")
_ONE = re.compile(r"^/(users|connections|groups)/[^/]+$")
_NAMES = {"users": "User", "connections": "Connection", "groups": "Group"}
_SENDS = re.compile(r"^(?:/:send|/(?:users|connections|groups)/[^/]+/:send)?$")

_SIGNATURE_ONLY: "Options" = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}
_OPERATIONS: Mapping[str, str] = {"HEAD": "DataPlane.exists", "GET": "DataPlane.exists", "POST": "DataPlane.send"}


class DataPlane:
    """All resources' endpoints behind one port."""

    name = "signalr"

    def __init__(self, service: SignalRService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        found = _PATH.match(call.path)
        resource = self._service.named(found["name"]) if found else None
        if found is None or resource is None:
            return Operation("DataPlane.unknown", call.path, lambda _: Reply(404))
        if found["rest"] == "/health":
            # Healthy is the endpoint, whatever key the caller holds.
            return Operation("DataPlane.health", resource.id, lambda _: Reply(200))
        name = _OPERATIONS.get(call.method, "DataPlane.other")
        return Operation(name, resource.id, lambda call: self._answer(call, resource, found["rest"]))

    def _answer(self, call: Call, resource: SignalR, rest: str) -> Reply:
        refusal = self._refusal(call, resource)
        if refusal is not None:
            challenge = f'Bearer error="invalid_token", error_description="{refusal}"'
            return Reply(401, headers={"WWW-Authenticate": challenge})
        hub = _HUB.match(rest)
        sends = hub is not None and call.method == "POST" and _SENDS.match(hub["rest"] or "")
        if sends:
            return Reply(202)
        # Nobody is ever connected here: whoever asks for a user, a group or a connection is told there is none.
        asked = _ONE.match(hub["rest"] or "") if hub else None
        return Reply(404, headers={"x-ms-error-code": f"Warning.{_NAMES[asked[1]]}.NotExisted"} if asked else {})

    def _refusal(self, call: Call, resource: SignalR) -> str | None:
        token = bearer(call.headers.get("Authorization"))
        if token is None:
            return "The token is missing"
        if resource.disable_local_auth:
            return "Local auth is disabled"
        claims = _signed_with(token, resource.live.values())
        if claims is None:
            return "The signature key was not found"
        audience = str(claims.get("aud", "")).partition("?")[0].rstrip("/")
        if audience.lower() != f"{call.origin}{call.path}".rstrip("/").lower():
            return "The audience is invalid"
        if not isinstance(expires := claims.get("exp"), int | float) or expires <= self._clock.expiry_seconds():
            return "The token expired"
        call.principal = "access key"
        return None


def _signed_with(token: str, keys: Iterable[str]) -> dict[str, object] | None:
    for key in keys:
        try:
            # The signature only: time is the emulators' own.
            return jwt.decode(token, key, algorithms=["HS256"], options=_SIGNATURE_ONLY)
        except jwt.InvalidTokenError:
            continue
    return None
