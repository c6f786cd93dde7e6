"""Records without an open journal: how a finished story stands in the resource's blob."""

from datetime import timedelta

from shared.model import KeyType
from shared.requests import Mode
from tests.upgrade.recording import Recorder
from tests.upgrade.scenes import LOST, broken_off, scene

QUIET = {"result": "Skipped", "code": "NotDue", "told": [], "changes": []}


@scene("record")
async def blank(recorder: Recorder, name: str, what: str) -> None:
    """The blob was made for its lease, and the worker died before it wrote anything."""
    recorder.engine.azure.fault("SignalR.get", **LOST)
    await broken_off(recorder.engine, recorder.engine.asks())
    await recorder.save_record(name, what, result="Succeeded", code=None, told=["KeyPublished"], changes=[])


@scene("record")
async def only_seen(recorder: Recorder, name: str, what: str) -> None:
    """A sweep found a secret that was published by hand, and nothing to do."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.sweep()
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def adopted(recorder: Recorder, name: str, what: str) -> None:
    """There was no secret: the sweep has published the key in use."""
    await recorder.engine.sweep()
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def rotated(recorder: Recorder, name: str, what: str) -> None:
    """A key was adopted, then rotated by request."""
    await recorder.engine.sweep()
    await recorder.engine.rotate(force=True, reason='Schlüssel verloren: "sofort" 🔑')
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def revoked(recorder: Recorder, name: str, what: str) -> None:
    """The published key leaked: it was replaced, and waits for its retirement."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.rotate(mode=Mode.REVOKE, overlap_hours=48)
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def retired(recorder: Recorder, name: str, what: str) -> None:
    """The published key leaked, was replaced, and made worthless."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.rotate(mode=Mode.REVOKE, overlap_hours=0)
    await recorder.engine.sweep()
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def repaired(recorder: Recorder, name: str, what: str) -> None:
    """The published key was renewed in the portal: the sweep has published the new one."""
    recorder.engine.publish("Primary", age_days=2)
    recorder.engine.azure.regenerate_in_portal(recorder.engine.resource, "Primary")
    await recorder.engine.sweep()
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def switched(recorder: Recorder, name: str, what: str) -> None:
    """The published key was asked to be renewed: the other one was published, and it waits for its retirement."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.rotate(key_type=KeyType.PRIMARY)
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def salted(recorder: Recorder, name: str, what: str) -> None:
    """The salt was renewed."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.rotate(key_type=KeyType.SALT)
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def salt_unknown(recorder: Recorder, name: str, what: str) -> None:
    """The salt may have been renewed: the answer was lost."""
    engine = recorder.engine
    engine.publish("Primary", age_days=2)
    engine.azure.fault("SignalR.regenerateKey", cut="after-effect", resource=engine.resource)
    await broken_off(engine, engine.asks(key_type=KeyType.SALT))
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def failed(recorder: Recorder, name: str, what: str) -> None:
    """A tag is wrong: told once, and met again by every sweep."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.sweep()
    recorder.tag({"key-rotation-days": "never"})
    await recorder.engine.sweep()
    end = {"result": "Failed", "code": "Misconfigured", "told": [], "changes": []}
    await recorder.save_record(name, what, "endedAt", **end)


@scene("record")
async def key_unchanged(recorder: Recorder, name: str, what: str) -> None:
    """ARM was asked twice for a new key and gave none: the rotation failed for good."""
    engine = recorder.engine
    engine.publish("Primary", age_days=2)
    engine.azure.configure(engine.resource, outcome="unchanged")
    await engine.rotate()
    await recorder.save_record(name, what, **QUIET)


@scene("record")
async def left(recorder: Recorder, name: str, what: str) -> None:
    """The resource was deleted: its history is closed."""
    recorder.engine.publish("Primary", age_days=2)
    await recorder.engine.rotate()
    recorder.look()
    recorder.engine.azure.delete_signalr(recorder.engine.resource)
    await recorder.engine.sweep()
    end = {"result": "Skipped", "code": "ResourceGone", "told": [], "changes": []}
    await recorder.save_record(name, what, **end)


@scene("record")
async def full(recorder: Recorder, name: str, what: str) -> None:
    """The history is as long as it gets: fifty outcomes, and more have been dropped."""
    engine = recorder.engine
    engine.publish("Primary", age_days=2)
    for hour in range(52, 0, -1):
        engine.ahead = -timedelta(hours=hour)
        await engine.rotate(key_type=KeyType.SALT, reason=f"{hour} hours ago")
    engine.ahead = timedelta()
    await recorder.save_record(name, what, **QUIET)
