"""Doing what one message asks: take the lease, observe, decide, open a journal, carry it out (`run`).

An open run is finished before the request is decided. A message that is delivered again finds its rotation ended, and
changes nothing.
"""

import logging
from contextlib import suppress
from datetime import timedelta

from shared.domain import events
from shared.domain.decision import Action, Code, Publish, Refuse, Resume, Rotate, Skip, Wait, decide
from shared.domain.errors import (
    Busy,
    NotFound,
    NotManaged,
    RetriesExhausted,
    Retryable,
    RotationError,
    Terminal,
    Unavailable,
)
from shared.domain.keys import KeyPair
from shared.domain.planning import failure, nothing_done, open_journal, retirement_item
from shared.domain.policy import Policy
from shared.domain.record import OperationNote, Outcome, Result
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import Resource, ResourceId
from shared.domain.snapshot import Snapshot
from shared.observability import telemetry
from shared.rotation.inventory import Fleet
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.observe import expect_no_conflict, observe, secret_conflict
from shared.rotation.outbox import announce_failure
from shared.rotation.ports import Services
from shared.rotation.pre_check import PreCheck
from shared.rotation.retries import PATIENCE, Retry, next_attempt
from shared.rotation.run import finish
from shared.rotation.run_context import RunContext
from shared.rotation.unstarted import report_held_lease

log = logging.getLogger("rotation")

_STANDING = timedelta(days=1)
_NOT_READY_SECONDS = 60.0
_MOST_DECISIONS = 6


class Worker:
    """Works on messages, each under its resource's lease."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._fleet = fleet
        self._pre_check = PreCheck(services, fleet)

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

    async def attempt(self, item: WorkItem) -> Outcome:
        """Do what one message asks, or raise `Retryable`: nothing is scheduled then."""
        with telemetry.working(item):
            try:
                return await self._work(item)
            except Retryable as error:
                telemetry.count_throttle(error)
                raise

    async def dead_letter(self, item: WorkItem) -> Outcome:
        """Record and announce that a message could not be worked on, however often it was tried."""
        return await self._given_up(
            item,
            RetriesExhausted(
                f"{item.resource_id.name} could not be worked on after every retry; the log of its rotation id says "
                "why. What was begun is finished by the next sweep that can"
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
                await self._services.operations.revise(item.rotation_id, lambda known: known.put_off(note))

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
            async with self._services.records.lease(item.resource_id) as leased:
                outcome = await self._ended(leased, item)
                if outcome is None and self._reported_today(leased, item, error):
                    outcome = failure(item, error, self._services.clock())
                    if not item.tracked:
                        return outcome
                outcome = outcome or await self._failed(leased, item, error)
                await self._end_operation(leased, outcome)
                return outcome

    def _reported_today(self, leased: LeasedRecord, item: WorkItem, error: RetriesExhausted) -> bool:
        """Whether a sweep's message failed like this within a day: the text differs with every obstacle."""
        since = self._services.clock() - _STANDING
        alike = (each for each in leased.record.history if each.code == error.code and each.ended_at > since)
        if item.mode is not Mode.SWEEP or not any(alike):
            return False
        extra = {"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code}
        log.warning("rotation still fails", extra=extra)
        return True

    async def _end_operation(self, leased: LeasedRecord, outcome: Outcome) -> None:
        """Store under the lease how a request ended. While its run is open it has not: the journal tells how far."""
        journal = leased.record.journal
        is_open = journal is not None and journal.rotation_id == outcome.rotation_id
        if outcome.result is not Result.ABANDONED and not is_open:
            await self._services.operations.close(ResourceId.parse(leased.record.resource), outcome)

    async def _work(self, item: WorkItem) -> Outcome:
        resource = item.resource_id
        if (idle := await self._pre_check.idle(item)) is not None:
            return await self._passed_by(item, idle)
        async with self._services.records.lease(resource) as leased:
            outcome = await self._ended(leased, item)
            if outcome is None:
                try:
                    outcome = await self._fulfil(leased, item)
                except Terminal as error:
                    outcome = await self._failed(leased, item, error)
            if item.tracked:
                await self._end_operation(leased, outcome)
        return outcome

    async def _passed_by(self, item: WorkItem, idle: Wait | Skip | Refuse) -> Outcome:
        """A pre-check was enough: nothing is stored but the operation, if a caller may ask for it."""
        outcome = self._nothing_done(item, idle, idle.code)
        if item.tracked:
            stored = await self._services.operations.close(item.resource_id, outcome)
            return stored.outcome or outcome
        return outcome

    async def _ended(self, leased: LeasedRecord, item: WorkItem) -> Outcome | None:
        """How this request has ended already: what its caller may have read stays true."""
        if (outcome := leased.record.outcome_of(item.rotation_id)) or not item.tracked:
            return outcome
        operation = await self._services.operations.read(item.rotation_id)
        return operation.outcome if operation and operation.final else None

    async def _fulfil(self, leased: LeasedRecord, item: WorkItem) -> Outcome:
        for _ in range(_MOST_DECISIONS):
            resource = await self._managed(leased, item)
            if isinstance(resource, Outcome):
                return resource
            policy = self._fleet.policy(resource)
            observation, keys = await observe(self._services, resource, policy, leased.record)
            action = decide(observation, item, policy, self._services.clock())
            snapshot = Snapshot.of(observation, policy)
            match action:
                case Resume():
                    outcome = await self._finish(leased, item, resource, policy, keys, resumed=True)
                    if outcome.rotation_id != item.rotation_id and leased.record.journal is not None:
                        return outcome.as_failure_of(item.rotation_id, item.trigger, item.requested_at)
                case Wait() if item.mode is not Mode.SWEEP:
                    raise Unavailable(
                        f"{resource.id.name} is {resource.provisioning_state}",
                        step="observe",
                        retry_after=_NOT_READY_SECONDS,
                    )
                case Wait(code) | Skip(code) | Refuse(code):
                    if snapshot != leased.record.snapshot:
                        await leased.write(leased.record.with_snapshot(snapshot))
                    return self._nothing_done(item, action, code)
                case Rotate() | Publish() if await self._has_version(item, policy):
                    return self._nothing_done(item, action, Code.ALREADY_ROTATED)
                case _:
                    await expect_no_conflict(self._services.records, resource, policy, observation.published)
                    journal = open_journal(action, observation, item, policy, self._services.clock())
                    await leased.write(leased.record.with_snapshot(snapshot).with_journal(journal))
                    log.info("rotation planned", extra=leased.log_fields)
                    outcome = await self._finish(leased, item, resource, policy, keys, resumed=False)
            if outcome.rotation_id == item.rotation_id and outcome.result is not Result.ABANDONED:
                return outcome
        raise Unavailable(f"{item.resource_id.name} keeps changing while it is worked on", step="observe")

    async def _has_version(self, item: WorkItem, policy: Policy) -> bool:
        """Whether this rotation has added its version: the vault tells, also when the record was lost."""
        made = await self._services.secrets.made_by(policy.vault_url, policy.secret_name, item.rotation_id)
        return made is not None

    async def _managed(self, leased: LeasedRecord, item: WorkItem) -> Resource | Outcome:
        """What ARM says of the resource; its last outcome if it has left the fleet. Raises `Misconfigured`."""
        if item.conflicts:
            raise secret_conflict(item.resource_id, item.conflicts)
        try:
            resource = await self._services.signalr.get(item.resource_id)
        except NotFound as error:
            return await self._gone(leased, item, error)
        if leased.record.journal is None and not self._fleet.includes(resource):
            if item.mode is Mode.SWEEP:
                return await self._closed_as_removed(leased, item, Code.NOT_MANAGED)
            # It was, when it was asked for; or the message was put on the queue by a sender that may not ask.
            raise NotManaged(f"{item.resource} is not managed, or no longer", step="observe")
        return resource

    async def _gone(self, leased: LeasedRecord, item: WorkItem, error: NotFound) -> Outcome:
        """It was deleted. That is reported once to a caller that named it, or had begun to rotate it."""
        if item.mode is not Mode.SWEEP or leased.record.journal or self._fleet.names(item.resource_id):
            if leased.record.removed and item.mode is Mode.SWEEP:
                return self._nothing_done(item, Skip(Code.GONE), Code.GONE)
            outcome = await self._failed(leased, item, error)
            await leased.write(leased.record.closed_as_removed(outcome))
            return outcome
        return await self._closed_as_removed(leased, item, Code.GONE)

    async def _closed_as_removed(self, leased: LeasedRecord, item: WorkItem, code: Code) -> Outcome:
        """Close the history of what is no longer managed."""
        outcome = self._nothing_done(item, Skip(code), code)
        if not leased.record.removed:
            await leased.write(leased.record.closed_as_removed(outcome))
        return outcome

    async def _finish(
        self, leased: LeasedRecord, item: WorkItem, resource: Resource, policy: Policy, keys: KeyPair, *, resumed: bool
    ) -> Outcome:
        outcome = await finish(RunContext(self._services, leased, resource, policy, keys, resumed=resumed))
        if not (item.tracked and outcome.rotation_id == item.rotation_id):  # the item's own is stored at its end
            await self._end_operation(leased, outcome)
        if outcome.result is Result.SUCCEEDED and outcome.retire_after:
            # The sweep would find it too: the retirement stands in the tags of the published version.
            follow_up = retirement_item(outcome, resource.id, outcome.retire_after)
            delay = outcome.retire_after - self._services.clock()
            await self._services.queue.send(telemetry.traced(follow_up), delay=delay)
        return outcome

    def _nothing_done(self, item: WorkItem, action: Action, code: Code) -> Outcome:
        result = Result.REFUSED if isinstance(action, Refuse) else Result.SKIPPED
        outcome = nothing_done(item, result, code, getattr(action, "until", None), self._services.clock())
        telemetry.ended(outcome)
        log.info(
            "nothing done",
            extra={
                "rotation_id": item.rotation_id,
                "resource": item.resource,
                "result": result.value,
                "code": code.value,
            },
        )
        return outcome

    async def _failed(self, leased: LeasedRecord, item: WorkItem, error: RotationError) -> Outcome:
        """Announce and record a failure that no journal stands for. A plan that touched nothing ends with it.

        What stands in a sweep's way is announced once a day: an hourly sweep would bury the history under it.
        """
        resource = item.resource_id
        outcome = failure(item, error, self._services.clock())
        telemetry.ended(outcome)
        if item.mode is Mode.SWEEP and leased.record.repeats_last_failure(outcome, within=_STANDING):
            log.warning(
                "rotation still fails",
                extra={"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code},
            )
            return outcome
        await announce_failure(self._services.events, events.failed(error, resource, item, resource.name))
        log.error(
            "rotation failed",
            extra={
                "rotation_id": item.rotation_id,
                "resource": item.resource,
                "code": error.code,
                "step": error.step,
            },
        )
        journal = leased.record.journal
        spent = journal is not None and journal.rotation_id == item.rotation_id and journal.harmless
        await leased.write(leased.record.with_outcome(outcome, close_journal=spent))
        return outcome
