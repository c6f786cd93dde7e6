"""Messages on the queue: every kind that there is."""

import json
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from shared import telemetry, webhooks
from shared.model import KeyType, ResourceId
from shared.open_telemetry import OpenTelemetry
from shared.requests import Mode, Wish
from tests.upgrade.recording import Recorder
from tests.upgrade.scenes import scene

_DISCOVERED = {"SIGNALR_RESOURCE_IDS": "", "SIGNALR_SUBSCRIPTION_IDS": "5ab5c4b0-0000-4000-8000-000000000001"}
_ENABLED = {"key-rotation": "enabled", "Key-Rotation-Days": "30"}
ROTATED = {"told": ["KeyRotated"], "changes": ["Secondary"]}


@scene("message", **_DISCOVERED)
async def sweep_expected(recorder: Recorder, name: str, what: str) -> None:
    """A sweep's look at a resource that it has listed, and that it knows to need something."""
    recorder.tag(_ENABLED)
    await recorder.engine.app.rotator.sweep()
    await recorder.save_message(name, what, recorder.take(), told=["KeyPublished"], changes=[])


@scene("message", **_DISCOVERED)
async def sweep_quiet(recorder: Recorder, name: str, what: str) -> None:
    """A sweep's look at a resource that it has listed, and that seems to need nothing."""
    recorder.tag(_ENABLED)
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.sweep()
    await recorder.engine.app.rotator.sweep()
    await recorder.save_message(name, what, recorder.take(), told=[], changes=[])


@scene("message", **_DISCOVERED)
async def sweep_rivals(recorder: Recorder, name: str, what: str) -> None:
    """A sweep's look at a resource whose secret another one publishes to as well."""
    engine, shared = recorder.engine, {"key-rotation": "enabled", "key-rotation-secret": "one-for-both"}
    recorder.tag(shared)
    engine.azure.create_signalr("rival", group="integration", tags=shared)
    await engine.app.rotator.sweep()
    engine.azure.delete_signalr(engine.resource.rpartition("/")[0] + "/rival")
    await recorder.save_message(name, what, recorder.take(), told=["RotationFailed"], changes=[])


@scene("message")
async def rotate(recorder: Recorder, name: str, what: str) -> None:
    """A caller's wish for a new key, for a reason that ASCII cannot spell."""
    recorder.engine.publish("Primary", age_days=2)
    await _asked(recorder, name, what, reason='Schlüssel verloren: "sofort" 🔑', **ROTATED)


@scene("message")
async def rotate_named(recorder: Recorder, name: str, what: str) -> None:
    """A caller's wish for a new key in a slot of its choice."""
    recorder.engine.publish("Primary", age_days=2)
    await _asked(recorder, name, what, key_type=KeyType.SECONDARY, **ROTATED)


@scene("message")
async def rotate_forced(recorder: Recorder, name: str, what: str) -> None:
    """A caller's wish to renew the published key itself, whoever holds it."""
    recorder.engine.publish("Primary")
    end = {"told": ["KeyRotated"], "changes": ["Primary"]}
    await _asked(recorder, name, what, key_type=KeyType.PRIMARY, force=True, **end)


@scene("message")
async def rotate_traced(recorder: Recorder, name: str, what: str) -> None:
    """A caller's wish that carries a trace."""
    recorder.engine.publish("Primary", age_days=2)
    telemetry.record_with(OpenTelemetry(TracerProvider(), MeterProvider()))
    await _asked(recorder, name, what, **ROTATED)
    telemetry.record_with(None)


@scene("message")
async def revoke(recorder: Recorder, name: str, what: str) -> None:
    """The published key leaked: a wish to replace it, and to make it worthless after 12.5 hours."""
    recorder.engine.publish("Primary", age_days=2)
    await _asked(recorder, name, what, mode=Mode.REVOKE, overlap_hours=12.5, **ROTATED)


@scene("message")
async def resync(recorder: Recorder, name: str, what: str) -> None:
    """A wish to publish a live key where the published one is none."""
    recorder.engine.publish("Primary", age_days=2)
    recorder.engine.azure.regenerate_in_portal(recorder.engine.resource, "Primary")
    await _asked(recorder, name, what, mode=Mode.RESYNC, told=["KeyPublished"], changes=[])


@scene("message")
async def salt(recorder: Recorder, name: str, what: str) -> None:
    """A wish for a new salt."""
    recorder.engine.publish("Primary", age_days=2)
    await _asked(recorder, name, what, key_type=KeyType.SALT, told=["SaltRegenerated"], changes=["Salt"])


@scene("message")
async def retirement(recorder: Recorder, name: str, what: str) -> None:
    """What a revocation leaves on the queue for the time when its overlap is over."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.rotate(mode=Mode.REVOKE, overlap_hours=0)
    await recorder.save_message(name, what, recorder.take(), told=["KeyRetired"], changes=["Primary"])


@scene("message")
async def notice_secret_expiry(recorder: Recorder, name: str, what: str) -> None:
    """Key Vault has told that the published version is about to expire."""
    engine = recorder.engine
    url = f"{engine.azure.vaults[0]}/secrets/{engine.secret}/{engine.publish('Primary', age_days=2)}"
    await engine.sweep()
    data = {"Id": url, "VaultName": "contoso", "ObjectType": "Secret", "ObjectName": engine.secret}
    await _noticed(recorder, "Microsoft.KeyVault.SecretNearExpiry", engine.secret, data)
    await recorder.save_message(name, what, recorder.take(), **ROTATED)


@scene("message")
async def notice_key_regenerated(recorder: Recorder, name: str, what: str) -> None:
    """ARM has told that somebody renewed a key."""
    engine = recorder.engine
    engine.publish("Primary", age_days=2)
    await engine.sweep()
    engine.azure.regenerate_in_portal(engine.resource, "Primary")
    action = "Microsoft.SignalRService/SignalR/regeneratekey/action"
    data = {"operationName": action, "resourceUri": engine.resource, "status": "Succeeded"}
    await _noticed(recorder, "Microsoft.Resources.ResourceActionSuccess", engine.resource, data)
    await recorder.save_message(name, what, recorder.take(), told=["KeyPublished"], changes=[])


async def _asked(
    recorder: Recorder,
    name: str,
    what: str,
    *,
    mode: Mode = Mode.ROTATE,
    told: list[str],
    changes: list[str],
    **wish: Any,
) -> None:
    resource = ResourceId.parse(recorder.engine.resource)
    message = await recorder.ask(Wish("http", resource, mode, **wish))
    await recorder.save_message(name, what, message, told=told, changes=changes, result="Succeeded")


async def _noticed(recorder: Recorder, kind: str, subject: str, data: dict[str, str]) -> None:
    """What the webhook does with an event that Azure delivers."""
    event = {"specversion": "1.0", "id": f"event-of-{recorder.engine.secret}", "type": kind, "subject": subject}
    body = json.dumps([event | {"source": "/", "time": "2026-11-26T00:00:00Z", "data": data}]).encode()
    headers = {"content-type": "application/cloudevents-batch+json"}
    await recorder.engine.app.notices.take(webhooks.notices(webhooks.read(headers, body)))
