"""What stands above resources in ARM: the cloud's own description, tenants, subscriptions, resource groups.

As much of it as a command line needs to sign in and to find its way. The description at `/metadata/endpoints` is what
`az cloud register --endpoint-resource-manager` reads; its shape is that of the public cloud's.
"""

from dataclasses import dataclass
from typing import Any

from local.azure.arm import errors
from local.azure.arm.route import Route, Where, path
from local.azure.call import Call, Refused, Reply

_READ = "Microsoft.Resources/subscriptions/read"
_READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
_WRITE_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/write"


@dataclass(frozen=True, slots=True)
class Scopes:
    """The tenant's subscriptions and groups. `groups` holds pairs of both, in lower case, and grows by PUT."""

    tenant: str
    login_url: str
    vault_url: str
    groups: set[tuple[str, str]]

    def routes(self) -> tuple[Route, ...]:
        """Tenants, subscriptions and resource groups."""
        subscription = r"(?P<scope>/subscriptions/(?P<subscription>[^/]+))"
        group = r"(?P<scope>/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+))"
        return (
            Route(path("(?P<scope>/tenants)"), "GET", "Tenants.list", "", self._tenants),
            Route(path("(?P<scope>/subscriptions)"), "GET", "Subscriptions.list", "", self._subscriptions),
            Route(path(subscription), "GET", "Subscriptions.get", _READ, self._subscription),
            Route(path(subscription, "/resourceGroups"), "GET", "ResourceGroups.list", _READ_GROUP, self._groups),
            Route(path(group), "GET", "ResourceGroups.get", _READ_GROUP, self._group),
            Route(path(group), "PUT", "ResourceGroups.create", _WRITE_GROUP, self._create_group),
        )

    def metadata(self, call: Call) -> Reply:
        """The cloud's description, for anybody who asks."""
        return Reply(
            body={
                "name": "Local",
                "portal": call.origin,
                "authentication": {
                    "loginEndpoint": self.login_url,
                    "audiences": [f"{audience}/" for audience in reversed(errors.AUDIENCES)],
                    "tenant": self.tenant,
                    "identityProvider": "AAD",
                },
                "graphAudience": "https://graph.windows.net/",
                "resourceManager": call.origin,
                # A suffix is all the description has room for: the vault at 127.0.0.1:port is the one named "127".
                "suffixes": {"keyVaultDns": self.vault_url.removeprefix("https://127.")},
            }
        )

    def _tenants(self, _call: Call, _where: Where) -> Reply:
        tenant = {"id": f"/tenants/{self.tenant}", "tenantId": self.tenant, "displayName": "Local"}
        return Reply(body={"value": [tenant]})

    def _subscriptions(self, _call: Call, _where: Where) -> Reply:
        return Reply(body={"value": [self._shown(name) for name in sorted({name for name, _ in self.groups})]})

    def _subscription(self, _call: Call, where: Where) -> Reply:
        return Reply(body=self._shown(where["subscription"].lower()))

    def _shown(self, subscription: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{subscription}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": subscription,
            "tenantId": self.tenant,
            "displayName": "Local",
            "state": "Enabled",
        }

    def _groups(self, _call: Call, where: Where) -> Reply:
        mine = sorted(group for subscription, group in self.groups if subscription == where["subscription"].lower())
        return Reply(body={"value": [_group_shown(where["subscription"], group) for group in mine]})

    def _group(self, _call: Call, where: Where) -> Reply:
        if (where["subscription"].lower(), where["group"].lower()) not in self.groups:
            raise Refused(errors.group_not_found(where["group"]))
        return Reply(body=_group_shown(where["subscription"], where["group"]))

    def _create_group(self, _call: Call, where: Where) -> Reply:
        self.groups.add((where["subscription"].lower(), where["group"].lower()))
        return Reply(201, _group_shown(where["subscription"], where["group"]))


def _group_shown(subscription: str, group: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/{group}",
        "name": group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westeurope",
        "properties": {"provisioningState": "Succeeded"},
    }
