"""Records with an open journal: one for each point at which a run can be cut, and each kind of journal."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from shared import telemetry
from shared.model import KeyType
from shared.open_telemetry import OpenTelemetry
from shared.requests import Mode, Request, Wish
from tests.integration.engine import Engine
from tests.upgrade.recording import Recorder
from tests.upgrade.scenes import LOST, broken_off, scene

ROTATED = {"result": "Succeeded", "told": ["KeyRotated"], "changes": []}
ROTATED_NOW = ROTATED | {"changes": ["Secondary"]}
PUBLISHED = {"result": "Succeeded", "told": ["KeyPublished"], "changes": []}
RETIRED = {"result": "Succeeded", "told": ["KeyRetired"], "changes": []}


@scene("open")
async def rotate_planned(recorder: Recorder, name: str, what: str) -> None:
    """A rotation is planned, and ARM has not been asked."""
    engine = await _published(recorder)
    engine.azure.fault("KeyVault.getSecret", skip=1, **LOST)
    await broken_off(engine, engine.asks(reason="before the holidays"))
    await recorder.save_record(name, what, **ROTATED_NOW)


@scene("open")
async def rotate_refused(recorder: Recorder, name: str, what: str) -> None:
    """ARM was asked to renew the key, and refused: the request was put off."""
    engine = await _published(recorder)
    engine.azure.fault("SignalR.regenerateKey", status=429, resource=engine.resource)
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED_NOW)


@scene("open")
async def rotate_lost_undone(recorder: Recorder, name: str, what: str) -> None:
    """ARM was asked to renew the key, the answer was lost, and nothing was done."""
    engine = await _published(recorder)
    engine.azure.fault("SignalR.regenerateKey", cut="before-effect", resource=engine.resource)
    engine.azure.fault("SignalR.listKeys", skip=1, **LOST)
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED_NOW)


@scene("open")
async def rotate_lost_done(recorder: Recorder, name: str, what: str) -> None:
    """ARM was asked to renew the key, the answer was lost, and the key has changed."""
    engine = await _published(recorder)
    engine.azure.fault("SignalR.regenerateKey", cut="after-effect", resource=engine.resource)
    engine.azure.fault("SignalR.listKeys", skip=1, **LOST)
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def rotate_regenerated(recorder: Recorder, name: str, what: str) -> None:
    """The key is renewed and proven, and not published: Key Vault did not hear of it."""
    engine = await _published(recorder)
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def rotate_regenerated_traced(recorder: Recorder, name: str, what: str) -> None:
    """The same, for a request that carries a trace."""
    engine = await _published(recorder)
    telemetry.record_with(OpenTelemetry(TracerProvider(), MeterProvider()))
    message = await recorder.ask(Wish("http", engine.asks().resource_id, Mode.ROTATE))
    telemetry.record_with(None)
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    await broken_off(engine, Request.model_validate_json(message))
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def rotate_regenerated_failed(recorder: Recorder, name: str, what: str) -> None:
    """The key is renewed and could not be published for want of a right: that was told, and is in the history."""
    engine = await _published(recorder)
    engine.azure.fault("KeyVault.setSecret", status=403)
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def rotate_added(recorder: Recorder, name: str, what: str) -> None:
    """The key is renewed, and its version was added: the answer that said so was lost."""
    engine = await _published(recorder)
    engine.azure.fault("KeyVault.setSecret", cut="after-effect")
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def rotate_published(recorder: Recorder, name: str, what: str) -> None:
    """The key is renewed and published, and nobody was told."""
    engine = await _published(recorder)
    engine.azure.fault("EventGrid.publish", status=503, times=20)
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def rotate_published_failed(recorder: Recorder, name: str, what: str) -> None:
    """The key is renewed and published, and the topic refused to tell: that is in the history."""
    engine = await _published(recorder)
    engine.azure.fault("EventGrid.publish", status=401, times=2)
    await broken_off(engine, engine.asks())
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def rotate_in_place_regenerated(recorder: Recorder, name: str, what: str) -> None:
    """The published key itself was renewed by force, and the new one is not published."""
    engine = await _published(recorder)
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    await broken_off(engine, engine.asks(key_type=KeyType.PRIMARY, force=True))
    await recorder.save_record(name, what, **ROTATED)


@scene("open")
async def revoke_regenerated(recorder: Recorder, name: str, what: str) -> None:
    """A leaked key is to be replaced by a renewed one, which is not published, and retired 48 hours later."""
    engine = await _published(recorder)
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    await broken_off(engine, engine.asks(Mode.REVOKE, overlap_hours=48))
    await recorder.save_record(name, what, **ROTATED, retire="{{primary.0}}")


@scene("open")
async def revoke_published(recorder: Recorder, name: str, what: str) -> None:
    """A leaked key is replaced, to be retired 48 hours later, and nobody was told."""
    engine = await _published(recorder)
    engine.azure.fault("EventGrid.publish", status=503, times=20)
    await broken_off(engine, engine.asks(Mode.REVOKE, overlap_hours=48))
    await recorder.save_record(name, what, **ROTATED, retire="{{primary.0}}")


@scene("open")
async def adopt_planned(recorder: Recorder, name: str, what: str) -> None:
    """There is no secret, and the key in use is about to be published: Key Vault did not hear of it."""
    engine = recorder.engine
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    await broken_off(engine, engine.asks(Mode.SWEEP, ticket=False))
    await recorder.save_record(name, what, **PUBLISHED)


@scene("open")
async def adopt_added(recorder: Recorder, name: str, what: str) -> None:
    """There was no secret, and the key in use was published: the answer that said so was lost."""
    engine = recorder.engine
    engine.azure.fault("KeyVault.setSecret", cut="after-effect")
    await broken_off(engine, engine.asks(Mode.SWEEP, ticket=False))
    await recorder.save_record(name, what, **PUBLISHED)


@scene("open")
async def switch_planned(recorder: Recorder, name: str, what: str) -> None:
    """The other key is about to be published, so that the published one can be retired."""
    engine = await _published(recorder)
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    await broken_off(engine, engine.asks(key_type=KeyType.PRIMARY))
    await recorder.save_record(name, what, **PUBLISHED, retire="{{primary.0}}")


@scene("open")
async def repair_published(recorder: Recorder, name: str, what: str) -> None:
    """The published key was renewed in the portal; the new one is published, and nobody was told."""
    engine = await _published(recorder)
    engine.azure.regenerate_in_portal(engine.resource, "Primary")
    engine.azure.fault("EventGrid.publish", status=503, times=20)
    await broken_off(engine, engine.asks(Mode.RESYNC))
    await recorder.save_record(name, what, **PUBLISHED)


@scene("open")
async def retire_lost_done(recorder: Recorder, name: str, what: str) -> None:
    """A leaked key is to be made worthless: the answer was lost, and the key has changed."""
    engine = await _leaked(recorder)
    engine.azure.fault("SignalR.regenerateKey", cut="after-effect", resource=engine.resource)
    engine.azure.fault("SignalR.listKeys", skip=1, **LOST)
    await broken_off(engine, engine.asks(Mode.SWEEP, ticket=False))
    await recorder.save_record(name, what, **RETIRED)


@scene("open")
async def retire_regenerated(recorder: Recorder, name: str, what: str) -> None:
    """A leaked key was made worthless, and nobody was told."""
    engine = await _leaked(recorder)
    engine.azure.fault("EventGrid.publish", status=503, times=20)
    await broken_off(engine, engine.asks(Mode.SWEEP, ticket=False))
    await recorder.save_record(name, what, **RETIRED)


@scene("open")
async def salt_lost(recorder: Recorder, name: str, what: str) -> None:
    """The salt may have been renewed, the answer was lost, and nobody was told that this is unknown."""
    engine = await _published(recorder)
    engine.azure.fault("SignalR.regenerateKey", cut="after-effect", resource=engine.resource)
    engine.azure.fault("EventGrid.publish", status=503, times=20)
    await broken_off(engine, engine.asks(key_type=KeyType.SALT))
    await recorder.save_record(name, what, result="Unknown", told=["RotationFailed"], changes=[])


@scene("open")
async def salt_regenerated(recorder: Recorder, name: str, what: str) -> None:
    """The salt was renewed, and nobody was told."""
    engine = await _published(recorder)
    engine.azure.fault("EventGrid.publish", status=503, times=20)
    await broken_off(engine, engine.asks(key_type=KeyType.SALT))
    await recorder.save_record(name, what, result="Succeeded", told=["SaltRegenerated"], changes=[])


async def _published(recorder: Recorder) -> Engine:
    """A resource that was looked at before, its Primary key published two days ago."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.sweep()
    return recorder.engine


async def _leaked(recorder: Recorder) -> Engine:
    """The same, its Primary key replaced because it leaked, and nobody's any more."""
    engine = await _published(recorder)
    await engine.rotate(mode=Mode.REVOKE, overlap_hours=0)
    return engine
