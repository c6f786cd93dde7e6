"""Resources that leave the fleet: deleted, or not managed any more. What was promised before is kept.

Absence is believed twice: ARM answers 404 for a moment where a gateway or a replica has not caught up.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.decision import Code, Retire, Skip
from shared.domain.errors import MissingNow, NotFound, RetirementImpossible
from shared.domain.journal import Journal
from shared.domain.keys import KeyPair
from shared.domain.planning import open_journal
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Record
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import Resource
from shared.rotation.inventory import Fleet
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.observe import observe
from shared.rotation.outcomes import closed_as_removed, failed, nothing_done
from shared.rotation.ports import Services
from shared.rotation.verdicts import owed, with_verdicts

_MISSING_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Promise:
    """A retirement that is due on a resource that has left: what to carry it out with."""

    journal: Journal
    policy: Policy
    keys: KeyPair | None


def has_promised(record: Record) -> bool:
    """Whether a leaked key is still to be invalidated, or to be seen invalid: also of a resource that has left."""
    promised, late = record.retirement, record.rejected
    leaked = late is not None and bool(late.leaked)
    return leaked or record.unconfirmed is not None or (promised is not None and not promised.by_policy)


def policy_before(fleet: Fleet, resource: Resource, record: Record) -> Policy:
    """The policy of a resource that is managed no more: its tags are gone, and the record knows where it publishes."""
    policy, place = fleet.policy(replace(resource, tags={})), record.publication or record.snapshot
    return replace(policy, vault_url=place.vault_url, secret_name=place.secret_name) if place else policy


async def gone(services: Services, fleet: Fleet, leased: LeasedRecord, item: WorkItem, error: NotFound) -> Outcome:
    """ARM does not find it. Believed when ARM says so again, a quarter of an hour later; an open run survives that.

    Then it is reported, once, to a caller that named it or had begun to rotate it. Raises `MissingNow` before that.
    """
    record, now = leased.record, services.clock()
    if not record.removed and (record.missing_since is None or now < record.missing_since + _MISSING_FOR):
        if record.missing_since is None:
            await leased.write(record.missing(now))
        if item.mode is Mode.SWEEP:
            return nothing_done(item, Skip(Code.MISSING), now)
        raise MissingNow(item.resource_id.name, "observe")
    if item.mode is Mode.SWEEP and record.removed:
        return nothing_done(item, Skip(Code.GONE), now)
    if item.mode is not Mode.SWEEP or record.journal or fleet.names(item.resource_id):
        outcome = await failed(services, leased, item, error)
        await leased.write(leased.record.closed_as_removed(outcome))
        return outcome
    return await closed_as_removed(leased, item, Code.GONE, now)


async def left(
    services: Services, fleet: Fleet, leased: LeasedRecord, item: WorkItem, resource: Resource
) -> Outcome | Promise:
    """It is not managed any more. A retirement that was promised is kept; then its history is closed.

    One that only its policy asked for goes with its policy. One that ARM has carried out is reported once it is seen.

    Raises `RetirementImpossible`, and what the ports raise.
    """
    record, now = leased.record, services.clock()
    promised, begun, late = record.retirement, record.unconfirmed, record.rejected
    if not has_promised(record) or record.publication is None or record.removed:
        return await closed_as_removed(leased, item, Code.NOT_MANAGED, now)
    if record.journal:  # of which nothing has come, and nothing will
        await leased.write(record := record.without_journal())
    policy = policy_before(fleet, resource, record)
    observation, keys = await observe(services, resource, policy, record)
    if not observation.fingerprints:  # keys are switched off: whether the leaked one is gone is not known
        return nothing_done(item, Skip(Code.NOT_MANAGED), now)
    if begun and begun.slot:
        observation = await with_verdicts(services, observation, keys, of_published=False)
        accepted = observation.accepted.get(begun.slot)
        return Promise(begun, policy, keys) if accepted else nothing_done(item, Skip(Code.NOT_MANAGED), now)
    if late and observation.late_retires:
        raise RetirementImpossible(resource.id.name, late.leaked)
    if promised is None and (promised := owed(observation, now)):
        await leased.write(record.with_publication(record.publication, promised).with_rejected(None))
    leaked = observation.slot_of(promised.fingerprint) if promised else None
    if promised is None or leaked is None:
        return await closed_as_removed(leased, item, Code.NOT_MANAGED, now)
    if leaked is observation.published_slot or (observation.published is None and leaked is observation.known_slot):
        raise RetirementImpossible(resource.id.name, promised.fingerprint)
    if now < promised.after:
        return nothing_done(item, Skip(Code.NOT_MANAGED, promised.after), now)
    return Promise(open_journal(Retire(leaked), observation, item, policy, now), policy, keys)
