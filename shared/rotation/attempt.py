"""One attempt at what a message asks: take the lease, observe, decide, open a journal, carry it out (`run`).

An open run is finished before the request is decided. A message that is delivered again finds its rotation ended, and
changes nothing.
"""

import logging
from contextlib import suppress
from datetime import timedelta

from shared.domain import events
from shared.domain.decision import Action, Cause, Code, Publish, Refuse, Resume, Rotate, Skip, Wait, decide
from shared.domain.errors import (
    Misconfigured,
    NotFound,
    NotManaged,
    NotPermitted,
    RetirementImpossible,
    RotationError,
    Terminal,
    Unavailable,
)
from shared.domain.journal import Kind
from shared.domain.keys import KeyPair
from shared.domain.notice import with_notice
from shared.domain.observation import Observation, Publication
from shared.domain.planning import advice, announcing_again, open_journal, retirement_item
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Record, Result
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import Resource, ResourceId
from shared.domain.snapshot import Snapshot
from shared.observability import telemetry
from shared.rotation.departure import gone, has_promised, left, policy_before
from shared.rotation.inventory import Fleet
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.observe import expect_no_conflict, observe, secret_conflict, secret_error
from shared.rotation.outbox import flush
from shared.rotation.outcomes import closed_as_removed, closed_operation, failed, nothing_done
from shared.rotation.ports import Services
from shared.rotation.pre_check import PreCheck
from shared.rotation.rollout import Rollouts
from shared.rotation.run import finish
from shared.rotation.run_context import RunContext
from shared.rotation.sweep import Sweep
from shared.rotation.verdicts import owed, published_key_rejected, still_late, suspect, with_verdicts

log = logging.getLogger("rotation")

_NOT_READY_SECONDS = 60.0
_MOST_DECISIONS = 6
_HELD_BACK = frozenset({Code.OUTSIDE_WINDOW, Code.ON_HOLD, Code.LATER_WAVE})


class Attempts:
    """Attempts at messages, each under its resource's lease."""

    def __init__(self, services: Services, fleet: Fleet, rollouts: Rollouts) -> None:
        self._services = services
        self._fleet = fleet
        self._rollouts = rollouts
        self._pre_check = PreCheck(services, fleet)
        self._sweep = Sweep(services, fleet, grace=timedelta())

    async def attempt(self, item: WorkItem) -> Outcome:
        """Do what one message asks. Raises `Retryable` for another attempt later."""
        resource = item.resource_id
        if (idle := await self._pre_check.idle(item)) is not None:
            return await self._passed_by(item, idle)
        async with self._services.records.lease(resource) as leased:
            await flush(self._services, leased)
            waiting = leased.record.outbox
            outcome = await ended(self._services, leased, item)
            if outcome is None:
                try:
                    outcome = await self._fulfil(leased, item)
                except Terminal as error:
                    await self._rollouts.failed(leased.record, error)
                    outcome = await failed(self._services, leased, item, error)
                if any(event not in waiting for event in leased.record.outbox):
                    await flush(self._services, leased)
            if item.tracked:
                await end_operation(self._services, leased, outcome)
        return outcome

    async def _passed_by(self, item: WorkItem, idle: Wait | Skip | Refuse) -> Outcome:
        """A pre-check was enough: nothing is stored but the operation, if a caller may ask for it."""
        outcome = nothing_done(item, idle, self._services.clock())
        if item.tracked:
            return await closed_operation(self._services, item.resource_id, outcome)
        return outcome

    async def _fulfil(self, leased: LeasedRecord, item: WorkItem) -> Outcome:
        for _ in range(_MOST_DECISIONS):
            resource = await self._managed(leased, item)
            if isinstance(resource, Outcome):
                return resource
            policy = self._policy(resource, leased.record)
            observation, keys = await observe(self._services, resource, policy, leased.record)
            observation = await with_verdicts(self._services, observation, keys, of_published=item.mode is Mode.SWEEP)
            action = await self._decided(observation, item, policy)
            record = self._observed(leased.record, observation, policy, item)
            if known := record.outcome_of(item.rotation_id):  # its version is there, and the record of it was lost
                await leased.write(record)
                return known
            await self._expect_possible(action, item, resource, policy, observation)
            match action:
                case Resume():
                    if not observation.announced:  # a repair beside the run, whose record was lost
                        await leased.write(self._announcing(leased.record, observation, item, policy))
                        await flush(self._services, leased)
                    outcome = await self._finish(leased, item, resource, policy, keys, resumed=True)
                case Wait() | Skip() | Refuse():
                    record = record if _still_fails(record, action, observation) else record.well()
                    record = with_notice(record, item, action, self._services.clock())
                    if record != leased.record:
                        await leased.write(record)
                    return nothing_done(item, action, self._services.clock())
                case Rotate() | Publish() if await self._has_version(item, policy, record):
                    return nothing_done(item, Skip(Code.ALREADY_ROTATED), self._services.clock())
                case _:
                    await self._expect_own_secret(item, resource, policy, observation)
                    journal = open_journal(action, observation, item, policy, self._services.clock())
                    leased.stage(record.with_journal(journal))
                    await _plan(leased)
                    outcome = await self._finish(leased, item, resource, policy, keys, resumed=False)
            if answer := _answer(leased.record, item, action, outcome):
                return answer
        raise Unavailable(f"{item.resource_id.name} keeps changing while it is worked on", step="observe")

    async def _expect_possible(
        self, action: Action, item: WorkItem, resource: Resource, policy: Policy, observation: Observation
    ) -> None:
        """Raise `Unavailable` where a request by name is put off, and what is to be reported of what is refused."""
        match action:
            case Wait(code) if item.mode is not Mode.SWEEP:
                moving = f"{resource.id.name} is {resource.provisioning_state}"
                why = moving if code is Code.NOT_READY else advice(code)
                raise Unavailable(why, step="observe", retry_after=_NOT_READY_SECONDS)
            case Refuse(Code.SERVICE_REJECTS_KEYS):
                raise published_key_rejected(self._services, resource.id.name, observation)
            case Refuse(Code.SECRET_NOT_OWNED | Code.SECRET_NOT_UNDERSTOOD | Code.SECRET_USES_IDENTITY as code):
                await expect_no_conflict(self._services.records, resource, policy, observation.published)
                raise secret_error(code, resource.id, policy)
            case _:
                return

    async def _decided(self, observation: Observation, item: WorkItem, policy: Policy) -> Action:
        """What is to be done now. Whether a scheduled rotation has to wait is read when it would begin."""
        now = self._services.clock()
        action = decide(observation, item.model_copy(update={"standstill": None}), policy, now)
        if item.mode is not Mode.SWEEP or not isinstance(action, Rotate):
            return action
        standstill = await self._rollouts.standstill(item.resource_id)
        return decide(observation, item.model_copy(update={"standstill": standstill}), policy, now)

    def _observed(self, record: Record, observation: Observation, policy: Policy, item: WorkItem) -> Record:
        """The record with what was observed: the snapshot, what is published, and what is still to be announced.

        An older key under a new name is not what was published last: that is known until the newer one is there too.
        """
        now = self._services.clock()
        record = record.with_snapshot(Snapshot.of(observation, policy)).with_rejected(still_late(observation, now))
        if observation.published and observation.published_slot and not observation.left_behind(policy):
            fingerprint = observation.fingerprints[observation.published_slot]
            hours = observation.promised_overlap(policy) / timedelta(hours=1)
            publication = Publication.of(
                fingerprint,
                observation.published_since,
                policy,
                written_at=observation.published.since,
                overlap_hours=hours,
            )
            record = record.with_publication(publication, observation.retirement or owed(observation, now))
            record = record.with_suspect(suspect(observation, now))
        if observation.announced or observation.run_open or observation.published is None:
            return record
        return self._announcing(record, observation, item, policy)

    def _announcing(self, record: Record, observation: Observation, item: WorkItem, policy: Policy) -> Record:
        """The record with the newest version to be announced, which it knows nothing of."""
        journal = announcing_again(observation, item, policy)
        outcome = Outcome.of(journal, Result.SUCCEEDED, self._services.clock())
        event = events.completed(journal, item.resource_id, policy)
        return record.with_outcome(outcome, close_journal=False).announcing(event)

    async def _expect_own_secret(
        self, item: WorkItem, resource: Resource, policy: Policy, observation: Observation
    ) -> None:
        """Raise `Misconfigured` if another resource maps to the same secret, and this one is not its owner.

        A sweep has seen all policies, by which this resource had the secret that it has now. Else they are looked at
        now. That is rare: only before a secret has its first version.
        """
        await expect_no_conflict(self._services.records, resource, policy, observation.published)
        if observation.published is not None:
            return
        known = (item.conflicts, item.conflict_count)
        as_swept = self._had_this_secret(item, policy)
        conflicts, count = known if as_swept else await self._sweep.conflicts_of(resource.id)
        if conflicts:
            raise secret_conflict(resource.id, conflicts, policy.secret_name, count=count)

    def _had_this_secret(self, item: WorkItem, policy: Policy) -> bool:
        """Whether the sweep that sent this message saw the resource with the secret that its tags name now."""
        if (listed := item.resource_as_listed) is None:
            return False
        with suppress(Misconfigured):
            return self._fleet.policy(listed).place == policy.place
        return False

    async def _has_version(self, item: WorkItem, policy: Policy, record: Record) -> bool:
        """Whether this rotation has added its version: the vault tells, where the record may have been lost since."""
        if record.reaches_back_to(item.requested_at):
            return False
        made = await self._services.secrets.made_by(policy.vault_url, policy.secret_name, item.rotation_id)
        return made is not None

    async def _managed(self, leased: LeasedRecord, item: WorkItem) -> Resource | Outcome:  # noqa: PLR0911 - ways to leave
        """What ARM says of the resource; its last outcome if it has left the fleet."""
        record = leased.record
        stray = not self._fleet.could_cover(item.resource_id)
        if stray and record.journal is None and not has_promised(record):
            return await self._not_managed(leased, item)  # not asked of ARM: the role there may be gone as well
        try:
            resource = await self._services.signalr.get(item.resource_id)
        except NotFound as error:
            return await gone(self._services, self._fleet, leased, item, error)
        except NotPermitted as error:
            if not stray:
                raise
            return await self._out_of_reach(leased, item, error)
        begun = record.journal is not None and not record.journal.harmless
        if begun or self._includes(resource, record):
            return resource
        if item.mode is not Mode.SWEEP:
            return await self._not_managed(leased, item)
        try:
            promise = await left(self._services, self._fleet, leased, item, resource)
        except RetirementImpossible as error:
            return await self._out_of_reach(leased, item, error)
        if isinstance(promise, Outcome):
            return promise
        await leased.write(leased.record.with_journal(promise.journal))
        return await self._finish(leased, item, resource, promise.policy, promise.keys, resumed=False)

    def _includes(self, resource: Resource, record: Record) -> bool:
        return self._fleet.includes(resource, known=record.snapshot is not None and not record.removed)

    def _policy(self, resource: Resource, record: Record) -> Policy:
        """How it is rotated. A run that is finished on a resource that has left goes where it was planned for."""
        if self._includes(resource, record):
            return self._fleet.policy(resource)
        return policy_before(self._fleet, resource, record)

    async def _not_managed(self, leased: LeasedRecord, item: WorkItem) -> Outcome:
        """Close the history of what has left. Raises `NotManaged` for a request by name."""
        if item.mode is Mode.SWEEP:
            return await closed_as_removed(leased, item, Code.NOT_MANAGED, self._services.clock())
        # It was, when it was asked for; or the message was put on the queue by a sender that may not ask.
        raise NotManaged(f"{item.resource} is not managed, or no longer", step="observe")

    async def _out_of_reach(self, leased: LeasedRecord, item: WorkItem, error: Terminal) -> Outcome:
        """It has left, and what was begun or promised can't be done, for want of a role, say. Reported once."""
        outcome = await failed(self._services, leased, item, error)
        await leased.write(leased.record.closed_as_removed(outcome))
        return outcome

    async def _finish(
        self,
        leased: LeasedRecord,
        item: WorkItem,
        resource: Resource,
        policy: Policy,
        keys: KeyPair | None,
        *,
        resumed: bool,
    ) -> Outcome:
        record = leased.record
        if record.journal is None and record.unconfirmed:
            await leased.write(record.with_journal(record.unconfirmed))
        run = RunContext(self._services, leased, resource, policy, keys, resumed=resumed, rollouts=self._rollouts)
        run.departed = not self._includes(resource, leased.record)
        outcome = await finish(run)
        if not (item.tracked and outcome.rotation_id == item.rotation_id):  # the item's own is stored at its end
            await end_operation(self._services, leased, outcome, opened=False)
        if outcome.result is Result.SUCCEEDED and outcome.retire_after:
            follow_up = retirement_item(outcome, resource.id, outcome.retire_after)
            delay = outcome.retire_after - self._services.clock()
            with suppress(RotationError):  # the sweep finds it too: the retirement stands in the record
                await self._services.queue.send(telemetry.traced(follow_up), delay=delay)
        return outcome


async def ended(services: Services, leased: LeasedRecord, item: WorkItem) -> Outcome | None:
    """How this request has ended already: what its caller may have read stays true."""
    if (outcome := leased.record.outcome_of(item.rotation_id)) or not item.tracked:
        return outcome
    operation = await services.operations.read(item.rotation_id)
    return operation.outcome if operation and operation.final else None


async def end_operation(services: Services, leased: LeasedRecord, outcome: Outcome, *, opened: bool = True) -> None:
    """Store under the lease how a request ended. While its run is open it has not: the journal tells how far."""
    if outcome.result is not Result.ABANDONED and not leased.record.run_of(outcome.rotation_id):
        await closed_operation(services, ResourceId.parse(leased.record.resource), outcome, opened=opened)


def _answer(record: Record, item: WorkItem, action: Action, outcome: Outcome) -> Outcome | None:
    """What the request comes to by the end of a run; None: it is decided again."""
    if outcome.rotation_id == item.rotation_id:
        return None if outcome.result is Result.ABANDONED else outcome
    # What had to come first did not end well. As if it had, keys would be regenerated that clients hold.
    failed_now = outcome.result is Result.FAILED and not isinstance(action, Resume)
    if failed_now or record.journal is not None:
        return outcome.as_failure_of(item.rotation_id, item.trigger, item.requested_at)
    return None


def _still_fails(record: Record, action: Wait | Skip | Refuse, observation: Observation) -> bool:
    """Whether a failure stands although this look was a good one.

    A good look ends the failure of a look. A run that failed is over once it is done, or not due any more: while it is
    held back, nothing tells that it would succeed. That SignalR rejects the published key is over when it says so.
    """
    if record.failing and record.failing.code == Code.SERVICE_REJECTS_KEYS:
        slot = observation.published_slot
        return slot is not None and record.suspect is not None and not observation.accepted.get(slot)
    run_failed = record.failing is not None and record.failing.kind is not None
    return isinstance(action, Wait) or (run_failed and action.code in _HELD_BACK)


async def _plan(leased: LeasedRecord) -> None:
    """Store the staged journal where nothing else will before something changes: a POST is stored as it is sent."""
    journal = leased.journal
    if journal.kind is Kind.PUBLISH:
        await leased.save()
    log.info("rotation planned", extra=leased.log_fields)
    if journal.cause is Cause.REPAIR:
        # Clients that read the secret get 401 until the repair is published: an alert is set on this.
        log.error("invalid key published", extra=leased.log_fields | {"why": journal.reason})
