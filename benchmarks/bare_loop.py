"""The calls that the app can't do without, over its own clients, and nothing else: what its CPU is held to.

To rotate: lease, read, intent, `listKeys`, newest version, POST, polls, two probes and the control, set, close, event.
To look: newest version and one probe. Nothing is decided, re-checked, journaled step by step or stored for callers:
this is no rotator.

    python -m benchmarks.bare_loop rotate|look AT_ONCE RESOURCE...      prints the seconds of CPU of one resource
"""

import asyncio
import sys
import time
import uuid
from datetime import UTC, datetime

from shared.composition import App, build
from shared.domain import events
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import KeyType, Slot
from shared.domain.policy import Policy
from shared.domain.resources import ResourceId
from shared.rotation.inventory import Fleet
from shared.rotation.ports import NewSecretVersion, Verdict
from shared.settings import load

_TIMEOUT_SECONDS = 30.0


async def main(what: str, at_once: int, names: list[str]) -> None:
    """Take the first resource unmeasured, for tokens and connections; then the others, `at_once` in parallel."""
    app = build(load())
    settings = app.settings
    fleet = Fleet(app.services, named=settings.resources, scopes=settings.scopes, defaults=settings.policy_defaults)
    resources = [await app.services.signalr.get(ResourceId.parse(name)) for name in names]
    places = asyncio.Semaphore(at_once)

    act = {"rotate": _rotate, "look": _look}[what]

    async def take(resource: ResourceId, policy: Policy) -> None:
        async with places:
            await act(app, resource, policy)

    first, *others = [(resource.id, fleet.policy(resource)) for resource in resources]
    await take(*first)
    before = time.process_time()
    await asyncio.gather(*(take(*each) for each in others))
    sys.stdout.write(f"{(time.process_time() - before) / len(others)}\n")
    await app.close()


async def _look(app: App, resource: ResourceId, policy: Policy) -> None:
    _, key = await app.services.secrets.newest_with_key(policy.vault_url, policy.secret_name)
    if key is None or await app.services.probe.probe(key) is not Verdict.ACCEPTED:
        raise SystemExit(f"SignalR rejects the published key of {resource}")


async def _rotate(app: App, resource: ResourceId, policy: Policy) -> None:
    services, now = app.services, datetime.now(UTC)
    journal = Journal(
        rotation_id=str(uuid.uuid4()),
        kind=Kind.ROTATE,
        slot=Slot.PRIMARY,
        trigger="benchmark",
        requested_at=now,
        overlap_hours=0,
        times={Step.PLANNED: now},
    )
    async with services.records.lease(resource) as leased:
        await services.signalr.keys(resource)
        newest = await services.secrets.newest(policy.vault_url, policy.secret_name)
        await leased.update(journal.sending(now))
        with await services.signalr.permit(resource) as permit:
            done = await services.signalr.regenerate(
                resource, KeyType.PRIMARY, permit=permit, timeout_seconds=_TIMEOUT_SECONDS
            )
        key = done.shown
        if key is None:
            raise SystemExit(f"ARM showed no key of {resource}")
        verdicts = [
            await services.probe.probe(key),
            await services.probe.discriminates(key.endpoint),
            await services.probe.probe(key),
        ]
        version = NewSecretVersion(resource, journal.rotation_id, "rotate", key, policy, replaces=newest)
        made = await services.secrets.publish(version, now=now, timeout_seconds=_TIMEOUT_SECONDS)
        journal = journal.regenerated(now, key.fingerprint).published(
            now, version=made.version, secret_id=made.secret_id, fingerprint=made.fingerprint, retire_after=None
        )
        await leased.update(journal)
        await services.events.publish(events.completed(journal, resource, policy))
        if verdicts != [Verdict.ACCEPTED, True, Verdict.ACCEPTED]:
            raise SystemExit(f"SignalR rejects a key of {resource}, or none at all")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
