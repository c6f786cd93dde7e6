"""Installations as operators make them, each as the parameters it differs by."""

import re
from typing import Any

from tests.infra.compiler import Compiler, Predicted

OWN, OTHER, THIRD = (f"{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}" for digit in "1ab")
READER = "77777777-7777-7777-7777-777777777777"
ROLES = ("55555555-5555-5555-5555-555555555555", "66666666-6666-6666-6666-666666666666")


def group(name: str, subscription: str = OWN) -> str:
    """ARM id of a resource group, in the case that the portal writes."""
    return f"/subscriptions/{subscription}/resourceGroups/{name}"


def signalr(name: str, subscription: str = OWN) -> str:
    """ARM id of a SignalR resource in the group Live."""
    return f"{group('Live', subscription)}/providers/Microsoft.SignalRService/SignalR/{name}"


def vault(name: str, subscription: str = OWN) -> str:
    """ARM id of a vault in the group Security."""
    return f"{group('Security', subscription)}/providers/Microsoft.KeyVault/vaults/{name}"


CHAT = {"signalRResourceIds": signalr("Chat")}
SUBNETS = {
    name: f"{group('hub')}/providers/Microsoft.Network/virtualNetworks/spoke/subnets/{subnet}"
    for name, subnet in (("appSubnetId", "app"), ("endpointSubnetId", "endpoints"))
}
WORKSPACE = f"{group('ops', OTHER)}/providers/Microsoft.OperationalInsights/workspaces/Central"
TOPIC = f"{group('ops', OTHER)}/providers/Microsoft.EventGrid/topics/Keys"

ROLE_NAMES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Queue Data Contributor",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Secrets Officer",
    "4633458b-17de-408a-b874-0445c86b69e6": "Secrets User",
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Metrics Publisher",
    ROLES[0]: "rotator of others",
    ROLES[1]: "operation reader of others",
}

INSTALLATIONS: dict[str, dict[str, Any]] = {
    "one resource": CHAT,
    "a group": {"signalRResourceGroupIds": group("Live")},
    "three subscriptions": {
        "signalRResourceIds": f"{signalr('Chat')},{signalr('Game', OTHER)}",
        "signalRSubscriptionIds": THIRD,
    },
    "one resource twice": {"signalRResourceIds": f"{signalr('Chat')},{signalr('Chat')}"},
    "one resource in two spellings": {
        "signalRResourceIds": f"{signalr('Chat')};\n {signalr('chat').lower()}/ , {signalr('CHAT')[1:]}"
    },
    "a subscription in three spellings": {
        "signalRSubscriptionIds": f"{OTHER} {OTHER.upper()},/subscriptions/{OTHER}/",
    },
    "nothing to rotate": {},
    "private": CHAT
    | {"vnetEnabled": True, "alertEmail": "operations@example.com", "packageUri": "https://a.example/a"},
    "private in a network of others": CHAT
    | SUBNETS
    | {"vnetEnabled": True, "privateDnsZonesGroupId": group("dns", OTHER)},
    "vault of others": CHAT
    | {
        "existingKeyVaultId": f"{vault('Mine')}/",
        "additionalKeyVaultIds": f"{vault('mine').lower()},{vault('Theirs', OTHER)}",
        "vaultReaderPrincipalIds": READER,
        "vnetEnabled": True,
    },
    "workspace, topic and roles of others": CHAT
    | {
        "existingWorkspaceId": WORKSPACE,
        "existingTopicId": TOPIC,
        "rotatorRoleId": f"/subscriptions/{OWN}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[0]}",
        "operationReaderRoleId": ROLES[1],
    },
    "zone redundant, always ready": CHAT | {"zoneRedundant": True, "alwaysReadyInstances": 2, "httpConcurrency": 32},
    "recovered vault with readers": CHAT | {"recoverKeyVault": True, "vaultReaderPrincipalIds": f"{READER}, {READER}"},
    "trial": CHAT | {"keyVaultPurgeProtection": False, "keyVaultName": "kv-trial", "resourceTags": {"cost": "42"}},
    "settings by hand": CHAT
    | {"requiredAppRole": "Rotate", "extraAppSettings": {"overlap_hours": "72", "AzureWebJobs.sweep.Disabled": "true"}},
    "longest name": CHAT | {"environmentName": "n" * 40, "resourceGroupName": "g" * 90},
}


def predict(compiler: Compiler, parameters: dict[str, Any]) -> Predicted:
    """What `azd provision` would make in the subscription OWN."""
    given = {"environmentName": "rotation", "location": "westeurope", "deployedAt": "2026-01-01T00:00:00Z"} | parameters
    return compiler.predict(
        "main.bicep", given, subscriptionId=OWN, tenantId=OWN, location="westeurope", deploymentName="rotation"
    )


def scope_of(resource: dict[str, Any]) -> str:
    """Where a right is given, or a resource is made, in lower case."""
    text = resource["id"]
    if found := re.match(r"\[extensionResourceId\('([^']+)'", text):
        return found[1].lower()
    if found := re.match(r"\[subscriptionResourceId\('([^']+)'", text):
        return f"/subscriptions/{found[1]}".lower()
    if found := re.match(r"\[resourceId\('([^']+)', '([^']+)'", text):
        return f"/subscriptions/{found[1]}/resourceGroups/{found[2]}".lower()
    return str(text).split("/providers/Microsoft.Authorization")[0].lower()


def rights(deployment: Predicted) -> list[tuple[str, str]]:
    """Every (role, scope) given; a custom role counts only in its own subscription."""
    custom = {
        made["id"]: made["properties"]["roleName"].removeprefix("SignalR ").removeprefix("key ").split(" (")[0]
        for made in deployment.of("Microsoft.Authorization/roleDefinitions")
    }
    return [
        (
            custom.get(role := given["properties"]["roleDefinitionId"]) or ROLE_NAMES[role.split("/")[-1]],
            scope_of(given),
        )
        for given in deployment.of("Microsoft.Authorization/roleAssignments")
    ]


def own_group(deployment: Predicted) -> str:
    return str(deployment.one("Microsoft.Resources/resourceGroups")["id"]).lower()
