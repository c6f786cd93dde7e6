"""Azure Resource Manager's front: token, api-version, scope, limits and role of every call, then the provider's answer.

Each refusal has the status and the error envelope ARM gives it. Paths know no case.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from local.azure.arm import errors
from local.azure.arm.route import Route, Where
from local.azure.arm.scopes import Scopes
from local.azure.call import Call, Operation, Refused, Reply
from local.azure.identity.guard import Guard
from local.azure.throttling import TokenBuckets

Act = Callable[[Call], Reply]

_COMMON = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "x-rp-server-mvid": str(uuid.UUID(int=0)),
}


class ResourceManager:
    """ARM with some resource providers' routes behind it."""

    name = "arm"

    def __init__(self, routes: Sequence[Route], scopes: Scopes, guard: Guard, buckets: TokenBuckets) -> None:
        self._routes = (*routes, *scopes.routes())
        self._scopes = scopes
        self._guard = guard
        self._buckets = buckets

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        if call.path.lower() == "/metadata/endpoints":
            return Operation("Metadata.get", call.path, self._scopes.metadata)
        elsewhere = False
        for route in self._routes:
            if found := route.path.match(call.path):
                if route.method == call.method:
                    scope = found["scope"]
                    return Operation(route.operation, scope, self._checked(route, scope, found.groupdict("")))
                elsewhere = True
        refusal = errors.method_not_allowed(call.method) if elsewhere else errors.unknown_path()
        return Operation("ARM.unknown", call.path, self._authenticated(refusal))

    def _authenticated(self, reply: Reply) -> Act:
        def act(call: Call) -> Reply:
            self._guard.authenticate(call)
            return reply

        return act

    def _checked(self, route: Route, scope: str, where: Where) -> Act:
        def act(call: Call) -> Reply:
            claims = self._guard.authenticate(call)
            self._check_version(call, route)
            self._check_scope(where)
            remaining = self._buckets.take(where.get("subscription", ""), claims.object_id, call.method)
            if route.action:
                self._guard.authorize(claims, route.action, scope)
            reply = route.act(call, where)
            return replace(reply, headers={**_COMMON, **_request_ids(), **remaining, **reply.headers})

        return act

    def _check_version(self, call: Call, route: Route) -> None:
        version = call.query.get("api-version")
        if not version:
            raise Refused(errors.api_version_missing())
        if route.versions and version not in route.versions:
            raise Refused(errors.api_version_unknown(version, route.versions))

    def _check_scope(self, where: Where) -> None:
        subscription, group = where.get("subscription", "").lower(), where.get("group", "").lower()
        if subscription and not any(subscription == known for known, _ in self._scopes.groups):
            raise Refused(errors.subscription_not_found(subscription))
        if group and "provider" in where and (subscription, group) not in self._scopes.groups:
            raise Refused(errors.group_not_found(group))


def _request_ids() -> dict[str, str]:
    request = str(uuid.uuid4())
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    routing = f"WESTEUROPE:{stamp}:{request}"
    return {
        "x-ms-request-id": request,
        "x-ms-correlation-request-id": request,
        "x-ms-routing-request-id": routing,
    }
