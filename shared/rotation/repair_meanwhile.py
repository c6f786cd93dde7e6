"""Repairing what is published while a regeneration may still run: nothing is sent to ARM, and the run stays open.

Somebody has replaced the published key, and the secret still holds the one before: clients that read it are rejected.
The run that is under way may stay open for hours, or until an operator acts. That must not keep the repair back.
"""

import logging
from datetime import datetime

from shared.domain import events
from shared.domain.decision import Cause, not_to_be_written
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import KeyPair
from shared.domain.observation import Publication, PublishedSecret, Retirement
from shared.domain.record import Outcome, Result
from shared.domain.requests import rotation_id
from shared.rotation.observe import is_owned, own_text
from shared.rotation.outbox import flush
from shared.rotation.ports import NewSecretVersion
from shared.rotation.run_context import RunContext
from shared.rotation.verdicts import is_rejected

log = logging.getLogger("rotation")


async def repair_meanwhile(run: RunContext, keys: KeyPair) -> None:
    """Publish the other slot's key, where it was replaced and the secret holds none of the two. Announced once.

    Raises what the ports raise.
    """
    slot, journal = run.slot.other, run.journal
    other = keys[slot]
    if journal.in_place or other.fingerprint == journal.before.get(slot):
        return
    newest = await run.services.secrets.newest(run.policy.vault_url, run.policy.secret_name)
    repair = rotation_id(run.resource.id, f"repair:{journal.rotation_id}:{other.fingerprint}")
    if newest is None or (newest.rotation_id == repair and run.leased.record.is_announced(repair)):
        return
    if newest.rotation_id != repair:
        if not _is_dead(run, newest, keys) or await is_rejected(run.services, other):
            return
        now = run.services.clock()
        retirement = _promised(run, newest, keys)
        text = own_text(newest, journal.before, other)
        version = NewSecretVersion(
            run.resource.id, repair, Kind.PUBLISH.value, other, run.policy, retirement, replaces=text
        )
        await run.leased.renew()  # the lease must outlive the call
        newest = await run.services.secrets.publish(version, now=now, timeout_seconds=run.leased.timeout_seconds)
        log.error("invalid key published", extra=run.leased.log_fields | {"why": _why(other.fingerprint)})
    await _record(run, newest, _as_journal(run, newest, repair, other.fingerprint, run.services.clock()))


def _is_dead(run: RunContext, newest: PublishedSecret, keys: KeyPair) -> bool:
    """Whether the resource's own secret holds a key that ARM lists no more."""
    fingerprints = {each: keys[each].fingerprint for each in (run.slot, run.slot.other)}
    if not newest.enabled or newest.fingerprint in fingerprints.values():
        return False
    endpoint, record = keys[run.slot].endpoint, run.leased.record
    owned = is_owned(newest, run.resource.id, run.policy, record, fingerprints=fingerprints, endpoint=endpoint)
    return not_to_be_written(newest, owned=owned) is None


def _promised(run: RunContext, newest: PublishedSecret, keys: KeyPair) -> Retirement | None:
    earlier = run.leased.record.retirement or newest.retirement
    return earlier if earlier and keys.slot_of(earlier.fingerprint) else None


def _why(fingerprint: str) -> str:
    return f"the published key was replaced by another caller: its slot's new key {fingerprint} is published"


def _as_journal(run: RunContext, made: PublishedSecret, repair: str, fingerprint: str, now: datetime) -> Journal:
    """What a run of its own would have come to."""
    journal = run.journal
    opened = Journal(
        rotation_id=repair,
        kind=Kind.PUBLISH,
        slot=run.slot.other,
        cause=Cause.REPAIR,
        trigger=journal.trigger,
        reason=_why(fingerprint),
        requested_at=now,
        before=journal.before,
        previous_version=journal.previous_version,
        overlap_hours=0,
        times={Step.PLANNED: now},
    )
    return opened.published(
        now, version=made.version, secret_id=made.secret_id, fingerprint=fingerprint, retire_after=None
    )


async def _record(run: RunContext, made: PublishedSecret, done: Journal) -> None:
    record, now = run.leased.record, run.services.clock()
    if record.snapshot:
        snapshot = record.snapshot.with_published(
            made, done.slot, run.policy, since=made.since, retirement=record.retirement
        )
        record = record.with_snapshot(snapshot)
    record = record.with_publication(Publication.of(done.after or "", made.since, run.policy), record.retirement)
    record = record.with_outcome(Outcome.of(done, Result.SUCCEEDED, now), close_journal=False)
    await run.leased.write(record.announcing(events.completed(done, run.resource.id, run.policy)))
    await flush(run.services, run.leased)  # the run goes on later, and consumers are rejected until they read it
