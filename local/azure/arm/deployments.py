"""Deployments, resource groups' end, and locks: as much of them as `make live` uses.

A template's SignalR resources are made. What else it declares is there already: the vault and the topic are the
emulators' own, named in the outputs. Source: the REST specification of `Microsoft.Resources` 2021-04-01 and of
`Microsoft.Authorization/locks` 2020-05-01.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.azure.arm import errors
from local.azure.arm.route import Route, Where, path
from local.azure.call import Call, Refused, Reply
from local.azure.signalr.service import SignalRService

_GROUP = r"(?P<scope>/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+))"
_DEPLOYMENT = r"/providers/(?P<provider>Microsoft\.Resources)/deployments/(?P<name>[^/]+)"
_SIGNALR = r"/providers/(?P<provider>Microsoft\.SignalRService)/signalR/(?P<name>[^/]+)"
_LOCK = r"/providers/Microsoft\.Authorization/locks/(?P<lock>[^/]+)"
_VAULT = r"(?P<scope>/subscriptions/(?P<subscription>[^/]+))/providers/Microsoft\.KeyVault/locations/[^/]+"
_PARAMETER = re.compile(r"\[parameters\('(\w+)'\)\]")


@dataclass(slots=True)
class Deployments:
    """What was deployed. `outputs` are the addresses that every deployment answers."""

    service: SignalRService
    groups: set[tuple[str, str]]
    outputs: Callable[[], Mapping[str, str]]
    _made: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        deployment, lock = path(_GROUP, _DEPLOYMENT), path(_GROUP, _SIGNALR, _LOCK)
        write = "Microsoft.Resources/deployments/write"
        return (
            Route(deployment, "PUT", "Deployments.create", write, self._deploy),
            Route(deployment, "GET", "Deployments.get", "Microsoft.Resources/deployments/read", self._get),
            Route(
                path(_GROUP),
                "DELETE",
                "ResourceGroups.delete",
                "Microsoft.Resources/subscriptions/resourceGroups/delete",
                self._delete_group,
            ),
            Route(lock, "PUT", "Locks.create", "Microsoft.Authorization/locks/write", self._lock),
            Route(lock, "DELETE", "Locks.delete", "Microsoft.Authorization/locks/delete", self._unlock),
            Route(
                path(_VAULT, r"/deletedVaults/(?P<name>[^/]+)/purge"),
                "POST",
                "Vaults.purge",
                "Microsoft.KeyVault/locations/deletedVaults/purge/action",
                lambda _call, _where: Reply(202),
            ),
        )

    def _deploy(self, call: Call, where: Where) -> Reply:
        properties = call.json()["properties"]
        given = {name: one["value"] for name, one in properties["parameters"].items()}
        for resource in properties["template"]["resources"]:
            if resource["type"].lower() == "microsoft.signalrservice/signalr":
                made = self.service.create(
                    where["subscription"],
                    where["group"],
                    _PARAMETER.sub(lambda found: str(given[found[1]]), resource["name"]),
                    str(given.get("location", "westeurope")),
                    call.principal or "unknown",
                )
                made.tags = dict(resource.get("tags", {}))
        outputs = {name: {"type": "String", "value": value} for name, value in self.outputs().items()}
        shown = {"name": where["name"], "properties": {"provisioningState": "Succeeded", "outputs": outputs}}
        self._made[where["scope"].lower(), where["name"].lower()] = shown
        return Reply(201, {**shown, "properties": {"provisioningState": "Accepted"}})

    def _get(self, _call: Call, where: Where) -> Reply:
        shown = self._made.get((where["scope"].lower(), where["name"].lower()))
        if shown is None:
            raise Refused(errors.resource_not_found(where["group"], where["name"]))
        return Reply(body=shown)

    def _delete_group(self, _call: Call, where: Where) -> Reply:
        known = (where["subscription"].lower(), where["group"].lower())
        if known not in self.groups:
            raise Refused(errors.group_not_found(where["group"]))
        for resource in tuple(self.service.resources.values()):
            if (resource.subscription.lower(), resource.group.lower()) == known:
                self.service.delete(resource)
        self.groups.discard(known)
        return Reply(202)

    def _lock(self, call: Call, where: Where) -> Reply:
        resource = self.service.named(where["name"])
        if resource is None:
            raise Refused(errors.resource_not_found(where["group"], where["name"]))
        resource.locks[where["lock"]] = str(call.json()["properties"]["level"])
        return Reply(201, {"name": where["lock"], "properties": {"level": resource.locks[where["lock"]]}})

    def _unlock(self, _call: Call, where: Where) -> Reply:
        resource = self.service.named(where["name"])
        return Reply(200 if resource is not None and resource.locks.pop(where["lock"], "") else 204)
