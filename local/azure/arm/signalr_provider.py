"""The resource provider `Microsoft.SignalRService/signalR`, as far as keys are concerned.

Paths, bodies and headers follow the REST specification of api-version 2023-02-01 and the sessions that Azure's own
clients recorded; `tests/recorded/test_emulator.py` holds it to those.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.azure.arm import errors
from local.azure.arm.polling import OLDEST, Polling
from local.azure.arm.resource import changed, shown
from local.azure.arm.route import Route, Where, path
from local.azure.call import Call, Refused, Reply, error
from local.azure.identity.roles import SIGNALR
from local.azure.signalr.access_keys import connection_string
from local.azure.signalr.resource import KEY_TYPES, KeyType, ProvisioningState, SignalR
from local.azure.signalr.service import NotActiveError, SignalRService

API_VERSIONS = (
    OLDEST,
    "2018-10-01",
    "2020-05-01",
    "2021-04-01-preview",
    "2021-06-01-preview",
    "2021-10-01",
    "2022-02-01",
    "2023-02-01",
    "2023-03-01-preview",
    "2023-06-01-preview",
    "2023-08-01-preview",
    "2024-01-01-preview",
    "2024-03-01",
    "2024-04-01-preview",
    "2024-08-01-preview",
    "2024-10-01-preview",
)

PAGE_SIZE = 100

_SUBSCRIPTION = r"(?P<scope>/subscriptions/(?P<subscription>[^/]+))"
_GROUP = r"(?P<scope>/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+))"
_PROVIDER = r"/providers/(?P<provider>Microsoft\.SignalRService)"
_ONE = f"(?P<scope>{_GROUP.replace('(?P<scope>', '(?:')}{_PROVIDER}/signalR/(?P<name>[^/]+))"
_POLL_ONE = "/(?P<kind>KIND)/(?P<id>[^/]+)"
_POLL = f"{_PROVIDER}/locations/(?P<location>[^/]+)/(?P<kind>KIND)/(?P<id>[^/]+)/SignalR/(?P<name>[^/]+)"


class SignalRProvider:
    """What ARM can be asked about SignalR resources."""

    def __init__(self, service: SignalRService, endpoint: Callable[[SignalR], str]) -> None:
        self.page_size = PAGE_SIZE
        self._service = service
        self._endpoint = endpoint
        self._polling = Polling(service)

    def routes(self) -> tuple[Route, ...]:
        """All of them."""

        def route(where: str, method: str, operation: str, action: str, act: Callable[[Call, Where], Reply]) -> Route:
            return Route(path(where), method, f"SignalR.{operation}", f"{SIGNALR}/{action}", act, API_VERSIONS)

        polls = tuple(
            route(where.replace("KIND", kind), "GET", operation, f"{place}{kind}{of}/read", act)
            for where, place, of in ((_GROUP + _POLL, "locations/", "/signalR"), (_ONE + _POLL_ONE, "SignalR/", ""))
            for kind, operation, act in (
                ("operationStatuses", "operationStatus", self._status),
                ("operationResults", "operationResult", self._result),
            )
        )
        return (
            route(_ONE, "GET", "get", "SignalR/read", self._get),
            *polls,
            route(_ONE + "/listKeys", "POST", "listKeys", "SignalR/listkeys/action", self._list_keys),
            route(_ONE + "/regenerateKey", "POST", "regenerateKey", "SignalR/regeneratekey/action", self._regenerate),
            route(_SUBSCRIPTION + _PROVIDER + "/signalR", "GET", "list", "SignalR/read", self._list),
            route(_GROUP + _PROVIDER + "/signalR", "GET", "list", "SignalR/read", self._list),
            route(_ONE, "PUT", "create", "SignalR/write", self._create),
            route(_ONE, "PATCH", "update", "SignalR/write", self._update),
            route(_ONE, "DELETE", "delete", "SignalR/delete", self._delete),
        )

    def _found(self, where: Where) -> SignalR:
        resource = self._service.named(where["name"])
        scope = (where["subscription"].lower(), where["group"].lower())
        if resource is None or (resource.subscription.lower(), resource.group.lower()) != scope:
            raise Refused(errors.resource_not_found(where["group"], where["name"]))
        return resource

    def _get(self, _call: Call, where: Where) -> Reply:
        return Reply(body=shown(self._found(where)))

    def _list(self, call: Call, where: Where) -> Reply:
        subscription, group = where["subscription"].lower(), where.get("group", "").lower()
        mine = [
            one
            for one in self._service.resources.values()
            if one.subscription.lower() == subscription and group in ("", one.group.lower())
        ]
        skipped = call.query.get("$skipToken", "0")
        if not skipped.isdecimal():
            return error(400, "InvalidSkipToken", "The $skipToken is not one that a page before named.")
        start = int(skipped)
        page: dict[str, Any] = {"value": [shown(one) for one in mine[start : start + self.page_size]]}
        if start + self.page_size < len(mine):
            query = f"api-version={call.query['api-version']}&$skipToken={start + self.page_size}"
            page["nextLink"] = f"{call.origin}{call.path}?{query}"
        return Reply(body=page)

    def _create(self, call: Call, where: Where) -> Reply:
        content = _object(call)
        if self._service.named(where["name"]) is not None:
            existing = self._owned(where)
            changed(existing, content, self._service.now())
            headers = self._provision(call, existing, "Updating")
            return Reply(200, shown(existing), headers)
        location = str(content.get("location", "")).replace(" ", "").lower()
        if not location:
            return error(400, "LocationRequired", "The location property is required for this definition.")
        made = self._service.create(
            where["subscription"], where["group"], where["name"], location, call.principal or "unknown"
        )
        changed(made, content, self._service.now())
        headers = self._provision(call, made, "Creating")
        return Reply(201, shown(made), headers)

    def _update(self, call: Call, where: Where) -> Reply:
        resource = self._unlocked(where)
        changed(resource, _object(call), self._service.now())
        return Reply(202, headers=self._provision(call, resource, "Updating"))

    def _delete(self, call: Call, where: Where) -> Reply:
        if self._service.named(where["name"]) is None:
            return Reply(204)
        return Reply(202, headers=self._provision(call, self._found(where), "Deleting"))

    def _provision(self, call: Call, resource: SignalR, state: ProvisioningState) -> dict[str, str]:
        return self._polling.headers(call, resource, self._service.provision(resource, state))

    def _owned(self, where: Where) -> SignalR:
        """The resource of that name, which somebody else may have: names are unique in the world."""
        try:
            return self._found(where)
        except Refused as elsewhere:
            name = where["name"]
            raise Refused(error(409, "NameAlreadyExists", f"The name '{name}' is already taken.")) from elsewhere

    def _list_keys(self, _call: Call, where: Where) -> Reply:
        # Also where local auth is disabled, as it was recorded.
        return Reply(body=self._keys(self._unlocked(where), {}))

    def _unlocked(self, where: Where) -> SignalR:
        """The resource, for a POST or PATCH: a read-only lock forbids both, and so the reading of keys."""
        resource = self._found(where)
        if "ReadOnly" in resource.locks.values():
            raise Refused(errors.scope_locked(resource.id))
        return resource

    def _keys(self, resource: SignalR, instead: Mapping[KeyType, str]) -> dict[str, str]:
        keys = {**resource.keys, **instead}
        endpoint = self._endpoint(resource)
        return {
            "primaryKey": keys["Primary"],
            "secondaryKey": keys["Secondary"],
            "primaryConnectionString": connection_string(endpoint, keys["Primary"]),
            "secondaryConnectionString": connection_string(endpoint, keys["Secondary"]),
        }

    def _regenerate(self, call: Call, where: Where) -> Reply:
        resource = self._unlocked(where)
        wanted = str(_object(call).get("keyType", ""))
        key_type = KEY_TYPES.get(wanted.lower())
        if key_type is None:
            return error(400, "InvalidKeyType", f"The key type '{wanted}' is not one of Primary, Secondary, Salt.")
        try:
            regeneration = self._service.regenerate(resource, key_type, call.principal or "unknown")
        except NotActiveError:
            return error(409, "Conflict", "Service must be active state")
        headers = self._polling.headers(call, resource, regeneration)
        status = 201 if call.query["api-version"] == OLDEST else resource.variant.accepted_status
        if resource.variant.body == "empty":
            return Reply(status, headers=headers)
        if resource.variant.body == "empty-object":
            return Reply(status, {}, headers)
        # The answer shows the new key, although nobody can use it yet.
        told: dict[KeyType, str] = {} if key_type == "Salt" else {key_type: regeneration.key}
        return Reply(status, self._keys(resource, told), headers)

    def _status(self, call: Call, where: Where) -> Reply:
        return self._polling.status(call, where["id"])

    def _result(self, call: Call, where: Where) -> Reply:
        return self._polling.result(call, where["id"])


def _object(call: Call) -> dict[str, Any]:
    try:
        content = call.json()
    except ValueError as unreadable:
        raise Refused(errors.bad_content("the body is not JSON.")) from unreadable
    if not isinstance(content, dict):
        raise Refused(errors.bad_content("a JSON object is expected."))
    return content
