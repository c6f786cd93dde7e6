"""The steps of one rotation, in the only order there is: regenerate, verify, publish, cut, close, announce.

Each step asks first whether it is already done, so that an open journal can be picked up at any step, by any worker,
any number of times.
"""

import logging
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain import events
from shared.domain.errors import (
    KeyRejected,
    KeyUnchanged,
    LocalAuthDisabled,
    OperationFailed,
    Retryable,
    RotationError,
    SaltOutcomeUnknown,
    ServiceRejectsKeys,
    Terminal,
)
from shared.domain.hubs import still_open
from shared.domain.journal import Kind, Step
from shared.domain.observation import RejectedKey
from shared.domain.record import Outcome, Record, Result
from shared.observability import telemetry
from shared.rotation.close_connections import close_connections
from shared.rotation.outbox import flush
from shared.rotation.outcomes import STANDING, log_failure
from shared.rotation.publish import publish, was_published
from shared.rotation.regenerate import regenerate_salt, verified_key
from shared.rotation.run_context import Abandoned, RunContext

if TYPE_CHECKING:
    from shared.domain.keys import AccessKey

log = logging.getLogger("rotation")

_SETTLED = (KeyRejected, KeyUnchanged, LocalAuthDisabled, OperationFailed, ServiceRejectsKeys)


async def finish(run: RunContext) -> Outcome:
    """Do what is left to do, close the journal, and announce.

    A `Terminal` failure is recorded, announced and given as the outcome; the journal stays open if a key has changed,
    so that the next run goes on from there. `Retryable` failures are raised, the journal stays open.
    """
    journal = run.journal
    with telemetry.rotating(journal, lambda: run.leased.record):
        try:
            outcome = await _carried_out(run)
        except Retryable:
            known = run.leased.record.journal
            if known and known.touched:  # how far it came is worth a write: it may be long until the next attempt
                with suppress(RotationError):
                    await run.leased.save()
            raise
        if run.leased.record.outbox:
            with telemetry.step("announce", lambda: run.leased.record.journal or journal):
                await flush(run.services, run.leased)
    telemetry.ended(outcome)
    # Announcing it may have added to it.
    return run.leased.record.outcome_of(outcome.rotation_id) or outcome


async def _carried_out(run: RunContext) -> Outcome:
    key: AccessKey | None = None
    try:
        if run.journal.kind is Kind.SALT:
            await _respect_switches(run)
            with telemetry.step("regenerate", lambda: run.journal):
                await regenerate_salt(run)
        elif run.journal.step in {Step.PLANNED, Step.REGENERATED} and not await _was_published(run):
            await _respect_switches(run)
            key = await verified_key(run)
            if run.journal.kind is not Kind.RETIRE:
                with telemetry.step("publish", lambda: run.journal):
                    await publish(run, key)
        if still_open(run.journal.closings):
            with telemetry.step("close", lambda: run.journal):
                await close_connections(run, key)
    except Abandoned:
        abandoned = Outcome.of(run.journal, Result.ABANDONED, run.services.clock())
        return await _close(run, run.leased.record, abandoned)
    except Terminal as error:
        return await _fail(run, error)
    return await _succeed(run)


async def _was_published(run: RunContext) -> bool:
    return run.resumed and run.journal.kind is not Kind.RETIRE and await was_published(run)


async def _respect_switches(run: RunContext) -> None:
    """Raise `Abandoned` where an operator has said stop before a key was touched."""
    if run.resource.local_auth_disabled and run.journal.touched:
        raise LocalAuthDisabled(run.resource.id.name)
    if run.journal.touched:
        return
    if run.policy.paused or run.resource.local_auth_disabled or (run.resumed and await _has_to_wait(run)):
        raise Abandoned


async def _has_to_wait(run: RunContext) -> bool:
    """Whether a scheduled rotation that was planned would not be begun now: its window closed, or a hold came."""
    if not run.journal.scheduled:
        return False
    closed = run.policy.opens_at(run.services.clock()) is not None
    return closed or await run.rollouts.standstill(run.resource.id) is not None


async def _succeed(run: RunContext) -> Outcome:
    """Close, with the event in the same write: whatever becomes of the topic, it will be announced."""
    journal, record = run.journal, run.leased.record
    if journal.kind is Kind.RETIRE and journal.slot:
        if record.snapshot:
            record = record.with_snapshot(record.snapshot.with_retired(journal.slot, journal.after))
        promised = record.retirement
        if promised and promised.fingerprint == journal.before.get(journal.slot):
            record = record.with_publication(record.publication, None)
    await run.rollouts.succeeded(journal, resumed=run.resumed)
    event = events.completed(journal, run.resource.id, run.policy)
    return await _close(run, record.announcing(event), Outcome.of(journal, Result.SUCCEEDED, run.services.clock()))


async def _fail(run: RunContext, error: Terminal) -> Outcome:
    """Close, or leave open what is worth finishing. The same failure is recorded and announced once a day."""
    journal, record, now = run.journal, run.leased.record, run.services.clock()
    log_fields = run.leased.log_fields | {"code": error.code, "failed_step": error.step}
    result = Result.UNKNOWN if isinstance(error, SaltOutcomeUnknown) else Result.FAILED
    outcome = Outcome.of(journal, result, now, code=error.code, message=error.message)
    # A key that has changed, or may have, is worth finishing. After a settled error there is nothing to finish.
    touched = journal.touched or run.version_may_exist
    unfinished = result is Result.FAILED and touched and not isinstance(error, _SETTLED)
    if isinstance(error, KeyRejected | ServiceRejectsKeys):
        record = _remembering(run, error, now)
    if record.repeats_last_failure(outcome, within=STANDING) and (unfinished or outcome.repeats(record.history[-1])):
        log.warning("rotation still fails", extra=log_fields)
        if not unfinished:
            await run.leased.write(record.without_journal())
        return outcome
    log_failure(error, log_fields)
    await run.rollouts.failed(record, error)
    event = events.failed(error, run.resource.id, journal, run.policy.secret_name, now)
    return await _close(run, record.announcing(event), outcome, close_journal=not unfinished)


def _remembering(run: RunContext, error: KeyRejected | ServiceRejectsKeys, now: datetime) -> Record:
    """The record with the regenerated key that SignalR did not accept in time: later attempts look at it first.

    A retirement is put aside until SignalR accepts that key: until then it may accept the one before as well.
    """
    journal, record = run.journal, run.leased.record
    if journal.kind is Kind.ROTATE and journal.after:
        late = RejectedKey(
            slot=run.slot,
            fingerprint=journal.after,
            at=now,
            retire=journal.retire is not None,
            by_policy=journal.retire_hours is not None,
            leaked=journal.retire if journal.retire and journal.retire_hours is None else "",
            overlap_hours=journal.overlap_hours,
            close_connections=journal.close_connections,
            close_now=tuple(each.hub for each in still_open(journal.closings)),
        )
        record = record.with_rejected(late)
    if journal.kind is Kind.RETIRE:
        record = record.with_unconfirmed(journal)
    if isinstance(error, ServiceRejectsKeys) and record.publication:
        fingerprint = record.publication.fingerprint
        record = record.with_suspect(RejectedKey(slot=run.slot.other, fingerprint=fingerprint, at=now))
    return record


async def _close(run: RunContext, record: Record, outcome: Outcome, *, close_journal: bool = True) -> Outcome:
    """Store how the run ended, in one write: a write that is refused must leave no event behind."""
    log_fields = run.leased.log_fields
    await run.leased.write(record.with_outcome(outcome, close_journal=close_journal))
    if outcome.result is not Result.FAILED:
        log.info("rotation closed", extra=log_fields | {"result": outcome.result.value})
    return outcome
