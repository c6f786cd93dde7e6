"""Install, upgrade, narrow, remove, install again: predicted deployments against a tenant that refuses as Azure does.

The hook and the scripts are the real ones. Their `az` answers from the tenant, and what they delete is deleted there.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.compiler import Compiler, Refused
from tests.infra.installations import OTHER, OWN, group, signalr
from tests.infra.recorder import Recorder
from tests.infra.tenant import Tenant

CHAT = {"SIGNALR_RESOURCE_IDS": signalr("Chat")}
PARAMETERS = {
    "SIGNALR_RESOURCE_IDS": "signalRResourceIds",
    "SIGNALR_SUBSCRIPTION_IDS": "signalRSubscriptionIds",
    "AZURE_LOCATION": "location",
    "AZURE_ENV_NAME": "environmentName",
    "RECOVER_KEY_VAULT": "recoverKeyVault",
    "KEY_VAULT_NAME": "keyVaultName",
}


class Operator:
    """Who installs: azd's environment, and the commands of the documents."""

    def __init__(self, compiler: Compiler, home: Path, tenant: Tenant, subscription: str = OWN) -> None:
        home.mkdir(exist_ok=True)
        self.compiler, self.tenant, self.recorder = compiler, tenant, Recorder(home)
        self.environment = {"AZURE_ENV_NAME": "rotation", "AZURE_LOCATION": "westeurope"} | CHAT
        self.environment["AZURE_SUBSCRIPTION_ID"] = subscription

    def provision(self, **changed: str) -> None:
        """`azd provision`: the hook, then the deployment."""
        self.environment |= changed
        self._answers()
        hook = self.recorder.run("hooks/preprovision.py", **self.environment)
        assert 0 == hook.code, hook.err
        for line in hook.lines("azd env set"):
            name, value = line.split()[3:5]
            self.environment[name] = value
        given: dict[str, Any] = {
            parameter: self.environment[name] for name, parameter in PARAMETERS.items() if name in self.environment
        }
        given["deployedAt"] = "2026-01-01T00:00:00Z"
        given["recoverKeyVault"] = given.get("recoverKeyVault") == "true"
        own = self.environment["AZURE_SUBSCRIPTION_ID"]
        self.environment |= self.tenant.deploy(
            self.compiler.predict(
                "main.bicep", given, subscriptionId=own, tenantId=OWN, location="westeurope", deploymentName="rotation"
            )
        )

    def run(self, script: str) -> None:
        """A script, carried out."""
        self._answers()
        done = self.recorder.run(script, "--yes", **self.environment)
        assert 0 == done.code, done.err
        for call in done.calls:
            line, words = call["line"], call["words"]
            if line.startswith("role assignment delete"):
                self.tenant.delete_assignment(words[words.index("--ids") + 1])
            elif line.startswith("role definition delete"):
                self.tenant.delete_role(words[words.index("--name") + 1])
            elif line.startswith("group delete"):
                self.tenant.delete_group(
                    group(words[words.index("--name") + 1], self.environment["AZURE_SUBSCRIPTION_ID"])
                )

    def _answers(self) -> None:
        answer, tenant = self.recorder.answer, self.tenant
        answer("account list", [{"id": id_, "state": "Enabled"} for id_ in (OWN, OTHER)])
        answer("systemTopics", {"value": []})
        answer("functionapp list", [{"name": "westeurope"}, {"name": "northeurope"}])
        answer("group list", [{"name": id_.split("/")[-1]} for id_ in tenant.groups])
        answer("list-deleted", [_deleted(vault) for vault in tenant.deleted_vaults.values()])
        for id_ in (OWN, OTHER):
            within = f"/subscriptions/{id_}"
            answer(
                f"role assignment list .*{id_}",
                [
                    {
                        "id": name,
                        "scope": given["scope"],
                        "principalId": given["principal"],
                        "roleDefinitionName": tenant.roles.get(given["role"], {"roleName": "built-in"})["roleName"],
                    }
                    for name, given in tenant.assignments.items()
                    if given["scope"].startswith(within)
                ],
            )
            answer(
                f"role definition list .*{id_}",
                [
                    {"name": i.split("/")[-1]} | role
                    for i, role in tenant.roles.items()
                    if within in role["assignableScopes"]
                ],
            )


def _deleted(vault: dict[str, Any]) -> dict[str, Any]:
    was = {"vaultId": vault["id"], "location": vault["location"], "tags": vault["tags"]}
    return {"name": vault["name"], "properties": was}


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


@pytest.fixture
def operator(compiler: Compiler, tmp_path: Path, tenant: Tenant) -> Operator:
    return Operator(compiler, tmp_path / "own", tenant)


def test_nothing_but_the_deleted_vault_is_left_of_what_was_removed(operator: Operator, tenant: Tenant) -> None:
    operator.provision(SIGNALR_SUBSCRIPTION_IDS=OTHER)
    operator.run("remove")

    assert ({}, {}, {}) == (tenant.roles, tenant.assignments, tenant.groups)
    assert 1 == len(tenant.deleted_vaults)


def test_installs_again_in_the_same_region_with_the_same_vault(operator: Operator, tenant: Tenant) -> None:
    operator.provision()
    vault = operator.environment["KEY_VAULT_ID"]
    operator.run("remove")
    operator.provision()

    assert vault == operator.environment["KEY_VAULT_ID"]
    assert {} == tenant.deleted_vaults


def test_vault_of_a_version_that_hashed_otherwise_is_recovered_and_kept(operator: Operator, tenant: Tenant) -> None:
    """Told to recover the one name and to make another, every provision would fail for 90 days."""
    operator.provision()
    tenant.delete_group(group("rg-rotation"))
    [(_, vault)] = tenant.deleted_vaults.items()
    old = "kv-4f6h2k7m9q3ab"
    moved = vault | {"name": old, "id": vault["id"].replace(vault["name"], old)}
    tenant.deleted_vaults = {old: moved}
    operator.provision()
    operator.provision()

    assert {} == tenant.deleted_vaults
    assert operator.environment["KEY_VAULT_ID"].endswith(f"/{old}")


def test_the_deployment_after_that_is_an_ordinary_one(operator: Operator) -> None:
    operator.provision()
    operator.run("remove")
    operator.provision()
    operator.provision()

    assert "false" == operator.environment["RECOVER_KEY_VAULT"]


def test_installs_again_in_another_region_with_a_new_vault(operator: Operator, tenant: Tenant) -> None:
    operator.provision()
    vault = operator.environment["KEY_VAULT_ID"]
    operator.run("remove")
    operator.provision(AZURE_LOCATION="northeurope")

    assert vault != operator.environment["KEY_VAULT_ID"]
    assert 1 == len(tenant.deleted_vaults)


def test_installs_again_where_only_the_group_was_deleted(operator: Operator, tenant: Tenant) -> None:
    """As `azd down` and the portal do it: roles and rights of the old identity are still there."""
    operator.provision()
    tenant.delete_group(group("rg-rotation"))
    operator.provision()

    assert 1 == len(tenant.groups)


def test_deploying_once_more_changes_no_right(operator: Operator, tenant: Tenant) -> None:
    operator.provision(SIGNALR_SUBSCRIPTION_IDS=OTHER)
    before = dict(tenant.assignments)
    operator.provision(SIGNALR_RESOURCE_IDS=f" {signalr('CHAT').upper()}/")

    assert before == tenant.assignments


def test_narrowing_never_fails_and_takes_the_rights_away(operator: Operator, tenant: Tenant) -> None:
    operator.provision(SIGNALR_SUBSCRIPTION_IDS=OTHER)
    operator.provision(SIGNALR_SUBSCRIPTION_IDS="")
    still = [given for given in tenant.assignments.values() if OTHER in given["scope"]]
    operator.run("narrow")

    assert 2 == len(still)
    assert [] == [given for given in tenant.assignments.values() if OTHER in given["scope"]]
    assert [] == [id_ for id_ in tenant.roles if OTHER in id_]
    operator.provision()


def test_dev_and_prod_of_one_tenant_may_have_one_name(
    operator: Operator, compiler: Compiler, tmp_path: Path, tenant: Tenant
) -> None:
    second = Operator(compiler, tmp_path / "second", tenant, OTHER)
    operator.provision()
    second.provision()
    operator.run("remove")
    second.provision()

    assert [f"/subscriptions/{OTHER}/resourcegroups/rg-rotation"] == [*tenant.groups]


def test_two_that_rotate_in_one_subscription_share_no_role(
    operator: Operator, compiler: Compiler, tmp_path: Path, tenant: Tenant
) -> None:
    second = Operator(compiler, tmp_path / "second", tenant, OTHER)
    operator.provision()
    second.provision()
    operator.run("remove")

    assert 2 == len(tenant.roles)
    assert {second.environment["INSTALLATION_ID"]} == {
        re.findall(r"Installation (\w+)\.", role["description"])[0] for role in tenant.roles.values()
    }


def test_the_tenant_refuses_what_azure_refuses(operator: Operator, tenant: Tenant) -> None:
    """So that its consent above means something."""
    operator.provision()
    for role in [*tenant.roles]:
        with pytest.raises(Refused, match="HasAssignments"):
            tenant.delete_role(role)
    tenant.delete_group(group("rg-rotation"))
    operator.recorder.answer("list-deleted", [])
    [vault] = tenant.deleted_vaults.values()
    tenant.deleted_vaults = {vault["name"]: vault | {"tags": {}}}
    with pytest.raises(Refused, match="deleted state"):
        operator.provision()
