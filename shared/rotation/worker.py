"""Working on messages: an attempt, another one later, and in the end a failure that is reported.

A message that is delivered again finds its rotation ended, and changes nothing.
"""

import logging
from contextlib import suppress

from shared.domain.errors import Busy, RetriesExhausted, Retryable, RotationError, Terminal
from shared.domain.operation import OperationNote
from shared.domain.planning import failure
from shared.domain.record import Outcome
from shared.domain.requests import Mode, WorkItem
from shared.observability import telemetry
from shared.rotation.attempt import Attempts, end_operation, ended
from shared.rotation.inventory import Fleet
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.outcomes import STANDING, failed, failed_without_record
from shared.rotation.ports import Services
from shared.rotation.retries import PATIENCE, Retry, next_attempt
from shared.rotation.rollout import Rollouts
from shared.rotation.unstarted import report_held_lease

log = logging.getLogger("rotation")


class Worker:
    """Works on messages, each under its resource's lease."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._rollouts = Rollouts(services)
        self._attempts = Attempts(services, fleet, self._rollouts)

    async def work(self, item: WorkItem) -> Outcome | None:
        """Do what one message asks. None: a new message will come, or it is left to the next sweep.

        Raises `Retryable` for the platform to try again, only where a failure can't even be recorded.
        """
        try:
            return await self.attempt(item)
        except Retryable as error:
            now = self._services.clock()
            if retry := next_attempt(item, error, requested_at=item.requested_at, now=now):
                await self._schedule(retry, error)
                return None
            return await self._out_of_patience(item, error)
        except Terminal as error:  # the record itself: an attempt records what else is final
            return await failed_without_record(self._services, item, error)

    async def attempt(self, item: WorkItem) -> Outcome:
        """Do what one message asks, or raise `Retryable`: nothing is scheduled then."""
        with telemetry.working(item):
            try:
                outcome = await self._attempts.attempt(item)
            except Retryable as error:
                telemetry.count_throttle(error)
                raise
            await self._rollouts.announce()
            return outcome

    async def dead_letter(self, item: WorkItem) -> Outcome:
        """Record and announce that a message could not be worked on, however often it was tried."""
        return await self._given_up(
            item,
            RetriesExhausted(
                f"{item.resource_id.name} failed after five deliveries and was dead-lettered; the log of its rotation "
                "id says why. What was begun is finished by the next sweep that can"
            ),
        )

    async def _schedule(self, retry: Retry[WorkItem], error: Retryable) -> None:
        """Send the message again. A sweep's may get lost: the next sweep asks the same."""
        item, delay = telemetry.traced(retry.message), retry.delay
        expires_after = PATIENCE if item.mode is Mode.SWEEP else None
        await self._services.queue.send(item, delay=delay, urgent=item.urgent, expires_after=expires_after)
        extra = {"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code}
        log.info("retry scheduled", extra=extra | {"attempt": item.attempts, "seconds": round(delay.total_seconds())})
        if item.tracked:
            note = OperationNote(code=error.code, message=error.message, retry_at=self._services.clock() + delay)
            with suppress(RotationError):  # it says why it takes so long, and no more
                await self._services.operations.revise(item.rotation_id, lambda known: known.retrying(note))

    async def _out_of_patience(self, item: WorkItem, error: Retryable) -> Outcome | None:
        """Report what has kept this message from its end for too long; of a sweep once a day."""
        name = item.resource_id.name
        final = RetriesExhausted(f"{name} could not be worked on for too long. Last: {error.message}", step=error.step)
        try:
            return await self._given_up(item, final)
        except Retryable as obstacle:
            if all(isinstance(each, Busy) and each.step == "ledger" for each in (error, obstacle)):
                return await report_held_lease(self._services, item)
            if item.tracked:
                raise
            extra = {"rotation_id": item.rotation_id, "resource": item.resource, "code": obstacle.code}
            log.warning("left to the next sweep", extra=extra)
            return None

    async def _given_up(self, item: WorkItem, error: RetriesExhausted) -> Outcome:
        """Record and announce a failure that is no single attempt's."""
        with telemetry.working(item):
            try:
                outcome = await self._recorded(item, error)
            except Terminal as obstacle:  # the record itself
                return await failed_without_record(self._services, item, obstacle)
            await self._rollouts.announce()
            return outcome

    async def _recorded(self, item: WorkItem, error: RetriesExhausted) -> Outcome:
        async with self._services.records.lease(item.resource_id) as leased:
            outcome = await ended(self._services, leased, item)
            if outcome is None and self._reported_today(leased, item, error):
                outcome = failure(item, error, self._services.clock())
                if not item.tracked:
                    return outcome
            if outcome is None:
                await self._rollouts.failed(leased.record, error)
                outcome = await failed(self._services, leased, item, error)
            await end_operation(self._services, leased, outcome)
            return outcome

    def _reported_today(self, leased: LeasedRecord, item: WorkItem, error: RetriesExhausted) -> bool:
        """Whether a sweep's message failed like this within a day, and that stands. Its text tells of the obstacle."""
        since = self._services.clock() - STANDING
        alike = (each for each in leased.record.history if each.code == error.code and each.ended_at > since)
        if item.mode is not Mode.SWEEP or leased.record.failing is None or not any(alike):
            return False
        extra = {"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code}
        log.warning("rotation still fails", extra=extra)
        return True
