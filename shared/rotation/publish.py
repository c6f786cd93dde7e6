"""Publishing a verified key, once: one new version of the secret for one rotation id.

A `set_secret` whose answer was lost may have added the version, and another writer may have added one since. So a run
that is resumed looks for the version by its rotation id, among all of them, before it adds any.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from shared.domain.decision import Cause, not_to_be_written
from shared.domain.errors import SecretDisabled, Terminal
from shared.domain.hubs import distinct, still_open
from shared.domain.journal import Kind
from shared.domain.keys import AccessKey
from shared.domain.observation import Publication, PublishedSecret, Retirement
from shared.domain.policy import Policy
from shared.rotation.observe import is_owned, own_text, secret_error
from shared.rotation.ports import NewSecretVersion
from shared.rotation.run_context import Abandoned, RunContext

log = logging.getLogger("rotation")


async def was_published(run: RunContext) -> bool:
    """Whether this rotation has added its version already; if so, that is stored. Raises what the ports raise.

    It was planned for the secret of the snapshot. Where that has another name since, the version is announced as it is,
    and moved by the decision that follows.
    """
    run.version_may_exist = True  # until every place that can be asked says no
    made = await _made_at(run, run.policy)
    if made is None and (before := _planned_for(run)) and (made := await _made_at(run, before)):
        run.policy = before
    run.version_may_exist = made is not None
    if made is not None:
        await _store(run, made)
    return made is not None


async def _made_at(run: RunContext, policy: Policy) -> PublishedSecret | None:
    try:
        return await run.services.secrets.made_by(policy.vault_url, policy.secret_name, run.journal.rotation_id)
    except Terminal:
        if policy is run.policy:
            raise
        return None  # a vault that was given up says nothing, and must not keep the run from its end


def _planned_for(run: RunContext) -> Policy | None:
    """The policy with the secret that this run was planned for, where another one is configured now."""
    before, now = run.leased.record.snapshot, run.policy
    if before is None or before.publishes_to(now.vault_url, now.secret_name):
        return None
    return replace(now, vault_url=before.vault_url, secret_name=before.secret_name)


async def _planned_here(run: RunContext) -> None:
    """Write down where the version is about to be added, if the run was planned for another secret.

    Should this worker not live to write that it is there, and the secret be renamed again, the next looks there too.
    """
    record = run.leased.record
    if record.snapshot and _planned_for(run):
        await run.leased.write(record.with_snapshot(record.snapshot.planned_for(run.policy)))


async def publish(run: RunContext, key: AccessKey) -> None:
    """Add the version.

    Raises `SecretDisabled`; `SecretNotOwned` and its kind where a foreign value has been written meanwhile; `Abandoned`
    when only publishing was asked and anybody has published meanwhile; and what the ports raise.
    """
    policy, journal = run.policy, run.journal
    newest = await run.services.secrets.newest(policy.vault_url, policy.secret_name)
    if newest and not newest.enabled:
        raise SecretDisabled(
            f"the newest version of {policy.secret_name} is disabled: enable it, or add one, to go on",
            step="publish",
        )
    if (newest.version if newest else None) != journal.previous_version:
        if journal.kind is Kind.PUBLISH:
            raise Abandoned
        _expect_own(run, newest, key)
    await _planned_here(run)
    made = await _add(run, newest, key)
    await _store(run, made)
    log.info("key published", extra=run.leased.log_fields)


def _expect_own(run: RunContext, newest: PublishedSecret | None, key: AccessKey) -> None:
    """Raise what a decision would come to if somebody else's value has been written since this run was planned."""
    record, known = run.leased.record, {**run.journal.before, run.slot: key.fingerprint}
    owned = is_owned(newest, run.resource.id, run.policy, record, fingerprints=known, endpoint=key.endpoint)
    if code := not_to_be_written(newest, owned=owned):
        raise secret_error(code, run.resource.id, run.policy)


async def _add(run: RunContext, newest: PublishedSecret | None, key: AccessKey) -> PublishedSecret:
    journal = run.journal
    retirement = await _retirement(run, newest, key)
    version = NewSecretVersion(
        run.resource.id,
        journal.rotation_id,
        journal.kind.value,
        key,
        run.policy,
        retirement,
        replaces=own_text(newest, journal.before, key),
    )
    # Key Vault cannot carry the lease id any more than ARM can: so the lease must outlive the call.
    await run.leased.renew()
    timeout = run.leased.timeout_seconds
    run.version_may_exist = True
    try:
        return await run.services.secrets.publish(version, now=run.services.clock(), timeout_seconds=timeout)
    except Terminal:  # a refusal
        run.version_may_exist = False
        raise


async def _retirement(run: RunContext, newest: PublishedSecret | None, key: AccessKey) -> Retirement | None:
    """What the new version says of a key to be invalidated: the other slot's, or an earlier one that still works."""
    journal = run.journal
    earlier = run.leased.record.retirement or (newest.retirement if newest else None)
    by_policy = journal.retire_hours is not None
    promised = earlier is not None and earlier.fingerprint == journal.retire and by_policy
    if journal.retire and not promised:  # a policy puts no promise off
        hours = journal.overlap_hours if journal.retire_hours is None else journal.retire_hours
        after = run.services.clock() + timedelta(hours=hours)
        return Retirement(fingerprint=journal.retire, after=after, by_policy=by_policy)
    if earlier is None or earlier.fingerprint == key.fingerprint:
        return None
    if earlier.by_policy and newest and newest.fingerprint == earlier.fingerprint:
        # Somebody put it back, and clients have read it until now: it has not leaked, so they get their overlap.
        after = run.services.clock() + timedelta(hours=journal.overlap_hours)
        earlier = earlier.model_copy(update={"after": max(earlier.after, after)})
    return earlier if (await run.read_keys()).slot_of(earlier.fingerprint) else None


def _with_hubs(run: RunContext, retirement: Retirement | None) -> Retirement | None:
    """The retirement that the version's tags promise, with the hubs whose connections are to be closed then."""
    earlier = run.leased.record.retirement
    if retirement is None:
        return None
    known = earlier.close_connections if earlier and earlier.fingerprint == retirement.fingerprint else ()
    hubs = distinct((*known, *run.journal.close_connections))
    return retirement.model_copy(update={"close_connections": hubs})


def _goes_on(run: RunContext, known: Publication, made: PublishedSecret) -> bool:
    """Whether this repeats what was published last, or moves it to a new secret: one that had a key begins anew."""
    there = known.is_in(run.policy.vault_url, run.policy.secret_name)
    return known.fingerprint == made.fingerprint and (there or run.journal.previous_version is None)


async def _store(run: RunContext, made: PublishedSecret) -> None:
    """Write down what is published now: in the journal, in the snapshot, and as the last known publication."""
    record, retirement = run.leased.record, _with_hubs(run, made.retirement)
    if made.fingerprint:
        replaces = run.journal.kind is Kind.ROTATE or run.journal.cause is Cause.LATE
        promised = timedelta(hours=run.journal.overlap_hours) if replaces else timedelta()
        longer = promised if promised > run.policy.overlap else timedelta()
        known = record.publication
        since = min(known.since, made.since) if known and _goes_on(run, known, made) else made.since
        if record.snapshot:
            snapshot = record.snapshot.with_published(
                made,
                run.slot,
                run.policy,
                since=since,
                retirement=retirement,
                overlap=longer,
            )
            record = record.with_snapshot(snapshot)
        hours = longer / timedelta(hours=1)
        publication = Publication.of(made.fingerprint, since, run.policy, written_at=made.since, overlap_hours=hours)
        late = record.rejected
        aside = run.journal.kind is Kind.PUBLISH and late is not None and late.slot is not run.slot
        # Another key is published while that one is waited for: a revocation is not over with it.
        record = record.with_publication(publication, retirement).with_rejected(late if aside else None)
        record = record.with_suspect(None)
        run.leased.stage(record)
    published = run.journal.published(
        run.services.clock(),
        version=made.version,
        secret_id=made.secret_id,
        fingerprint=made.fingerprint,
        retire_after=made.retirement.after if made.retirement else None,
    )
    run.leased.stage(run.leased.record.with_journal(published))  # closing the run, which comes next, writes it
    if still_open(published.closings):
        await run.leased.save()
