"""The rotation module: what the timer, the webhook, the queue and the portal all call.

`submit` puts one message per resource on the queue; `work` takes one and does what is to be done: take the lease,
observe, decide, write the journal, and carry it out (`steps`). Nothing here knows a trigger or a service's SDK.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from shared import plans
from shared.announcements import announce_failure
from shared.decision import Action, Code, Refuse, Resume, Skip, Wait, decide
from shared.errors import NotManaged, RetriesExhausted, Retryable, RotationError, Terminal, Unavailable
from shared.fleet import Fleet
from shared.journal import Journal, Outcome, Result
from shared.ledger import Held, Ledger, Ticket
from shared.model import KeyPair, Observation, Policy, Resource, ResourceId, Slot
from shared.queue import WorkQueue
from shared.requests import Mode, Request, Wish
from shared.seen import Seen
from shared.services import Services
from shared.steps import Run

log = logging.getLogger("rotation")

PATIENCE = timedelta(hours=1)  # how long a request is put off before its failure is told
_NOT_READY_SECONDS = 60.0
_MOST_TURNS = 4
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Status:
    """A rotation id's story so far: asked for, under way (`journal`), or ended (`outcome`)."""

    ticket: Ticket
    journal: Journal | None = None
    outcome: Outcome | None = None


class Rotator:
    """Takes wishes, and fulfils them one resource at a time."""

    def __init__(self, *, fleet: Fleet, ledger: Ledger, queue: WorkQueue, services: Services) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._queue = queue
        self._to = services

    # -- asking -------------------------------------------------------------------------------------------------------

    async def submit(self, wish: Wish) -> list[Request]:
        """Queue a wish, one message per resource, and give what was asked under which rotation id.

        A wish that has ended already (same deduplication key) is not queued again. Raises `NotManaged`, and what the
        storage raises.
        """
        slots = asyncio.Semaphore(_AT_ONCE)

        async def enqueue(resource: ResourceId) -> Request:
            async with slots:
                request = wish.of(resource, self._to.clock())
                ended = wish.ticket and (await self._ledger.open_ticket(request)).outcome is not None
                if not ended:
                    await self._queue.send(request)
                return request

        requests = await asyncio.gather(*[enqueue(resource) async for resource in self._named(wish)])
        log.info("wish submitted", extra={"trigger": wish.trigger, "mode": wish.mode.value, "resources": len(requests)})
        return requests

    async def sweep(self, trigger: str = "timer") -> list[Request]:
        """Queue a look at every managed resource. Two sweeps in the same minute are one: a timer can fire twice."""
        minute = self._to.clock().strftime("%Y-%m-%dT%H:%M")
        return await self.submit(Wish(trigger=trigger, deduplication_key=f"{trigger}:{minute}", ticket=False))

    async def preview(self, wish: Wish) -> list[plans.Preview]:
        """What would be done now, and what stands in the way: nothing is written anywhere."""
        return [await self._preview(wish.of(resource, self._to.clock())) async for resource in self._named(wish)]

    async def _named(self, wish: Wish) -> AsyncIterator[ResourceId]:
        if wish.resource is None:
            async for resource in self._fleet.find():
                yield resource
        elif await self._fleet.manages(wish.resource):
            yield wish.resource
        else:
            raise NotManaged(
                f"{wish.resource} is not managed: name it in SIGNALR_RESOURCE_IDS, or tag it key-rotation=enabled in "
                "one of SIGNALR_SUBSCRIPTION_IDS"
            )

    async def status(self, rotation_id: str) -> Status | None:
        """How far the rotation of this id is; None when nothing was ever asked under it."""
        ticket = await self._ledger.ticket(rotation_id)
        if ticket is None or ticket.outcome:
            return Status(ticket, outcome=ticket.outcome) if ticket else None
        record = await self._ledger.read(ResourceId.parse(ticket.resource))
        if record and record.journal and record.journal.rotation_id == rotation_id:
            return Status(ticket, journal=record.journal)
        return Status(ticket, outcome=record.success_of(rotation_id) if record else None)

    # -- doing --------------------------------------------------------------------------------------------------------

    async def work(self, request: Request) -> Outcome | None:
        """Do what one message asks. None: it was put off, and a new message will come.

        Raises `Retryable` for the platform to try again.
        """
        try:
            return await self._work(request)
        except Retryable as error:
            if error.retry_after is None or self._to.clock() > request.requested_at + PATIENCE:
                raise
            await self._queue.send(request, delay=timedelta(seconds=error.retry_after))
            log.info("request put off", extra={"rotation_id": request.rotation_id, "code": error.code})
            return None

    async def give_up(self, request: Request) -> Outcome:
        """Record and announce that a message could not be done however often it was tried."""
        resource = request.resource_id
        error = RetriesExhausted(
            f"{resource.name} could not be worked on after every retry; the log of its rotation id says why. "
            "What was begun is finished by the next sweep that can"
        )
        async with self._ledger.hold(resource) as held:
            outcome = held.record.success_of(request.rotation_id) or await self._failed(held, request, error)
        await self._ledger.close_ticket(resource, outcome)
        return outcome

    async def _work(self, request: Request) -> Outcome:
        resource = request.resource_id
        async with self._ledger.hold(resource) as held:
            outcome = held.record.success_of(request.rotation_id)
            if outcome is None:
                try:
                    outcome = await self._fulfil(held, request)
                except Terminal as error:
                    outcome = await self._failed(held, request, error)
        if request.ticket:
            await self._ledger.close_ticket(resource, outcome)
        return outcome

    async def _fulfil(self, held: Held, request: Request) -> Outcome:
        for _ in range(_MOST_TURNS):
            resource = await self._to.signalr.get(request.resource_id)
            policy = self._fleet.policy(resource)
            seen, keys = await self._observe(resource, policy, unfinished=held.record.journal is not None)
            action = decide(seen, request, policy, self._to.clock())
            glance = Seen.of(seen, policy)
            match action:
                case Resume():
                    outcome = await self._finish(held, resource, policy, keys)
                    if outcome.rotation_id != request.rotation_id and outcome.result is Result.FAILED:
                        return outcome.as_failure_of(request.rotation_id, request.trigger, request.requested_at)
                case Wait() if request.mode is not Mode.SWEEP:
                    raise Unavailable(
                        f"{resource.id.name} is {resource.provisioning_state}",
                        step="observe",
                        retry_after=_NOT_READY_SECONDS,
                    )
                case Wait(code) | Skip(code) | Refuse(code):
                    if glance != held.record.seen:
                        await held.write(held.record.having_seen(glance))
                    return self._nothing_done(request, action, code)
                case _:
                    journal = plans.journal(action, seen, request, policy, self._to.clock())
                    await held.write(held.record.having_seen(glance).opened(journal))
                    log.info("rotation planned", extra=held.facts)
                    outcome = await self._finish(held, resource, policy, keys)
            if outcome.rotation_id == request.rotation_id and outcome.result is not Result.ABANDONED:
                return outcome
        raise Unavailable(f"{request.resource_id.name} keeps changing while it is worked on", step="observe")

    async def _finish(self, held: Held, resource: Resource, policy: Policy, keys: KeyPair) -> Outcome:
        outcome = await Run(self._to, held, resource, policy, keys).finish()
        await self._ledger.close_ticket(resource.id, outcome)
        if outcome.result is Result.SUCCEEDED and outcome.retire_after:
            # The sweep would find it too: the retirement stands in the tags of the published version.
            follow_up = plans.retirement(outcome, resource.id, outcome.retire_after)
            await self._queue.send(follow_up, delay=outcome.retire_after - self._to.clock())
        return outcome

    async def _observe(self, resource: Resource, policy: Policy, *, unfinished: bool) -> tuple[Observation, KeyPair]:
        keys, published = await asyncio.gather(
            self._to.signalr.keys(resource.id), self._to.vaults.newest(policy.vault_url, policy.secret_name)
        )
        return Observation(
            provisioning_state=resource.provisioning_state,
            local_auth_disabled=resource.local_auth_disabled,
            paused=policy.paused,
            live={slot: keys[slot].fingerprint for slot in Slot},
            published=published,
            unfinished=unfinished,
        ), keys

    def _nothing_done(self, request: Request, action: Action, code: Code) -> Outcome:
        result = Result.REFUSED if isinstance(action, Refuse) else Result.SKIPPED
        outcome = plans.nothing_done(request, result, code, getattr(action, "until", None), self._to.clock())
        log.info("nothing done", extra={"rotation_id": request.rotation_id, "result": result.value, "code": code.value})
        return outcome

    async def _failed(self, held: Held, request: Request, error: RotationError) -> Outcome:
        """Tell of a failure that no journal stands for, and write it down."""
        resource = request.resource_id
        await announce_failure(self._to.topic, error, resource, request, subject=resource.name)
        log.error("rotation failed", extra={"rotation_id": request.rotation_id, "code": error.code, "step": error.step})
        outcome = plans.failure(request, error, self._to.clock())
        await held.write(held.record.told(outcome, close=False))
        return outcome

    async def _preview(self, request: Request) -> plans.Preview:
        try:
            record = await self._ledger.read(request.resource_id)
            resource = await self._to.signalr.get(request.resource_id)
            policy = self._fleet.policy(resource)
            unfinished = bool(record and record.journal)
            seen, _ = await self._observe(resource, policy, unfinished=unfinished)
        except RotationError as error:
            return plans.Preview(request, finding=error)
        return plans.Preview(request, action=decide(seen, request, policy, self._to.clock()), seen=seen, policy=policy)
