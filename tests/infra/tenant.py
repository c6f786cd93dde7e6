"""A tenant that takes predicted deployments, with the rules by which Azure refuses them. State only: it makes nothing.

Each rule is one an operator met: names of roles and vaults are unique, a deleted vault keeps its name, one right is one
assignment, a role that is assigned is neither deleted nor taken out of its scope.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.infra.compiler import Predicted, Refused


@dataclass
class Tenant:
    """All subscriptions of one directory."""

    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    assignments: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    deleted_vaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    identities: int = 0

    def deploy(self, deployment: Predicted) -> dict[str, str]:
        """Take a deployment, or raise `Refused` as Azure would. Returns what azd would keep of its outputs."""
        group = deployment.one("Microsoft.Resources/resourceGroups")
        principal = self._principal(group["id"].lower())
        for vault in deployment.of("Microsoft.KeyVault/vaults"):
            self._vault(vault)
        for role in deployment.of("Microsoft.Authorization/roleDefinitions"):
            self._role(role)
        for given in deployment.of("Microsoft.Authorization/roleAssignments"):
            self._assign(given, principal)
        self.groups[group["id"].lower()] = [
            group,
            *deployment.of("Microsoft.KeyVault/vaults"),
            {"principal": principal},
        ]
        outputs = {name: value for name, value in deployment.outputs.items() if not value.startswith("[")}
        return outputs | {"IDENTITY_PRINCIPAL_ID": principal}

    def delete_group(self, id_: str) -> None:
        """What was given within the group goes, what its identity has elsewhere stays, its vault is soft-deleted."""
        for resource in self.groups.pop(id_.lower()):
            if resource.get("type") == "Microsoft.KeyVault/vaults":
                self.deleted_vaults[resource["name"]] = resource
        self.assignments = {
            name: given for name, given in self.assignments.items() if not given["scope"].startswith(f"{id_.lower()}/")
        }

    def delete_assignment(self, id_: str) -> None:
        """Take one right away."""
        del self.assignments[id_]

    def delete_role(self, name: str) -> None:
        """Delete a custom role. Raises `Refused` while it is assigned."""
        if any(given["role"].endswith(name) for given in self.assignments.values()):
            raise Refused("RoleDefinitionHasAssignments")
        self.roles = {id_: role for id_, role in self.roles.items() if not id_.endswith(name)}

    def _principal(self, group: str) -> str:
        """The identity of a group that is there is kept; a new group has a new one."""
        if group in self.groups:
            return str(self.groups[group][-1]["principal"])
        self.identities += 1
        return f"{self.identities:08}-0000-0000-0000-000000000000"

    def _vault(self, vault: dict[str, Any]) -> None:
        recover = vault["properties"]["createMode"] == "recover"
        deleted = vault["name"] in self.deleted_vaults
        if deleted and not recover:
            raise Refused("A vault with the same name already exists in deleted state.")
        if recover and not deleted:
            raise Refused("There is no deleted vault to recover.")
        self.deleted_vaults.pop(vault["name"], None)

    def _role(self, role: dict[str, Any]) -> None:
        properties = role["properties"]
        if any(other["roleName"] == properties["roleName"] and id_ != role["id"] for id_, other in self.roles.items()):
            raise Refused("RoleDefinitionWithSameNameExists")
        before = self.roles.get(role["id"], {"assignableScopes": []})
        for scope in {*before["assignableScopes"]} - {*properties["assignableScopes"]}:
            if any(g["role"] == role["id"] and g["scope"].startswith(scope) for g in self.assignments.values()):
                raise Refused("RoleScopeBeingRemovedContainsAssignments")
        self.roles[role["id"]] = properties

    def _assign(self, given: dict[str, Any], principal: str) -> None:
        # The principal is known to Azure only: in the text of a name it stands as a reference to the identity.
        id_ = re.sub(r"reference\('[^']+', '[^']+'\)\.principalId", principal, given["id"])
        scope = re.findall(r"'(/[^']+)'|'([0-9a-f-]{36})'|^(/.+)/providers/Microsoft.Authorization", id_)[0]
        whole = (scope[0] or scope[2] or f"/subscriptions/{scope[1]}").lower()
        if found := re.match(r"\[resourceId\('([^']+)', '([^']+)'", id_):
            whole = f"/subscriptions/{found[1]}/resourcegroups/{found[2]}".lower()
        right = {"scope": whole, "role": given["properties"]["roleDefinitionId"], "principal": principal}
        reader = given["properties"]["principalId"]
        right |= {} if reader.startswith("[") else {"principal": reader}
        if any(right == other and name != id_ for name, other in self.assignments.items()):
            raise Refused("RoleAssignmentExists")
        self.assignments[id_] = right
