"""Accepting requests: what the timer, the HTTP API, the dashboard and the portal call.

A command is accepted as one message per resource on the queue; the worker (`worker`) takes it from there. Nothing here
knows a trigger or a service's SDK.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import NotManaged, RotationError
from shared.domain.heartbeat import Heartbeat
from shared.domain.journal import Journal
from shared.domain.operation import Operation
from shared.domain.planning import Preview
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Record
from shared.domain.requests import NextWave, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.domain.rollout import ALL_AT_ONCE, Waves, awaits_rotation
from shared.observability import telemetry
from shared.rotation.bounded_gather import bounded_gather, bounded_settle
from shared.rotation.inventory import Fleet
from shared.rotation.ports import Services
from shared.rotation.preflight import Preflight
from shared.rotation.rollout import Rollouts
from shared.rotation.sweep import FailedItem, ScheduledItem, Sweep
from shared.rotation.unstarted import Unstarted

log = logging.getLogger("rotation")

_AT_ONCE = 16
_SHORTEST_PERIOD, _LONGEST_PERIOD = timedelta(hours=1), timedelta(days=1)
_LOOK_AT_WAVE = timedelta(minutes=5)  # how often to look whether one that should have ended has
_FIRST_LOOK_SECONDS = 0.5
_SLOWEST_LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class RotationStatus:
    """How far a rotation id is: asked for, under way (`journal`), or ended (`outcome`).

    `failed`: how the last attempt of a run that is still open failed; the next one goes on from there.
    `announcing`: how it ended, while the event is being sent. It is not final yet: its step will change.
    """

    operation: Operation
    journal: Journal | None = None
    outcome: Outcome | None = None
    failed: Outcome | None = None
    announcing: Outcome | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will come."""
        return self.outcome is not None


def not_managed(resource: ResourceId) -> NotManaged:
    """The error of a request that names a resource which is not managed."""
    return NotManaged(
        f"{resource} is not managed: name it in SIGNALR_RESOURCE_IDS, or tag it key-rotation=enabled in "
        "one of SIGNALR_RESOURCE_GROUP_IDS or SIGNALR_SUBSCRIPTION_IDS"
    )


def status_by(operation: Operation, record: Record | None) -> RotationStatus:
    """How far an operation is, by what is stored of it and, until it has ended, by its resource's record."""
    rotation_id = operation.rotation_id
    if operation.final or record is None:
        return RotationStatus(operation, outcome=operation.outcome if operation.final else None)
    if run := record.run_of(rotation_id):
        return RotationStatus(operation, journal=run, failed=record.last_failure_of(rotation_id))
    outcome = record.outcome_of(rotation_id)
    if outcome and record.is_pending(rotation_id):
        return RotationStatus(operation, announcing=outcome)
    return RotationStatus(operation, outcome=outcome)


class Rotations:
    """Takes commands, previews them, and tells how far they are."""

    def __init__(self, services: Services, fleet: Fleet, *, grace: timedelta, waves: Waves = ALL_AT_ONCE) -> None:
        self._services = services
        self._fleet = fleet
        self._waves = waves
        self._rollouts = Rollouts(services)
        self._preflight = Preflight(services, fleet)
        self._sweep = Sweep(services, fleet, grace=grace)
        self._unstarted = Unstarted(services)

    async def submit(self, command: RotationCommand) -> list[WorkItem]:
        """Queue a command, one message per resource, and give what was asked under which rotation id.

        A command that has ended already (same deduplication key) is not queued again. Raises `NotManaged`, `KeyReused`,
        and what the storage raises.
        """
        if command.resource is None:
            return await self._sweep_all(command)
        items = [ScheduledItem(await self._named(command, command.resource))]
        await self._claim(command)
        return (await self._send(items, command))[0]

    async def sweep(self, trigger: str = "timer") -> list[WorkItem]:
        """Queue a look at every managed resource, and report what is overdue.

        Two sweeps in the same minute are one: a timer can fire twice. Raises what ARM raises only where nothing at all
        is known, and what the storage raises.
        """
        key = f"{trigger}:{self._services.clock():%Y-%m-%dT%H:%M}"
        return await self._sweep_all(RotationCommand(trigger, deduplication_key=key, tracked=False))

    async def _sweep_all(self, command: RotationCommand) -> list[WorkItem]:
        """A sweep, whoever asked for it. What the queue does not take of it is reported, and the rest goes on."""
        before = await self._services.records.heartbeat()
        state = await self._sweep.look()
        await self._claim(command)
        rollout, next_wave = await self._rollouts.plan(state.known, self._waves)
        items = self._sweep.items(state, command, rollout)
        # What a caller asked for is not to vanish; what the timer asks, the next sweep asks again.
        expires_after = None if command.tracked else _period(before, state.at)
        try:
            sent, failed = await self._send(items, command, expires_after=expires_after)
        finally:  # after what secures keys, and in spite of a queue that takes nothing
            await self._sweep.remember(state)
            heartbeat = await self._sweep.report_overdue(state)
        await self._schedule_wave(next_wave, self._waves.interval)
        await self._rollouts.announce()
        await self._unstarted.look()
        await self._sweep.finish(heartbeat, enqueued=len(sent), failed=failed)
        return sent

    async def next_wave(self, message: NextWave) -> None:
        """Begin the wave after the message's, once that one has ended; unless a sweep has done so, or there is a hold.

        A message that is lost costs time only: the next sweep begins the wave. Raises as `sweep` does.
        """
        if not (await self._rollouts.read()).is_at(message):
            return
        state = await self._sweep.look()
        rollout, following = await self._rollouts.plan(state.known, self._waves)
        if rollout.is_at(message):  # its wave has not ended
            await self._schedule_wave(message, min(self._waves.interval, _LOOK_AT_WAVE))
            return
        key = f"wave:{message.rollout}:{message.wave + 1}"
        command = RotationCommand("timer", deduplication_key=key, tracked=False)
        items = self._sweep.items(state, command, rollout)
        due = {each for each, entry in state.known.items() if awaits_rotation(entry, state.at)}
        await self._send([each for each in items if each.item.resource_id in due and not each.item.standstill], command)
        await self._schedule_wave(following, self._waves.interval)

    async def _schedule_wave(self, message: NextWave | None, delay: timedelta) -> None:
        if message is None:
            return
        try:
            await self._services.queue.send(message, delay=delay)
        except RotationError as error:  # the next sweep begins it
            log.warning("next wave not enqueued", extra={"wave": message.wave + 1, "code": error.code})

    async def _claim(self, command: RotationCommand) -> None:
        if command.exclusive and command.deduplication_key:
            await self._services.operations.claim(command.deduplication_key, command)

    async def preview(self, command: RotationCommand) -> list[Preview]:
        """What would be done now, and what stands in the way: nothing is written anywhere."""
        if command.resource is None:
            state = await self._sweep.look()
            managed = {*state.managed}
            items = [each.item for each in self._sweep.items(state, command, await self._rollouts.read())]
            return await self._preflight.look([each for each in items if each.resource_id in managed])
        return await self._preflight.look([await self._named(command, command.resource)])

    async def policy_of(self, resource: ResourceId) -> Policy:
        """How a managed resource is to be rotated, by its tags of now. Raises `NotManaged`, and what ARM raises."""
        if not await self._fleet.manages(resource):
            raise not_managed(resource)
        return self._fleet.policy(await self._services.signalr.get(resource))

    async def status(self, rotation_id: str) -> RotationStatus | None:
        """How far the rotation of this id is; None when nothing was ever asked under it."""
        operation = await self._services.operations.read(rotation_id)
        if operation is None:
            return None
        resource = ResourceId.parse(operation.resource)
        return status_by(operation, None if operation.final else await self._services.records.read(resource))

    async def wait_for(self, rotation_ids: Sequence[str], *, seconds: float) -> list[RotationStatus]:
        """How the rotations stand when the last of them has ended, or when the time is up (`Prefer: wait=N`).

        Each look opens one or two blobs for every rotation that still runs. Looks get rarer, at most one in three
        seconds.
        """
        found: dict[str, RotationStatus] = {}

        async def look(rotation_id: str) -> None:
            if status := await self.status(rotation_id):
                found[rotation_id] = status

        loop = asyncio.get_running_loop()
        until, pause = loop.time() + seconds, _FIRST_LOOK_SECONDS
        while True:
            open_ids = [each for each in rotation_ids if each not in found or not found[each].final]
            await bounded_gather(look, open_ids, limit=_AT_ONCE)
            left = until - loop.time()
            if left <= 0 or all(each in found and found[each].final for each in rotation_ids):
                return [found[each] for each in rotation_ids if each in found]
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _SLOWEST_LOOK_SECONDS)

    async def _named(self, command: RotationCommand, resource: ResourceId) -> WorkItem:
        if await self._fleet.manages(resource):
            return command.for_resource(resource, self._services.clock())
        raise not_managed(resource)

    async def _send(
        self, items: list[ScheduledItem], command: RotationCommand, *, expires_after: timedelta | None = None
    ) -> tuple[list[WorkItem], list[FailedItem]]:
        """What was sent, and what could not be, with the reason. Raises where nothing could."""
        operations, queue = self._services.operations, self._services.queue

        async def enqueue(scheduled: ScheduledItem) -> None:
            item, delay = scheduled.item, scheduled.delay
            operation = await operations.open(item) if command.tracked else None
            if operation is None or not operation.final:
                await queue.send(telemetry.traced(item), delay=delay, urgent=item.urgent, expires_after=expires_after)
            if operation and not operation.final:
                # Only now: what could not be queued was not accepted, and is not to be done hours later.
                await operations.accepted(operation)

        failed = [(each.item, error) for each, error in await bounded_settle(enqueue, items, limit=_AT_ONCE)]
        unsent = {item.rotation_id for item, _ in failed}
        sent = [each.item for each in items if each.item.rotation_id not in unsent]
        log.info(
            "rotation requested",
            extra={"trigger": command.trigger, "mode": command.mode.value, "resources": len(sent)},
        )
        return sent, failed


def _period(before: Heartbeat | None, now: datetime) -> timedelta:
    """How long a sweep's messages are worth something: until the next sweep, as far as the last one tells."""
    since = now - before.started_at if before else _LONGEST_PERIOD
    return min(max(since, _SHORTEST_PERIOD), _LONGEST_PERIOD)
