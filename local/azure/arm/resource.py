"""How ARM shows a SignalR resource, and what a PUT or PATCH changes of it.

The shape is that of recorded answers at api-version 2023-02-01 (`tests/recorded/recordings/go-sdk-2023.json`).
"""

import uuid
from datetime import datetime
from typing import Any

from local.azure.clock import timestamp
from local.azure.signalr.resource import TYPE, SignalR

NO_TENANT = str(uuid.UUID(int=0))


def shown(resource: SignalR) -> dict[str, Any]:
    """The resource as GET answers it."""
    created, modified = timestamp(resource.created), timestamp(resource.modified or resource.created)
    return {
        "sku": {"tier": "Standard", "size": "S1", **resource.sku},
        "properties": {
            "provisioningState": resource.state,
            "externalIP": "127.0.0.1",
            "hostName": f"{resource.name.lower()}.service.signalr.net",
            "publicPort": 443,
            "serverPort": 443,
            "version": "1.0",
            "privateEndpointConnections": [],
            "sharedPrivateLinkResources": [],
            "tls": {"clientCertEnabled": False},
            "hostNamePrefix": resource.name.lower(),
            "features": [{"flag": "ServiceMode", "value": "Default", "properties": {}}],
            "liveTraceConfiguration": None,
            "resourceLogConfiguration": None,
            "serverless": {"connectionTimeoutInSeconds": 30},
            "cors": {"allowedOrigins": ["*"]},
            "upstream": {"templates": None},
            "networkACLs": {
                "defaultAction": "Deny",
                "publicNetwork": {"allow": ["ServerConnection", "ClientConnection", "RESTAPI", "Trace"], "deny": None},
                "privateEndpoints": [],
            },
            "publicNetworkAccess": "Enabled",
            "disableLocalAuth": resource.disable_local_auth,
            "disableAadAuth": False,
        },
        "kind": "SignalR",
        **({"identity": dict(resource.identity)} if resource.identity else {}),
        "systemData": {
            "createdBy": resource.by,
            "createdByType": "Application",
            "createdAt": created,
            "lastModifiedBy": resource.by,
            "lastModifiedByType": "Application",
            "lastModifiedAt": modified,
        },
        "location": resource.location,
        "tags": dict(resource.tags),
        "id": resource.id,
        "name": resource.name,
        "type": TYPE,
    }


def changed(resource: SignalR, content: dict[str, Any], now: datetime) -> None:
    """Take over what the body sets. What this emulator does not keep is accepted and forgotten."""
    if isinstance(tags := content.get("tags"), dict):
        resource.tags = {str(name): str(value) for name, value in tags.items()}
    if isinstance(sku := content.get("sku"), dict):
        resource.sku = {name: sku[name] for name in ("name", "tier", "size", "capacity") if name in sku}
    if isinstance(identity := content.get("identity"), dict) and identity.get("type") == "SystemAssigned":
        principal = str(uuid.uuid5(uuid.NAMESPACE_URL, resource.id.lower()))
        resource.identity = {"type": "SystemAssigned", "principalId": principal, "tenantId": NO_TENANT}
    properties = content.get("properties") or {}
    if isinstance(disabled := properties.get("disableLocalAuth"), bool):
        resource.disable_local_auth = disabled
    resource.modified = now
