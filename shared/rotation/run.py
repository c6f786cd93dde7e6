"""The steps of one rotation, in the only order there is: regenerate, verify, publish, announce, close.

Each step asks first whether it is already done, so that an open journal can be picked up at any step, by any worker,
any number of times.
"""

import logging

from shared.domain import events
from shared.domain.errors import (
    KeyRejected,
    KeyUnchanged,
    OperationFailed,
    RotationError,
    SaltOutcomeUnknown,
    Terminal,
)
from shared.domain.record import Kind, Outcome, Result, Step
from shared.observability import telemetry
from shared.rotation.outbox import announce_failure
from shared.rotation.publish import publish, was_published
from shared.rotation.regenerate import regenerate_salt, verified_key
from shared.rotation.run_context import Abandoned, RunContext

log = logging.getLogger("rotation")

_SETTLED = (KeyRejected, KeyUnchanged, OperationFailed)


async def finish(run: RunContext) -> Outcome:
    """Do what is left to do, and close the journal.

    A `Terminal` failure is recorded, announced and given as the outcome; the journal stays open if a key has changed,
    so that the next run goes on from there. `Retryable` failures are raised, the journal stays open.
    """
    with telemetry.rotating(run.journal, lambda: run.leased.record):
        outcome = await _carried_out(run)
    telemetry.ended(outcome)
    return outcome


async def _carried_out(run: RunContext) -> Outcome:
    try:
        if run.journal.kind is Kind.SALT:
            _respect_switches(run)
            with telemetry.step("regenerate", lambda: run.journal):
                await regenerate_salt(run)
        elif run.journal.step in {Step.PLANNED, Step.REGENERATED} and not await _was_published(run):
            _respect_switches(run)
            key = await verified_key(run)
            if run.journal.kind is not Kind.RETIRE:
                with telemetry.step("publish", lambda: run.journal):
                    await publish(run, key)
        with telemetry.step("announce", lambda: run.journal):
            await _announce(run)
    except Abandoned:
        return await _close(run, Result.ABANDONED)
    except Terminal as error:
        return await _fail(run, error)
    return await _close(run, Result.SUCCEEDED)


async def _was_published(run: RunContext) -> bool:
    return run.resumed and run.journal.kind is not Kind.RETIRE and await was_published(run)


def _respect_switches(run: RunContext) -> None:
    """Raise `Abandoned` where an operator has said stop before a key was touched."""
    if (run.policy.paused or run.resource.local_auth_disabled) and not run.journal.touched:
        raise Abandoned


async def _announce(run: RunContext) -> None:
    if run.journal.step is Step.ANNOUNCED:
        return
    # The lease was ours a moment ago, and an event that is sent twice is one event: its id is the same.
    await run.services.events.publish(events.completed(run.journal, run.resource.id, run.policy))
    # Stored with the outcome: after a crash in between it is announced once more.
    run.leased.stage(run.leased.record.with_journal(run.journal.announced(run.services.clock())))
    log.info("rotation announced", extra=run.leased.log_fields)


async def _fail(run: RunContext, error: Terminal) -> Outcome:
    """Announce, then store. The other way round, a crash in between would leave it unannounced."""
    failure = events.failed(error, run.resource.id, run.journal, run.policy.secret_name)
    await announce_failure(run.services.events, failure)
    log.error("rotation failed", extra=run.leased.log_fields | {"code": error.code, "failed_step": error.step})
    result = Result.UNKNOWN if isinstance(error, SaltOutcomeUnknown) else Result.FAILED
    return await _close(run, result, error)


async def _close(run: RunContext, result: Result, error: RotationError | None = None) -> Outcome:
    journal, log_fields = run.journal, run.leased.log_fields
    code, message = (error.code, error.message) if error else (None, None)
    outcome = Outcome.of(journal, result, run.services.clock(), code=code, message=message)
    # A key that has changed, or may have, is worth finishing. After a settled error there is nothing to finish.
    touched = journal.touched or run.version_may_exist
    unfinished = result is Result.FAILED and touched and not isinstance(error, _SETTLED)
    record = run.leased.record
    if result is Result.SUCCEEDED and journal.kind is Kind.RETIRE and record.snapshot and journal.slot:
        record = record.with_snapshot(record.snapshot.with_retired(journal.slot, journal.after))
    await run.leased.write(record.with_outcome(outcome, close_journal=not unfinished))
    if result is not Result.FAILED:
        log.info("rotation closed", extra=log_fields | {"result": result.value})
    return outcome
