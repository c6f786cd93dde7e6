"""The events Azure's own services raise about secrets and resources, as CloudEvents.

Sources: "Azure Key Vault as Event Grid source" and "Azure subscription as an Event Grid source", Microsoft Learn.
"""

import uuid
from datetime import datetime
from random import Random

from local.azure.clock import timestamp
from local.azure.event_grid.topic import Event
from local.azure.key_vault.vault import Secret, Vault, Version
from local.azure.signalr.resource import Regeneration, SignalR


def _event(random: Random, now: datetime, source: str, subject: str, kind: str, data: Event) -> Event:
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(int=random.getrandbits(128), version=4)),
        "source": source,
        "subject": subject,
        "type": kind,
        "time": timestamp(now),
        "data": data,
    }


def secret_event(random: Random, kind: str, vault: Vault, secret: Secret, version: Version) -> Event:
    """`kind` is what follows `Microsoft.KeyVault.Secret`: NewVersionCreated or NearExpiry."""
    data = {
        "Id": f"{vault.url}/secrets/{secret.name}/{version.id}",
        "VaultName": vault.name,
        "ObjectType": "Secret",
        "ObjectName": secret.name,
        "Version": version.id,
        "NBF": version.not_before.timestamp() if version.not_before else None,
        "EXP": version.expires.timestamp() if version.expires else None,
    }
    return _event(random, vault.now(), vault.scope, secret.name, f"Microsoft.KeyVault.Secret{kind}", data)


def key_regenerated(random: Random, now: datetime, tenant: str, resource: SignalR, regeneration: Regeneration) -> Event:
    """ARM tells the resource group's subscribers that an action succeeded; which key it was it does not tell."""
    action = "Microsoft.SignalRService/SignalR/regeneratekey/action"
    data = {
        "authorization": {"scope": resource.id, "action": action, "evidence": {"role": "Contributor"}},
        "claims": {"oid": regeneration.by},
        "correlationId": regeneration.id,
        "httpRequest": {"method": "POST"},
        "resourceProvider": "Microsoft.SignalRService",
        "resourceUri": resource.id,
        "operationName": action,
        "status": "Succeeded",
        "subscriptionId": resource.subscription,
        "tenantId": tenant,
    }
    source = f"/subscriptions/{resource.subscription}/resourceGroups/{resource.group}"
    return _event(random, now, source, resource.id, "Microsoft.Resources.ResourceActionSuccess", data)
