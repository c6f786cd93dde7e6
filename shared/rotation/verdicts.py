"""SignalR's word on keys that ARM lists, asked where a decision rests on it.

A single answer is no word: 200 and 401 in turn have been reported after a regeneration (Azure/azure-signalr#1955), and
a front that accepts everybody says nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.decision import LATE_PATIENCE
from shared.domain.errors import ServiceRejectsKeys
from shared.domain.keys import AccessKey, KeyPair, Slot
from shared.domain.observation import Observation, RejectedKey, Retirement
from shared.rotation.ports import KeyProbe, Services, Verdict


async def with_verdicts(
    services: Services, observation: Observation, keys: KeyPair | None, *, of_published: bool
) -> Observation:
    """The observation with SignalR's word on keys that are remembered as rejected, and on the published one if asked.

    On the other key too, where the published one is rejected. Never raises.
    """
    if keys is None or observation.run_open:
        return observation
    accepted: dict[Slot, bool] = {}

    async def ask(slot: Slot, *, control: bool = True) -> None:
        if slot not in accepted and (word := await _word(services.probe, keys[slot], control=control)) is not None:
            accepted[slot] = word

    for slot in (observation.late.slot if observation.late else None, observation.unconfirmed):
        if slot:
            await ask(slot)
    published = observation.published_slot
    if published and of_published:
        await ask(published, control=False)
        if accepted.get(published) is False:
            await ask(published.other)
    return replace(observation, accepted=accepted)


async def is_rejected(services: Services, key: AccessKey) -> bool:
    """Whether SignalR says no to this key, twice in a row. Never raises."""
    return await _word(services.probe, key, control=False) is False


async def is_accepted(services: Services, key: AccessKey) -> bool:
    """Whether SignalR takes this key, twice in a row, and rejects a random one. Never raises."""
    probe = services.probe
    return await _word(probe, key, control=True) is True and await probe.probe(key) is Verdict.ACCEPTED


def owed(observation: Observation, now: datetime) -> Retirement | None:
    """The retirement of a leaked key, where the late key for it is waited for no more: it was published, or replaced.

    Another caller did that. The leaked key is still listed, and its clients have their overlap from now.
    """
    key = observation.rejected
    if key is None or observation.late or not observation.still_leaked(key):
        return None
    after = now + timedelta(hours=key.overlap_hours or 0)
    return Retirement(fingerprint=key.leaked, after=after, close_connections=key.close_connections)


def still_late(observation: Observation, now: datetime) -> RejectedKey | None:
    """The regenerated key that could not be published, as long as it is waited for: a revocation's without an end."""
    before = observation.rejected
    nothing_published = before is not None and observation.published_slot is None and observation.still_leaked(before)
    if nothing_published or not observation.fingerprints:  # the secret was purged; keys are switched off
        return before
    late = observation.late
    return late if late and (observation.revoking or now < late.at + LATE_PATIENCE) else None


def suspect(observation: Observation, now: datetime) -> RejectedKey | None:
    """The published key, where SignalR rejects it, and since when; as it was where SignalR was not asked, or silent."""
    slot = observation.published_slot
    if slot is None or observation.accepted.get(slot):
        return None
    before, fingerprint = observation.suspect, observation.fingerprints[slot]
    if before and before.fingerprint == fingerprint:
        return before
    return RejectedKey(slot=slot, fingerprint=fingerprint, at=now) if observation.published_rejected else None


def published_key_rejected(services: Services, name: str, observation: Observation) -> ServiceRejectsKeys:
    """The error of a resource whose published key SignalR rejects, as it was observed."""
    slot = observation.published_slot
    if slot is None:
        raise AssertionError("no key of the resource is published")
    fingerprint = observation.fingerprints[slot]
    match observation.accepted.get(slot.other):
        case False:
            return both_rejected(services, name, fingerprint)
        case True if observation.has_leaked(slot.other):
            return _error(services, name, fingerprint, "the other key must not be published: it is to be invalidated")
        case True:
            return _error(services, name, fingerprint, "the other key is accepted: a sweep publishes it")
        case None:
            return _error(services, name, fingerprint, "whether it accepts the other key is not known")


def both_rejected(services: Services, name: str, published: str) -> ServiceRejectsKeys:
    """The error of a resource of which SignalR accepts neither key."""
    return _error(services, name, published, "the other key is rejected as well")


def _error(services: Services, name: str, published: str, other: str) -> ServiceRejectsKeys:
    clock = "this worker's clock is off: restart the app. Then " if services.probe.clock_error_seconds else ""
    return ServiceRejectsKeys(
        f"SignalR rejects the published key {published} of {name}, which ARM lists as valid; {other}. Clients that "
        "read the secret are rejected, and no key is regenerated by schedule meanwhile. What to do: "
        f"{clock}restart the resource (az signalr restart) and look at its health, or rotate it with force",
        step="verify",
    )


async def _word(probe: KeyProbe, key: AccessKey, *, control: bool) -> bool | None:
    """Accepted or rejected; None where that can't be said. `control`: an acceptance counts where not all are let in."""
    match await probe.probe(key):
        case Verdict.REJECTED:
            return False if await probe.probe(key) is Verdict.REJECTED else None
        case Verdict.ACCEPTED:
            return True if not control or await probe.discriminates(key.endpoint) else None
        case _:
            return None
