"""Where the clients of a SignalR resource negotiate: as far as it takes to see whether a client token is accepted.

Sources: "Transport Protocols" of dotnet/aspnetcore's SignalR, and the client tokens of Microsoft.Azure.SignalR, whose
audience is `{endpoint}/client/?hub={hub}`. The WebSocket that the answer offers is not served. Any other call is left
to the data plane.
"""

import re
from typing import TYPE_CHECKING

import jwt

from local.azure.call import Call, Operation, Reply, Service
from local.azure.clock import Clock
from local.azure.identity.tokens import bearer
from local.azure.signalr.resource import SignalR
from local.azure.signalr.service import SignalRService

if TYPE_CHECKING:
    from jwt.types import Options

_PATH = re.compile(r"^/(?P<name>[^/]+)/client/negotiate/?$")
_TRANSPORTS = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]
# Time is the emulators' own; the audience is compared below, with what the service takes for equal.
_SIGNATURE_ONLY: "Options" = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


class ClientEndpoint:
    """Client negotiation of all resources; any other call is the data plane's."""

    name = "signalr"

    def __init__(self, data_plane: Service, service: SignalRService, clock: Clock) -> None:
        self._data_plane = data_plane
        self._service = service
        self._clock = clock

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        found = _PATH.match(call.path)
        resource = self._service.named(found["name"]) if found and call.method == "POST" else None
        if resource is None:
            return self._data_plane.match(call)
        return Operation("Client.negotiate", resource.id, lambda call: self._negotiate(call, resource))

    def _negotiate(self, call: Call, resource: SignalR) -> Reply:
        if not self._accepts(call, resource):
            return Reply(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        call.principal = "client"
        identity = self._service.new_id()
        return Reply(200, {"negotiateVersion": 0, "connectionId": identity, "availableTransports": _TRANSPORTS})

    def _accepts(self, call: Call, resource: SignalR) -> bool:
        token = bearer(call.headers.get("Authorization"))
        if token is None or resource.disable_local_auth:
            return False
        for key in resource.accepted.values():
            try:
                claims = jwt.decode(token, key, algorithms=["HS256"], options=_SIGNATURE_ONLY)
            except jwt.InvalidTokenError:
                continue
            address = f"{call.origin}{call.path}".removesuffix("/").removesuffix("negotiate")
            audience, expires = str(claims.get("aud", "")), claims.get("exp", 0)
            return audience.lower() == f"{address}?hub={call.query.get('hub', '')}".lower() and bool(
                isinstance(expires, int | float) and expires > self._clock.expiry_seconds()
            )
        return False
