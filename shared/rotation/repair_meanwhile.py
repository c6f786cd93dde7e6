"""Repairing what is published while a regeneration may still run: nothing is sent to ARM, and the run stays open.

Another caller has replaced the published key, or written over the secret: clients that read it are rejected. The run
that is under way may stay open for hours, or until an operator acts. That must not keep the repair back.
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
from shared.rotation.verdicts import is_accepted

log = logging.getLogger("rotation")


async def repair_meanwhile(run: RunContext, keys: KeyPair) -> None:
    """Publish the other slot's key where the secret holds neither, if SignalR accepts it and it is not to be retired.

    A version whose record is lost is announced by the next attempt. Raises what the ports raise.
    """
    other = keys[run.slot.other]
    newest = await run.services.secrets.newest(run.policy.vault_url, run.policy.secret_name)
    promised = _promised(run, newest, keys)
    spoilt = {run.journal.retire, promised.fingerprint if promised else None}
    if other.fingerprint in spoilt or not _is_dead(run, newest, keys) or not await is_accepted(run.services, other):
        return
    replaced = newest.version if newest else None
    version = NewSecretVersion(
        run.resource.id,
        rotation_id(run.resource.id, f"repair:{run.journal.rotation_id}:{replaced}:{other.fingerprint}"),
        Kind.PUBLISH.value,
        other,
        run.policy,
        promised,
        replaces=own_text(newest, run.journal.before, other),
    )
    await run.leased.renew()  # the lease must outlive the call
    timeout = run.leased.timeout_seconds
    made = await run.services.secrets.publish(version, now=run.services.clock(), timeout_seconds=timeout)
    done = _as_journal(run, made, version, replaced, run.services.clock())
    # Clients that read the secret got 401 until now: an alert is set on this.
    log.error("invalid key published", extra=done.log_fields | {"resource": str(run.resource.id), "why": done.reason})
    await _record(run, made, done)


def _is_dead(run: RunContext, newest: PublishedSecret | None, keys: KeyPair) -> bool:
    """Whether the resource's own secret holds a key that ARM lists no more, or was purged."""
    record, fingerprints = run.leased.record, {each: keys[each].fingerprint for each in (run.slot, run.slot.other)}
    if newest is None:
        known = record.publication
        return known is not None and known.is_in(run.policy.vault_url, run.policy.secret_name)
    if not newest.enabled or newest.fingerprint in fingerprints.values():
        return False
    endpoint = keys[run.slot].endpoint
    owned = is_owned(newest, run.resource.id, run.policy, record, fingerprints=fingerprints, endpoint=endpoint)
    return not_to_be_written(newest, owned=owned) is None


def _promised(run: RunContext, newest: PublishedSecret | None, keys: KeyPair) -> Retirement | None:
    earlier = run.leased.record.retirement or (newest.retirement if newest else None)
    return earlier if earlier and keys.slot_of(earlier.fingerprint) else None


def _as_journal(
    run: RunContext, made: PublishedSecret, version: NewSecretVersion, replaced: str | None, now: datetime
) -> Journal:
    """What a run of its own would have come to."""
    fingerprint = version.key.fingerprint
    opened = Journal(
        rotation_id=version.rotation_id,
        kind=Kind.PUBLISH,
        slot=run.slot.other,
        cause=Cause.REPAIR,
        trigger=run.journal.trigger,
        reason=f"the published value was no valid key: another caller changed it; {fingerprint} is published",
        requested_at=now,
        before=run.journal.before,
        previous_version=replaced,
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
    published = Publication.of(done.after or "", made.since, run.policy, written_at=made.since)
    record = record.with_publication(published, record.retirement)
    record = record.with_outcome(Outcome.of(done, Result.SUCCEEDED, now), close_journal=False)
    await run.leased.write(record.announcing(events.completed(done, run.resource.id, run.policy)))
    await flush(run.services, run.leased)  # the run goes on later, and consumers are rejected until they read it
