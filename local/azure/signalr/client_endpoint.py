"""Where the clients of a SignalR resource negotiate and connect.

Sources: "Transport Protocols" of dotnet/aspnetcore's SignalR, and the client tokens of Microsoft.Azure.SignalR, whose
audience is `{endpoint}/client/?hub={hub}`. The token is looked at when a client negotiates, connects or posts, and not
again (Azure/azure-signalr issue 274). Any other call is left to the data plane.
"""

import re
from typing import TYPE_CHECKING

import jwt
from aiohttp import web

from local.azure.call import Call, Operation, Reply, Service
from local.azure.clock import Clock
from local.azure.identity.tokens import bearer
from local.azure.signalr.connections import Connection
from local.azure.signalr.data_plane import is_of_the_future
from local.azure.signalr.resource import SignalR
from local.azure.signalr.service import SignalRService

if TYPE_CHECKING:
    from jwt.types import Options

_PATH = re.compile(r"^/(?P<name>[^/]+)/client/(?P<negotiate>negotiate/?)?$")
_TRANSPORTS = [
    {"transport": "WebSockets", "transferFormats": ["Text", "Binary"]},
    {"transport": "ServerSentEvents", "transferFormats": ["Text"]},
]
_EVENTS = "text/event-stream"
# Time is the emulators' own; the audience is compared below, with what the service takes for equal.
_SIGNATURE_ONLY: "Options" = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


class ClientEndpoint:
    """The clients of all resources; any other call is the data plane's."""

    name = "signalr"

    def __init__(self, data_plane: Service, service: SignalRService, clock: Clock) -> None:
        self._data_plane = data_plane
        self._service = service
        self._clock = clock

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        found = _PATH.match(call.path)
        resource = self._service.named(found["name"]) if found else None
        match call.method, found and found["negotiate"]:
            case _ if resource is None or found is None:
                return self._data_plane.match(call)
            case "POST", str():
                name, act = "Client.negotiate", self._negotiate
            case "POST", None:
                name, act = "Client.post", self._post
            case "GET", None:
                name, act = "Client.connect", self._connect
            case _:
                return self._data_plane.match(call)
        return Operation(name, resource.id, lambda call: self._let_in(call, resource) or act(call, resource))

    def _let_in(self, call: Call, resource: SignalR) -> Reply | None:
        if not self._accepts(call, resource):
            return Reply(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        call.principal = "client"
        return None

    def _negotiate(self, call: Call, resource: SignalR) -> Reply:
        del call, resource  # whoever is let in gets an id
        identity = self._service.new_id()
        return Reply(200, {"negotiateVersion": 0, "connectionId": identity, "availableTransports": _TRANSPORTS})

    def _connect(self, call: Call, resource: SignalR) -> Reply:
        upgrade = call.headers.get("Upgrade", "").lower() == "websocket"
        if not upgrade and call.headers.get("Accept") != _EVENTS:
            return Reply(400)
        made = Connection(call.query.get("id") or self._service.new_id(), call.query.get("hub", "").lower())
        resource.connections[made.id] = made
        serve = made.websocket if upgrade else made.events

        async def held(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await serve(request)
            finally:
                resource.connections.pop(made.id, None)

        return Reply(101 if upgrade else 200, held=held)

    def _post(self, call: Call, resource: SignalR) -> Reply:
        known = resource.connections.get(call.query.get("id", ""))
        if known is None:
            return Reply(404)
        if b'"protocol"' in call.body:
            known.shake()
        return Reply(200)

    def _accepts(self, call: Call, resource: SignalR) -> bool:
        token = bearer(call.headers.get("Authorization"))
        if token is None and call.method == "GET":
            token = call.query.get("access_token")  # a browser's WebSocket and EventSource send no header
        if token is None or resource.disable_local_auth:
            return False
        for key in resource.accepted.values():
            try:
                claims = jwt.decode(token, key, algorithms=["HS256"], options=_SIGNATURE_ONLY)
            except jwt.InvalidTokenError:
                continue
            address = call.origin + re.sub(r"negotiate/?$", "", call.path)
            audience, expires = str(claims.get("aud", "")), claims.get("exp", 0)
            return audience.lower() == f"{address}?hub={call.query.get('hub', '')}".lower() and bool(
                isinstance(expires, int | float)
                and expires > self._clock.expiry_seconds()
                and not is_of_the_future(claims, self._clock)
            )
        return False
