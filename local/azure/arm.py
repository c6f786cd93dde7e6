"""Azure Resource Manager in front of `Microsoft.SignalRService/signalR`.

Paths, bodies and headers follow the REST specification of api-version 2023-02-01 and the recorded sessions in the test
suites of the Azure CLI and Azure PowerShell. Paths know no case.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.azure import arm_errors
from local.azure.access_keys import connection_string
from local.azure.arm_polling import Polling
from local.azure.arm_resource import changed, shown
from local.azure.call import Call, Operation, Refused, Reply, error
from local.azure.guard import Guard
from local.azure.roles import SIGNALR
from local.azure.signalr import KEY_TYPES, KeyType, NotActiveError, SignalR, SignalRService

API_VERSIONS = (
    "2018-10-01",
    "2020-05-01",
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

_PROVIDER = r"/providers/Microsoft\.SignalRService"
_SCOPE = r"^/subscriptions/(?P<subscription>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?" + _PROVIDER
_LIST = re.compile(_SCOPE + r"/signalR/?$", re.IGNORECASE)
_ONE = re.compile(_SCOPE + r"/signalR/(?P<name>[^/]+)(?:/(?P<action>listKeys|regenerateKey))?$", re.IGNORECASE)
_POLL = re.compile(
    _SCOPE + r"/locations/(?P<location>[^/]+)/(?P<kind>operationStatuses|operationResults)/(?P<id>[^/]+)"
    r"/SignalR/(?P<name>[^/]+)$",
    re.IGNORECASE,
)

Where = Mapping[str, str]
Act = Callable[[Call, Where], Reply]


class ResourceManager:
    """ARM. Every call is checked for a token, an api-version, an existing scope and a role, in this order."""

    name = "arm"

    def __init__(
        self, service: SignalRService, guard: Guard, endpoint: Callable[[SignalR], str], groups: set[tuple[str, str]]
    ) -> None:
        self.page_size = 100
        self._service = service
        self._guard = guard
        self._endpoint = endpoint
        self._groups = groups
        self._polling = Polling(service)
        self._one: Mapping[tuple[str, str], tuple[str, str, Act]] = {
            ("", "GET"): ("SignalR.get", "SignalR/read", self._get),
            ("", "PUT"): ("SignalR.create", "SignalR/write", self._create),
            ("", "PATCH"): ("SignalR.update", "SignalR/write", self._update),
            ("", "DELETE"): ("SignalR.delete", "SignalR/delete", self._delete),
            ("listkeys", "POST"): ("SignalR.listKeys", "SignalR/listkeys/action", self._list_keys),
            ("regeneratekey", "POST"): ("SignalR.regenerateKey", "SignalR/regeneratekey/action", self._regenerate),
        }

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        path = call.path
        if (one := _ONE.match(path)) and one["group"]:
            found = self._one.get(((one["action"] or "").lower(), call.method))
            if found is None:
                return Operation("SignalR.unknown", path, lambda _: arm_errors.method_not_allowed(call.method))
            name, action, act = found
            return self._operation(name, action, path.removesuffix(f"/{one['action']}"), one.groupdict(""), act)
        if (listed := _LIST.match(path)) and call.method == "GET":
            scope = path.partition("/providers/")[0]
            return self._operation("SignalR.list", "SignalR/read", scope, listed.groupdict(""), self._list)
        if (poll := _POLL.match(path)) and call.method == "GET":
            status = poll["kind"].lower() == "operationstatuses"
            name = "SignalR.operationStatus" if status else "SignalR.operationResult"
            action = f"locations/{'operationStatuses' if status else 'operationResults'}/signalR/read"
            return self._operation(name, action, path, poll.groupdict(""), self._poll)
        return Operation("SignalR.unknown", path, self._unknown)

    def _operation(self, name: str, action: str, scope: str, where: Where, act: Act) -> Operation:
        def checked(call: Call) -> Reply:
            claims = self._guard.authenticate(call)
            self._check(call, where)
            self._guard.authorize(claims, f"{SIGNALR}/{action}", scope)
            return act(call, where)

        return Operation(name, scope, checked)

    def _check(self, call: Call, where: Where) -> None:
        version = call.query.get("api-version")
        if not version:
            raise Refused(arm_errors.api_version_missing())
        if version not in API_VERSIONS:
            raise Refused(arm_errors.api_version_unknown(version, API_VERSIONS))
        subscription, group = where["subscription"], where["group"]
        if not any(subscription.lower() == known for known, _ in self._groups):
            raise Refused(arm_errors.subscription_not_found(subscription))
        if group and (subscription.lower(), group.lower()) not in self._groups:
            raise Refused(arm_errors.group_not_found(group))

    def _unknown(self, call: Call) -> Reply:
        self._guard.authenticate(call)
        return arm_errors.unknown_path()

    def _found(self, where: Where) -> SignalR:
        resource = self._service.named(where["name"])
        scope = (where["subscription"].lower(), where["group"].lower())
        if resource is None or (resource.subscription.lower(), resource.group.lower()) != scope:
            raise Refused(arm_errors.resource_not_found(where["group"], where["name"]))
        return resource

    def _get(self, _call: Call, where: Where) -> Reply:
        return Reply(body=shown(self._found(where)))

    def _list(self, call: Call, where: Where) -> Reply:
        scope = (where["subscription"].lower(), where["group"].lower())
        mine = [
            one
            for one in self._service.resources.values()
            if one.subscription.lower() == scope[0] and scope[1] in ("", one.group.lower())
        ]
        start = int(call.query.get("$skipToken", "0"))
        page: dict[str, Any] = {"value": [shown(one) for one in mine[start : start + self.page_size]]}
        if start + self.page_size < len(mine):
            query = f"api-version={call.query['api-version']}&$skipToken={start + self.page_size}"
            page["nextLink"] = f"{call.origin}{call.path}?{query}"
        return Reply(body=page)

    def _create(self, call: Call, where: Where) -> Reply:
        content = _object(call)
        existing = self._service.named(where["name"])
        if existing is not None:
            changed(self._found(where), content, self._service.now())
            return Reply(body=shown(existing))
        location = str(content.get("location", "")).replace(" ", "").lower()
        if not location:
            return error(400, "LocationRequired", "The location property is required for this definition.")
        made = self._service.create(
            where["subscription"], where["group"], where["name"], location, call.principal or "unknown"
        )
        changed(made, content, self._service.now())
        return Reply(201, shown(made))

    def _update(self, call: Call, where: Where) -> Reply:
        resource = self._found(where)
        changed(resource, _object(call), self._service.now())
        return Reply(body=shown(resource))

    def _delete(self, _call: Call, where: Where) -> Reply:
        resource = self._service.named(where["name"])
        if resource is None:
            return Reply(204)
        self._service.delete(self._found(where))
        return Reply(200)

    def _list_keys(self, _call: Call, where: Where) -> Reply:
        return Reply(body=self._keys(self._found(where), {}))

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
        resource = self._found(where)
        wanted = str(_object(call).get("keyType", ""))
        key_type = KEY_TYPES.get(wanted.lower())
        if key_type is None:
            return error(400, "InvalidKeyType", f"The key type '{wanted}' is not one of Primary, Secondary, Salt.")
        try:
            regeneration = self._service.regenerate(resource, key_type, call.principal or "unknown")
        except NotActiveError:
            return error(409, "Conflict", "Service must be active state")
        headers = self._polling.headers(call, resource, regeneration)
        status = resource.variant.accepted_status
        if resource.variant.body == "empty":
            return Reply(status, headers=headers)
        if resource.variant.body == "empty-object":
            return Reply(status, {}, headers)
        # The answer shows the new key, although nobody can use it yet.
        told: dict[KeyType, str] = {} if key_type == "Salt" else {key_type: regeneration.key}
        return Reply(status, self._keys(resource, told), headers)

    def _poll(self, call: Call, where: Where) -> Reply:
        return self._polling.answer(call, where["id"], status=where["kind"].lower() == "operationstatuses")


def _object(call: Call) -> dict[str, Any]:
    try:
        content = call.json()
    except ValueError as unreadable:
        raise Refused(arm_errors.bad_content("the body is not JSON.")) from unreadable
    if not isinstance(content, dict):
        raise Refused(arm_errors.bad_content("a JSON object is expected."))
    return content
