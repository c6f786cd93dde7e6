"""A fleet with one resource in every condition the page knows, as records: for unit tests, browsers and pictures."""

from datetime import datetime, timedelta

from shared.domain.decision import Cause
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Outcome, Record, Result
from shared.domain.resources import ResourceId
from shared.domain.snapshot import Snapshot

SUBSCRIPTION = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
PERIOD = timedelta(days=60)
OVERLAP = timedelta(hours=24)


def resource(name: str, group: str = "live") -> ResourceId:
    return ResourceId(SUBSCRIPTION, group, name)


def snapshot(
    name: str, now: datetime, *, age: timedelta, slot: Slot | None = Slot.PRIMARY, **facts: object
) -> Snapshot:
    since = (now - age).replace(microsecond=0)
    known: dict[str, object] = {
        "secret_name": f"{name}-connection-string",
        "vault_url": "https://kv-live.vault.azure.net",
        "provisioning_state": "Succeeded",
        "published_slot": slot,
        "fingerprint": "3fa94c2be01d",
        "version": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "published_at": since,
        "due_at": since + PERIOD,
        "overlap_until": since + OVERLAP,
    }
    return Snapshot.model_validate(known | facts)


def outcome(at: datetime, slot: Slot = Slot.PRIMARY, number: int = 1, **facts: object) -> Outcome:
    asked = at - timedelta(seconds=22)
    known: dict[str, object] = {
        "rotation_id": f"7d9f2c1e-0000-5000-8000-{number:012}",
        "result": Result.SUCCEEDED,
        "kind": Kind.ROTATE,
        "slot": slot,
        "trigger": "timer",
        "requested_at": asked,
        "ended_at": at,
        "fingerprint": "3fa94c2be01d",
        "version": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "verified": "dataplane",
        "verified_at": asked + timedelta(seconds=18.8),
        "times": {
            Step.PLANNED: asked + timedelta(seconds=1.2),
            Step.REGENERATED: asked + timedelta(seconds=18.4),
            Step.PUBLISHED: asked + timedelta(seconds=20.1),
            Step.ANNOUNCED: asked + timedelta(seconds=20.6),
        },
    }
    return Outcome.model_validate(known | facts)


def failure(at: datetime, code: str, message: str, **facts: object) -> Outcome:
    nothing: dict[str, object] = {
        "result": Result.FAILED,
        "kind": None,
        "slot": None,
        "times": {},
        "verified": None,
        "verified_at": None,
    }
    nothing |= {"fingerprint": None, "version": None, "code": code, "message": message, "number": 99}
    return outcome(at, **(nothing | facts))


def rotations(now: datetime, age: timedelta, count: int = 4, slot: Slot = Slot.PRIMARY) -> tuple[Outcome, ...]:
    """A past of regular rotations, the newest one `age` ago and of `slot`; the oldest is the adoption."""
    made = []
    for number in range(count):
        at = now - age - PERIOD * number
        of = slot if number % 2 == 0 else slot.other
        first = {"kind": Kind.PUBLISH, "cause": Cause.ADOPT} if number == count - 1 else {}
        made.append(outcome(at, of, number, **first))
    return tuple(reversed(made))


def record(name: str, now: datetime, *, age: timedelta, slot: Slot = Slot.PRIMARY, **facts: object) -> Record:
    known: dict[str, object] = {
        "resource": str(resource(name)),
        "snapshot": snapshot(name, now, age=age, slot=slot),
        "history": rotations(now, age, slot=slot),
    }
    return Record.model_validate(known | facts)


def journal(now: datetime, slot: Slot, step: Step = Step.REGENERATED) -> Journal:
    asked = now - timedelta(seconds=19)
    times = {Step.PLANNED: asked + timedelta(seconds=1), Step.REGENERATED: asked + timedelta(seconds=17)}
    return Journal(
        rotation_id="7d9f2c1e-0000-5000-8000-00000000abcd",
        kind=Kind.ROTATE,
        slot=slot,
        trigger="http",
        reason="audit finding 12",
        requested_at=asked,
        overlap_hours=24,
        step=step,
        times={name: at for name, at in times.items() if step is not Step.PLANNED or name is Step.PLANNED},
    )


def fleet(now: datetime) -> list[Record]:
    """One of each, and some that are simply well."""
    days = timedelta(days=1)
    refused = failure(
        now - 3 * timedelta(hours=1),
        "NotPermitted",
        "Key Vault answered 403 ForbiddenByRbac: the app's identity needs the role Key Vault Secrets Officer on it",
    )
    lost = rotations(now, 61 * days)
    unpublished = failure(
        now - 2 * days,
        "KeyRefused",
        "SignalR still rejects the Secondary key of board-eu 120 s after its regeneration. "
        "It was not published; the published key is unchanged",
        slot=Slot.SECONDARY,
        kind=Kind.ROTATE,
        times={Step.PLANNED: now - 2 * days, Step.REGENERATED: now - 2 * days + timedelta(seconds=17)},
    )
    well = [
        record(name, now, age=age * days, slot=Slot.PRIMARY if age % 2 else Slot.SECONDARY)
        for name, age in [("alerts-eu", 3), ("alerts-us", 12), ("checkout", 27), ("chat-us", 34), ("quiz", 41)]
    ]
    return [
        record("chat-eu", now, age=61 * days, history=(*lost, refused)),
        record("board-eu", now, age=62 * days, history=(*rotations(now, 62 * days), unpublished)),
        record("telemetry", now, age=75 * days, slot=Slot.SECONDARY),
        record("orders", now, age=9 * days, snapshot=snapshot("orders", now, age=9 * days, slot=None)),
        record(
            "legacy", now, age=20 * days, snapshot=snapshot("legacy", now, age=20 * days, slot=None, fingerprint=None)
        ),
        record("presence", now, age=60 * days, slot=Slot.SECONDARY, journal=journal(now, Slot.PRIMARY)),
        record("tracking", now, age=56 * days),
        record(
            "auction",
            now,
            age=0.6 * days,
            snapshot=snapshot("auction", now, age=0.6 * days, retire_after=now + timedelta(hours=9)),
        ),
        record("archive", now, age=70 * days, snapshot=snapshot("archive", now, age=70 * days, paused=True)),
        record(
            "intranet", now, age=5 * days, snapshot=snapshot("intranet", now, age=5 * days, local_auth_disabled=True)
        ),
        Record(resource=str(resource("brand-new"))),
        *well,
    ]
