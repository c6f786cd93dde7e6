"""Tickets, idempotency keys, and what a sweep writes down of itself."""

from datetime import timedelta
from typing import Any

from shared.model import KeyType, ResourceId
from shared.requests import Mode, Request, Wish
from tests.upgrade.recording import Recorder
from tests.upgrade.scenes import LOST, broken_off, scene

_ELSEWHERE = "5ab5c4b0-0000-4000-8000-00000000e15e"


@scene("ticket")
async def asked(recorder: Recorder, name: str, what: str) -> None:
    """A rotation was asked for, and no worker has taken its message."""
    recorder.engine.publish("Primary", age_days=2)
    await _save(recorder, name, what, await _ask(recorder), answered="NotStarted")


@scene("ticket")
async def running(recorder: Recorder, name: str, what: str) -> None:
    """A rotation is under way: the record has it."""
    recorder.engine.publish("Primary", age_days=2)
    request = await _ask(recorder)
    recorder.engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    await broken_off(recorder.engine, request)
    await _save(recorder, name, what, request, answered="Running")


@scene("ticket")
async def abandoned(recorder: Recorder, name: str, what: str) -> None:
    """A plan was dropped, because somebody else had published meanwhile, and the decision anew was broken off."""
    engine = recorder.engine
    engine.publish("Primary", age_days=2)
    request = await _ask(recorder)
    engine.azure.fault("SignalR.regenerateKey", status=429, resource=engine.resource)
    await broken_off(engine, request)
    engine.publish("Secondary")
    engine.azure.fault("SignalR.get", skip=1, **LOST)
    await broken_off(engine, request)
    await _save(recorder, name, what, request, answered="NotStarted")


@scene("ticket")
async def succeeded(recorder: Recorder, name: str, what: str) -> None:
    """A rotation has succeeded."""
    recorder.engine.publish("Primary", age_days=2)
    await _worked(recorder, name, what, answered="Succeeded")


@scene("ticket")
async def revoked(recorder: Recorder, name: str, what: str) -> None:
    """A leaked key was replaced, and will be made worthless."""
    recorder.engine.publish("Primary", age_days=2)
    await _worked(recorder, name, what, mode=Mode.REVOKE, overlap_hours=48, answered="Succeeded")


@scene("ticket")
async def skipped(recorder: Recorder, name: str, what: str) -> None:
    """There was nothing to do."""
    recorder.engine.publish("Primary", age_days=2)
    await _worked(recorder, name, what, mode=Mode.RESYNC, answered="Succeeded")


@scene("ticket")
async def refused(recorder: Recorder, name: str, what: str) -> None:
    """Clients may still have held the key that was to be renewed."""
    recorder.engine.publish("Primary")
    await _worked(recorder, name, what, answered="Failed")


@scene("ticket")
async def failed(recorder: Recorder, name: str, what: str) -> None:
    """A right was missing."""
    recorder.engine.publish("Primary", age_days=2)
    recorder.engine.azure.fault("SignalR.regenerateKey", status=403, resource=recorder.engine.resource)
    await _worked(recorder, name, what, answered="Failed")


@scene("ticket")
async def unknown(recorder: Recorder, name: str, what: str) -> None:
    """The salt may have been renewed: the answer was lost."""
    recorder.engine.publish("Primary", age_days=2)
    recorder.engine.azure.fault("SignalR.regenerateKey", cut="after-effect", resource=recorder.engine.resource)
    await _worked(recorder, name, what, key_type=KeyType.SALT, answered="Failed")


@scene("idempotency")
async def key(recorder: Recorder, name: str, what: str) -> None:
    """A caller's Idempotency-Key, used for a rotation of all that is due."""
    digest = "http:release 2026-11"
    wish = Wish("http", None, Mode.SWEEP, reason="release", deduplication_key=digest, exclusive=True)
    await recorder.engine.app.rotator.submit(wish)
    async for blob in recorder.engine.blobs.get_container_client("signalr-rotation").list_blobs("idempotency/"):
        await recorder.save_blob(name, what, blob.name, key=digest, reason="release")


@scene("heartbeat")
async def quiet(recorder: Recorder, name: str, what: str) -> None:
    """A sweep that found all well."""
    await recorder.engine.sweep()
    await recorder.engine.app.rotator.sweep()
    await recorder.save_blob(name, what, "heartbeat.json", told=[])


@scene("heartbeat", SIGNALR_SUBSCRIPTION_IDS=_ELSEWHERE)
async def troubled(recorder: Recorder, name: str, what: str) -> None:
    """A sweep that could not list a subscription, and found a resource that no worker had looked at for days."""
    engine = recorder.engine
    for days in (-3, 0):
        engine.ahead = timedelta(days=days)
        engine.azure.fault("SignalR.list", status=403)
        await engine.app.rotator.sweep()
    await recorder.save_blob(name, what, "heartbeat.json", r"\{\{resource_key\}\}", told=["RotationOverdue"])


async def _ask(recorder: Recorder, mode: Mode = Mode.ROTATE, **wish: Any) -> Request:
    resource = ResourceId.parse(recorder.engine.resource)
    return Request.model_validate_json(await recorder.ask(Wish("http", resource, mode, reason="asked", **wish)))


async def _worked(recorder: Recorder, name: str, what: str, *, answered: str, **wish: Any) -> None:
    request = await _ask(recorder, **wish)
    await recorder.engine.app.rotator.work(request)
    await _save(recorder, name, what, request, answered=answered)


async def _save(recorder: Recorder, name: str, what: str, request: Request, *, answered: str) -> None:
    await recorder.save_blob(name, what, f"rotations/{request.rotation_id}.json", answered=answered)
