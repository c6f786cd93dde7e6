"""The main job against what was deployed: the app in the local Functions host rotates one key, then the other."""

import base64
import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.queue import QueueClient

from local.azure.control.remote import Remote
from local.functions_host import FunctionsHost
from tests.live.place import Place

_ROOT = Path(__file__).parents[2]
_READY_WITHIN_SECONDS = 900
_ROTATED_WITHIN_SECONDS = 1200
_TOLD_WITHIN_SECONDS = 120
_ROTATED, _ROTATIONS = "SignalRKeyRotation.KeyRotated", 2


def settings(place: Place, environ: Mapping[str, str]) -> dict[str, str]:
    """The app's settings: what was deployed, and who is signed in here."""
    own = {
        "SIGNALR_RESOURCE_IDS": place.resource,
        "KEY_VAULT_URL": place.vault,
        "EVENT_GRID_TOPIC_ENDPOINT": place.topic,
        "ROTATION_SCHEDULE": "0 7 * * * *",
    }
    if "AzureWebJobsStorage" not in environ:
        own["AzureWebJobsStorage__accountName"] = place.storage
    return {**environ, **own}


def done(place: Place) -> dict[str, Any]:
    """Rotate twice, and see whether the newest version's key works and both rotations were announced."""
    facts: dict[str, Any] = {}
    with FunctionsHost.start(_ROOT, settings(place, os.environ)) as host:
        # Role assignments take minutes to be known everywhere.
        place.until(lambda: _ready(host) or None, _READY_WITHIN_SECONDS)
        for name, body in (("rotated", {}), ("rotated again", {"force": True})):
            answer = host.request("POST", "/api/rotate", json={"resource": place.resource, **body})
            path = f"/api/rotations/{answer.json()['rotations'][0]['id']}"
            facts[name] = place.until(partial(_final, host, path), _ROTATED_WITHIN_SECONDS)
    key, facts["versions"] = _newest(place)
    endpoint = key["Endpoint"]
    probed = place.wire.signed("published key", "HEAD", f"{endpoint}/api/hubs/live/users/nobody", key["AccessKey"])
    facts["published key is valid"] = probed.status in {200, 404}
    announced: dict[str, str] = {}
    read = _announced(place)

    def told() -> bool | None:
        announced.update(read())
        return (list(announced.values()).count(_ROTATED) == _ROTATIONS) or None

    place.until(told, _TOLD_WITHIN_SECONDS)
    facts["announced"] = sorted(announced.values())
    return facts


def _ready(host: FunctionsHost) -> bool:
    """Whether nothing keeps the resource from being rotated. That no sweep has run yet is a finding about the app."""
    findings = host.request("GET", "/api/health/deep").json().get("findings", [{"resource": "unknown"}])
    return not any(finding["resource"] for finding in findings)


def _newest(place: Place) -> tuple[dict[str, str], int]:
    loopback = urlsplit(place.vault).hostname in {"127.0.0.1", "localhost"}
    with SecretClient(place.vault, DefaultAzureCredential(), verify_challenge_resource=not loopback) as vault:
        name = f"{place.name}-connection-string"
        value = str(vault.get_secret(name).value)
        parts = (part.partition("=") for part in value.split(";") if part)
        secret = {part[0]: part[2] for part in parts}
        place.wire.hides(secret["AccessKey"])
        return secret, len(list(vault.list_properties_of_secret_versions(name)))


def _announced(place: Place) -> Callable[[], dict[str, str]]:
    """How to read ids and types of events: from the storage queue, or from the emulators where they are named."""
    if control := os.environ.get("EVENTS_FROM"):
        return lambda: {one["id"]: one["type"] for one in Remote(control).events() if one["source"] == place.resource}
    account = f"https://{place.storage}.queue.core.windows.net"
    queue = QueueClient(account, "events", credential=DefaultAzureCredential())

    def read() -> dict[str, str]:
        messages = queue.receive_messages(max_messages=32, visibility_timeout=1)
        events = [json.loads(base64.b64decode(message.content)) for message in messages]
        return {event["id"]: event["type"] for event in events}

    return read


def _final(host: FunctionsHost, path: str) -> str | None:
    status = host.request("GET", path).json()["status"]
    return str(status) if status in {"Succeeded", "Failed"} else None
