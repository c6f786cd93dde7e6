"""Requests that end without a run: nothing to do, or a failure. Logged, counted, and recorded where they have to be."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain import events
from shared.domain.decision import Code, Refuse, Skip, Wait
from shared.domain.errors import RotationError, ServiceRejectsKeys, Terminal
from shared.domain.planning import failure
from shared.domain.planning import nothing_done as outcome_of_nothing
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, WorkItem, rotation_id
from shared.domain.resources import ResourceId
from shared.observability import telemetry
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.outbox import announce_without_record, flush
from shared.rotation.ports import Services

log = logging.getLogger("rotation")

STANDING = timedelta(days=1)  # how often a failure that stands is announced again


def nothing_done(item: WorkItem, action: Wait | Skip | Refuse, now: datetime) -> Outcome:
    """The outcome of a request that changes nothing. It is not stored in the record."""
    result = Result.REFUSED if isinstance(action, Refuse) else Result.SKIPPED
    outcome = outcome_of_nothing(item, result, action.code, getattr(action, "until", None), now)
    telemetry.ended(outcome)
    extra = {"rotation_id": item.rotation_id, "resource": item.resource, "result": result.value}
    extra |= {"code": action.code.value}
    if result is Result.REFUSED:
        log.info("rotation rejected", extra=extra)
    else:
        log.info("rotation skipped", extra=extra)
    return outcome


async def failed(services: Services, leased: LeasedRecord, item: WorkItem, error: RotationError) -> Outcome:
    """Record a failure that no journal stands for, and announce it. A plan that touched nothing ends with it.

    What stands in a sweep's way is recorded and announced once a day. What has ended stays as it ended: an error that
    comes after that, as another announces it, is only logged.
    """
    record, now = leased.record, services.clock()
    if known := record.outcome_of(item.rotation_id):
        log.warning("rotation ended, and an error came after it", extra=_log_fields(item, error))
        return known
    outcome = failure(item, error, now)
    telemetry.ended(outcome)
    log_fields = _log_fields(item, error)
    if item.mode is Mode.SWEEP and record.repeats_last_failure(outcome, within=STANDING):
        log.warning("rotation still fails", extra=log_fields)
        return outcome
    log_failure(error, log_fields | {"step": error.step})
    journal = record.journal
    spent = journal is not None and journal.rotation_id == item.rotation_id and journal.harmless
    subject = record.snapshot.secret_name if record.snapshot else item.resource_id.name
    event = events.failed(error, item.resource_id, item, subject, now)
    await leased.write(record.with_outcome(outcome, close_journal=spent).announcing(event))
    await flush(services, leased)
    return outcome


async def failed_without_record(
    services: Services, item: WorkItem, error: Terminal, *, incident: str | None = None
) -> Outcome:
    """End a request whose record can't be had or written: log it, announce it, and close its operation if that works.

    What has ended, as its operation or its record says, stays as it ended.
    Of a sweep it is reported once a day; `incident` is what makes it the same one then, the error's code by default.
    Raises what is `Retryable`.
    """
    resource, now = item.resource_id, services.clock()
    if not item.tracked:
        same = rotation_id(resource, f"{incident or error.code}:{now:%Y-%m-%d}")
        item = item.model_copy(update={"rotation_id": same})
    extra = {"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code, "step": error.step}
    with suppress(Terminal):
        known = await services.operations.read(item.rotation_id)
        if known and known.final and known.outcome:
            log.warning("rotation still fails", extra=extra)
            return known.outcome
        record = await services.records.read(resource)  # for which nobody's lease is needed
        if record and (ended := record.outcome_of(item.rotation_id)):
            return await closed_operation(services, resource, ended)
    log_failure(error, extra)  # the log may be all that can be written
    await announce_without_record(services.events, events.failed(error, resource, item, resource.name, now))
    outcome = failure(item, error, now)
    telemetry.ended(outcome)
    return await closed_operation(services, resource, outcome)


async def closed_operation(
    services: Services, resource: ResourceId, outcome: Outcome, *, opened: bool = True
) -> Outcome:
    """Close the operation of a request, and give how it ended for its caller. Raises what is `Retryable`."""
    try:
        return (await services.operations.close(resource, outcome, opened=opened)).outcome or outcome
    except Terminal as error:  # what was done is done; the record says it, if anything does
        extra = {"rotation_id": outcome.rotation_id, "resource": str(resource), "code": error.code}
        log.error("operation not closed", extra=extra | {"why": error.message})  # noqa: TRY400 - the text says it
        return outcome


async def closed_as_removed(leased: LeasedRecord, item: WorkItem, code: Code, now: datetime) -> Outcome:
    """Close the history of what is no longer managed."""
    outcome = nothing_done(item, Skip(code), now)
    if not leased.record.removed:
        await leased.write(leased.record.closed_as_removed(outcome))
    return outcome


def log_failure(error: RotationError, fields: Mapping[str, object]) -> None:
    """Log that a rotation failed, and why. Where it found that clients are rejected, that is told as such: it wakes."""
    extra = {**fields, "why": error.message}
    log.error("rotation failed", extra=extra)
    if isinstance(error, ServiceRejectsKeys):
        log.error("invalid key published", extra=extra)


def _log_fields(item: WorkItem, error: RotationError) -> dict[str, object]:
    return {"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code}
