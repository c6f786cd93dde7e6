"""SignalR Service's own REST API, as far as it takes to see whether a key is accepted, and what closed connections.

Source: "Azure SignalR Service data plane REST API reference", Microsoft Learn: the token's audience is the URL called,
without its query; Microsoft's own SDK signed with the query for years, and the service takes both. Clock skew and lists
of audiences are as in ASP.NET Core's defaults and in the emulator of Azure Web PubSub. Each resource has its endpoint
at a path of its own here, where Azure gives it a host name.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jwt
from multidict import MultiMapping

from local.azure.call import Call, Operation, Reply
from local.azure.clock import Clock
from local.azure.identity.tokens import bearer
from local.azure.signalr.resource import Closing, KeyType, SignalR
from local.azure.signalr.rest_routes import HUB, RestRoute, found, known_methods
from local.azure.signalr.service import SignalRService

if TYPE_CHECKING:
    from jwt.types import Options

SKEW_SECONDS = 300
"""How long after its end a token is still taken, and how long before its beginning already."""

_PATH = re.compile(r"^/(?P<name>[^/]+)/api(?P<rest>/.*)$")
_SIGNATURE_ONLY: "Options" = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


class DataPlane:
    """All resources' endpoints behind one port."""

    name = "signalr"

    def __init__(self, service: SignalRService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        path = _PATH.match(call.path)
        resource = self._service.named(path["name"]) if path else None
        if path is None or resource is None:
            return Operation("DataPlane.unknown", call.path, lambda _: Reply(404))
        rest = path["rest"]
        if rest in ("/health", "/v1/health"):
            # Healthy is the endpoint, whatever key the caller holds.
            return Operation("DataPlane.health", resource.id, lambda _: Reply(200))
        matched = found(call.method, rest)
        if matched is None:
            # Routing comes before authentication: nothing is said about the key.
            methods = known_methods(rest)
            refusal = Reply(405, headers={"Allow": ", ".join(methods)}) if methods else Reply(404)
            return Operation("DataPlane.other", resource.id, lambda _: refusal)
        route, names = matched
        return Operation(route.operation, resource.id, lambda call: self._answer(call, resource, route, names))

    def _answer(self, call: Call, resource: SignalR, route: RestRoute, names: Mapping[str, str]) -> Reply:
        token = bearer(call.headers.get("Authorization"))
        if token is None:
            return Reply(401, headers={"WWW-Authenticate": "Bearer"})
        slot, refusal = self._let_in(call, resource, token)
        if slot is None:
            challenge = f'Bearer error="invalid_token", error_description="{refusal}"'
            return Reply(401, headers={"WWW-Authenticate": challenge})
        call.principal = "access key"
        if not HUB.fullmatch(names["hub"]):
            return Reply(400, _problem("hub", names["hub"]))
        if route.closes:
            target = "" if route.closes == "hub" else names[route.closes]
            excluded = tuple(call.query.getall("excluded", [])) if isinstance(call.query, MultiMapping) else ()
            reason = call.query.get("reason", "")
            resource.close(
                Closing(names["hub"].lower(), route.closes, target, reason, excluded, slot, self._clock.now())
            )
        return Reply(route.status, headers={"x-ms-error-code": route.error_code} if route.error_code else {})

    def _let_in(self, call: Call, resource: SignalR, token: str) -> tuple[KeyType | None, str]:
        """The slot whose key signed, or why not."""
        if resource.disable_local_auth:
            return None, "Local auth is disabled"
        slot, claims = _signed_with(token, resource.accepted)
        if slot is None:
            return None, "The signature key was not found"
        told = claims.get("aud", "")
        audiences = told if isinstance(told, list) else [told]
        address = f"{call.origin}{call.path}".rstrip("/").lower()
        # How the service compares an address with characters that a URL must encode is not public: either is taken.
        if address not in {unquote(str(one).partition("?")[0]).rstrip("/").lower() for one in audiences}:
            return None, "The audience is invalid"
        untimely = _untimely(claims, self._clock)
        return (None, untimely) if untimely else (slot, "")


def _untimely(claims: Mapping[str, Any], clock: Clock) -> str:
    """What is wrong with a token's beginning or end; empty if nothing is."""
    try:
        expires = float(claims.get("exp", ""))
    except (TypeError, ValueError):
        return "The token has no expiration"
    if expires + SKEW_SECONDS <= clock.expiry_seconds():
        return "The token expired"
    return "The token is not yet valid" if is_of_the_future(claims, clock) else ""


def is_of_the_future(claims: Mapping[str, Any], clock: Clock) -> bool:
    """Whether a token is not valid yet (`nbf`): as the lifetime validation of ASP.NET Core's JwtBearer sees it."""
    try:
        begins = float(claims.get("nbf", 0))
    except (TypeError, ValueError):
        return True
    return begins > clock.latest_seconds() + SKEW_SECONDS


def _signed_with(token: str, keys: Mapping[KeyType, str]) -> tuple[KeyType | None, dict[str, Any]]:
    for slot, key in keys.items():
        try:
            # The signature only: time is the emulators' own.
            return slot, jwt.decode(token, key, algorithms=["HS256"], options=_SIGNATURE_ONLY)
        except jwt.InvalidTokenError:
            continue
    return None, {}


def _problem(name: str, value: str) -> dict[str, object]:
    return {
        "title": "One or more validation errors occurred.",
        "status": 400,
        "errors": {name: [f"The value '{value}' is not a valid {name} name."]},
    }
