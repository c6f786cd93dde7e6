"""Requests that end without a run: nothing to do, or a failure. Logged, counted, and recorded where they have to be."""

import logging
from datetime import datetime, timedelta

from shared.domain import events
from shared.domain.decision import Code, Refuse, Skip, Wait
from shared.domain.errors import RotationError
from shared.domain.planning import failure
from shared.domain.planning import nothing_done as outcome_of_nothing
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, WorkItem
from shared.observability import telemetry
from shared.rotation.leased_record import LeasedRecord

log = logging.getLogger("rotation")

STANDING = timedelta(days=1)  # how often a failure that stands is announced again


def nothing_done(item: WorkItem, action: Wait | Skip | Refuse, now: datetime) -> Outcome:
    """The outcome of a request that changes nothing. It is not stored in the record."""
    result = Result.REFUSED if isinstance(action, Refuse) else Result.SKIPPED
    outcome = outcome_of_nothing(item, result, action.code, getattr(action, "until", None), now)
    telemetry.ended(outcome)
    log.info(
        "nothing done",
        extra={
            "rotation_id": item.rotation_id,
            "resource": item.resource,
            "result": result.value,
            "code": action.code.value,
        },
    )
    return outcome


async def failed(leased: LeasedRecord, item: WorkItem, error: RotationError, now: datetime) -> Outcome:
    """Record a failure that no journal stands for, and have it announced. A plan that touched nothing ends with it.

    What stands in a sweep's way is recorded and announced once a day.
    """
    record = leased.record
    outcome = failure(item, error, now)
    telemetry.ended(outcome)
    log_fields = {"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code}
    if item.mode is Mode.SWEEP and record.repeats_last_failure(outcome, within=STANDING):
        log.warning("rotation still fails", extra=log_fields)
        return outcome
    log.error("rotation failed", extra=log_fields | {"step": error.step})
    journal = record.journal
    spent = journal is not None and journal.rotation_id == item.rotation_id and journal.harmless
    event = events.failed(error, item.resource_id, item, item.resource_id.name, now)
    await leased.write(record.with_outcome(outcome, close_journal=spent).announcing(event))
    return outcome


async def closed_as_removed(leased: LeasedRecord, item: WorkItem, code: Code, now: datetime) -> Outcome:
    """Close the history of what is no longer managed."""
    outcome = nothing_done(item, Skip(code), now)
    if not leased.record.removed:
        await leased.write(leased.record.closed_as_removed(outcome))
    return outcome
