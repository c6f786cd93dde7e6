"""Doing what one message asks: take the lease, observe, decide, write the journal, carry it out (`steps`).

Whoever comes finishes first what somebody else began. A message that is delivered again finds its rotation ended, and
changes nothing.
"""

import logging
from datetime import timedelta

from shared.adapters.blob_records import BlobRecords, LeasedRecord
from shared.adapters.storage_queue import StorageQueue
from shared.domain import planning
from shared.domain.decision import Action, Code, Publish, Refuse, Resume, Rotate, Skip, Wait, decide
from shared.domain.errors import (
    NotFound,
    NotManaged,
    RetriesExhausted,
    Retryable,
    RotationError,
    Terminal,
    Throttled,
    Unavailable,
)
from shared.domain.keys import KeyPair
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import Resource
from shared.domain.snapshot import Snapshot
from shared.observability import telemetry
from shared.rotation.glance import PreCheck
from shared.rotation.inventory import Fleet
from shared.rotation.observe import observe
from shared.rotation.outbox import announce_failure
from shared.rotation.ports import Services
from shared.rotation.rivalry import contested, expect_no_rival
from shared.rotation.run import Run

log = logging.getLogger("rotation")

PATIENCE = timedelta(hours=1)  # how long a request is put off before its failure is told
_EMULATORSG = timedelta(days=1)
IN_LINE = timedelta(hours=12)  # standing in line for ARM's budget is no failure: at 5 rotations a second, 200,000
_THROTTLED_SECONDS = 15.0  # Key Vault does not say when to come back
_NOT_READY_SECONDS = 60.0
_MOST_TURNS = 6


class Worker:
    """Fulfils requests, each under its resource's lease."""

    def __init__(self, *, fleet: Fleet, ledger: BlobRecords, queue: StorageQueue, services: Services) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._queue = queue
        self._to = services
        self._glance = PreCheck(fleet, ledger, services)

    async def work(self, request: WorkItem) -> Outcome | None:
        """Do what one message asks. None: it was put off, and a new message will come.

        Raises `Retryable` for the platform to try again.
        """
        try:
            with telemetry.working(request):
                return await self._work(request)
        except Retryable as error:
            throttled = isinstance(error, Throttled)
            wait = error.retry_after or (_THROTTLED_SECONDS if throttled else None)
            if wait is None or self._to.clock() > request.requested_at + (IN_LINE if throttled else PATIENCE):
                raise
            await self._queue.send(request, delay=timedelta(seconds=wait))
            log.info(
                "request put off",
                extra={"rotation_id": request.rotation_id, "resource": request.resource, "code": error.code},
            )
            return None

    async def give_up(self, request: WorkItem) -> Outcome:
        """Record and announce that a message could not be done however often it was tried."""
        resource = request.resource_id
        error = RetriesExhausted(
            f"{resource.name} could not be worked on after every retry; the log of its rotation id says why. "
            "What was begun is finished by the next sweep that can"
        )
        with telemetry.working(request):
            async with self._ledger.hold(resource) as held:
                outcome = held.record.outcome_of(request.rotation_id) or await self._failed(held, request, error)
            await self._ledger.close_ticket(resource, outcome)
            return outcome

    async def _work(self, request: WorkItem) -> Outcome:
        resource = request.resource_id
        if (idle := await self._glance.idle(request)) is not None:
            return await self._passed_by(request, idle)
        async with self._ledger.hold(resource) as held:
            outcome = await self._ended(held, request)
            if outcome is None:
                try:
                    outcome = await self._fulfil(held, request)
                except Terminal as error:
                    outcome = await self._failed(held, request, error)
        if request.ticket:
            await self._ledger.close_ticket(resource, outcome)
        return outcome

    async def _passed_by(self, request: WorkItem, idle: Wait | Skip | Refuse) -> Outcome:
        """A glance was enough: nothing is written but the ticket, if somebody may ask for it."""
        outcome = self._nothing_done(request, idle, idle.code)
        if request.ticket:
            known = await self._ledger.ticket(request.rotation_id)
            if known and known.final and known.outcome:
                return known.outcome
            await self._ledger.close_ticket(request.resource_id, outcome)
        return outcome

    async def _ended(self, held: LeasedRecord, request: WorkItem) -> Outcome | None:
        """How this request has ended already: what its caller may have been told stays true."""
        if (outcome := held.record.outcome_of(request.rotation_id)) or not request.ticket:
            return outcome
        ticket = await self._ledger.ticket(request.rotation_id)
        return ticket.outcome if ticket and ticket.final else None

    async def _fulfil(self, held: LeasedRecord, request: WorkItem) -> Outcome:
        for _ in range(_MOST_TURNS):
            resource = await self._managed(held, request)
            if isinstance(resource, Outcome):
                return resource
            policy = self._fleet.policy(resource)
            seen, keys = await observe(self._to, resource, policy, held.record)
            action = decide(seen, request, policy, self._to.clock())
            glance = Snapshot.of(seen, policy)
            match action:
                case Resume():
                    outcome = await self._finish(held, resource, policy, keys, resumed=True)
                    if outcome.rotation_id != request.rotation_id and held.record.journal is not None:
                        return outcome.as_failure_of(request.rotation_id, request.trigger, request.requested_at)
                case Wait() if request.mode is not Mode.SWEEP:
                    raise Unavailable(
                        f"{resource.id.name} is {resource.provisioning_state}",
                        step="observe",
                        retry_after=_NOT_READY_SECONDS,
                    )
                case Wait(code) | Skip(code) | Refuse(code):
                    if glance != held.record.snapshot:
                        await held.write(held.record.with_snapshot(glance))
                    return self._nothing_done(request, action, code)
                case Rotate() | Publish() if await self._has_version(request, policy):
                    return self._nothing_done(request, action, Code.ALREADY_ROTATED)
                case _:
                    await expect_no_rival(self._ledger, resource, policy, seen.published)
                    journal = planning.journal(action, seen, request, policy, self._to.clock())
                    await held.write(held.record.with_snapshot(glance).with_journal(journal))
                    log.info("rotation planned", extra=held.log_fields)
                    outcome = await self._finish(held, resource, policy, keys, resumed=False)
            if outcome.rotation_id == request.rotation_id and outcome.result is not Result.ABANDONED:
                return outcome
        raise Unavailable(f"{request.resource_id.name} keeps changing while it is worked on", step="observe")

    async def _has_version(self, request: WorkItem, policy: Policy) -> bool:
        """Whether this rotation has added its version: the vault remembers, also when the record was lost."""
        made = await self._to.vaults.made_by(policy.vault_url, policy.secret_name, request.rotation_id)
        return made is not None

    async def _managed(self, held: LeasedRecord, request: WorkItem) -> Resource | Outcome:
        """What ARM says of the resource; the end of its story if it has left the fleet. Raises `Misconfigured`."""
        if request.rivals:
            raise contested(request.resource_id, request.rivals)
        try:
            resource = await self._to.signalr.get(request.resource_id)
        except NotFound as error:
            return await self._gone(held, request, error)
        if held.record.journal is None and not self._fleet.includes(resource):
            if request.mode is Mode.SWEEP:
                return await self._forgotten(held, request, Code.NOT_MANAGED)
            # It was, when it was asked for; or the message was put on the queue by somebody who may not ask.
            raise NotManaged(f"{request.resource} is not managed, or no longer", step="observe")
        return resource

    async def _gone(self, held: LeasedRecord, request: WorkItem, error: NotFound) -> Outcome:
        """It was deleted. Who named it, or had begun to rotate it, is told, once; else it is just forgotten."""
        if request.mode is not Mode.SWEEP or held.record.journal or self._fleet.names(request.resource_id):
            if held.record.removed and request.mode is Mode.SWEEP:
                return self._nothing_done(request, Skip(Code.GONE), Code.GONE)
            outcome = await self._failed(held, request, error)
            await held.write(held.record.closed_as_removed(outcome))
            return outcome
        return await self._forgotten(held, request, Code.GONE)

    async def _forgotten(self, held: LeasedRecord, request: WorkItem, code: Code) -> Outcome:
        """Close the history of what is no longer managed."""
        outcome = self._nothing_done(request, Skip(code), code)
        if not held.record.removed:
            await held.write(held.record.closed_as_removed(outcome))
        return outcome

    async def _finish(
        self, held: LeasedRecord, resource: Resource, policy: Policy, keys: KeyPair, *, resumed: bool
    ) -> Outcome:
        outcome = await Run(self._to, held, resource, policy, keys, resumed=resumed).finish()
        await self._ledger.close_ticket(resource.id, outcome)
        if outcome.result is Result.SUCCEEDED and outcome.retire_after:
            # The sweep would find it too: the retirement stands in the tags of the published version.
            follow_up = planning.retirement(outcome, resource.id, outcome.retire_after)
            await self._queue.send(follow_up, delay=outcome.retire_after - self._to.clock())
        return outcome

    def _nothing_done(self, request: WorkItem, action: Action, code: Code) -> Outcome:
        result = Result.REFUSED if isinstance(action, Refuse) else Result.SKIPPED
        outcome = planning.nothing_done(request, result, code, getattr(action, "until", None), self._to.clock())
        telemetry.ended(outcome)
        log.info(
            "nothing done",
            extra={
                "rotation_id": request.rotation_id,
                "resource": request.resource,
                "result": result.value,
                "code": code.value,
            },
        )
        return outcome

    async def _failed(self, held: LeasedRecord, request: WorkItem, error: RotationError) -> Outcome:
        """Tell of a failure that no journal stands for, and write it down. A plan that touched nothing ends with it.

        What stands in a sweep's way is told once a day: an hourly sweep would bury the history under it.
        """
        resource = request.resource_id
        outcome = planning.failure(request, error, self._to.clock())
        telemetry.ended(outcome)
        if request.mode is Mode.SWEEP and held.record.repeats_last_failure(outcome, within=_EMULATORSG):
            log.warning(
                "rotation still fails",
                extra={"rotation_id": request.rotation_id, "resource": request.resource, "code": error.code},
            )
            return outcome
        await announce_failure(self._to.topic, error, resource, request, subject=resource.name)
        log.error(
            "rotation failed",
            extra={
                "rotation_id": request.rotation_id,
                "resource": request.resource,
                "code": error.code,
                "step": error.step,
            },
        )
        journal = held.record.journal
        spent = journal is not None and journal.rotation_id == request.rotation_id and journal.harmless
        await held.write(held.record.with_outcome(outcome, close_journal=spent))
        return outcome
