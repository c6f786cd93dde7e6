"""The rotation module: what the timer, the webhook, the queue and the portal all call.

`submit` puts one message per resource on the queue; `work` takes one and does what is to be done (`worker`).
Nothing here knows a trigger or a service's SDK.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from shared.adapters.blob_operations import BlobOperations
from shared.adapters.blob_records import BlobRecords
from shared.adapters.storage_queue import StorageQueue
from shared.domain import planning
from shared.domain.errors import NotManaged
from shared.domain.heartbeat import Heartbeat
from shared.domain.record import Journal, Operation, Outcome
from shared.domain.requests import RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.rotation.inventory import Fleet
from shared.rotation.ports import Services
from shared.rotation.preflight import Preflight
from shared.rotation.sweep import ScheduledItem, Sweep
from shared.rotation.worker import Worker

log = logging.getLogger("rotation")

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class RotationStatus:
    """A rotation id's story so far: asked for, under way (`journal`), or ended (`outcome`)."""

    ticket: Operation
    journal: Journal | None = None
    outcome: Outcome | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will come."""
        return self.outcome is not None


class Rotator:
    """Takes wishes, and fulfils them one resource at a time."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        ledger: BlobRecords,
        queue: StorageQueue,
        keys: BlobOperations,
        services: Services,
        preflight: Preflight,
        grace: timedelta,
    ) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._queue = queue
        self._keys = keys
        self._to = services
        self._preflight = preflight
        self._sweep = Sweep(fleet, ledger, services, grace=grace)
        self._worker = Worker(fleet=fleet, ledger=ledger, queue=queue, services=services)

    # -- asking -------------------------------------------------------------------------------------------------------

    async def submit(self, wish: RotationCommand) -> list[WorkItem]:
        """Queue a wish, one message per resource, and give what was asked under which rotation id.

        A wish that has ended already (same deduplication key) is not queued again. Raises `NotManaged`, `KeyReused`,
        and what the storage raises.
        """
        if wish.resource is None:
            errands = self._sweep.errands(await self._sweep.view(), wish)
        else:
            errands = [ScheduledItem(wish.of(await self._named(wish.resource), self._to.clock()))]
        if wish.exclusive and wish.deduplication_key:
            await self._keys.claim(wish.deduplication_key, wish)
        return await self._send(errands, wish)

    async def _send(self, errands: list[ScheduledItem], wish: RotationCommand) -> list[WorkItem]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def enqueue(errand: ScheduledItem) -> WorkItem:
            async with slots:
                if not (wish.ticket and (await self._ledger.open_ticket(errand.request)).final):
                    await self._queue.send(errand.request, delay=errand.delay)
                return errand.request

        requests = await asyncio.gather(*map(enqueue, errands))
        log.info("wish submitted", extra={"trigger": wish.trigger, "mode": wish.mode.value, "resources": len(requests)})
        return requests

    async def sweep(self, trigger: str = "timer") -> list[WorkItem]:
        """Queue a look at every managed resource, and tell of what is overdue.

        Two sweeps in the same minute are one: a timer can fire twice. Raises what ARM raises only where nothing at all
        can be listed, and what the storage raises.
        """
        view = await self._sweep.view()
        heartbeat = await self._sweep.tell_overdue(view)
        wish = RotationCommand(trigger=trigger, deduplication_key=f"{trigger}:{view.at:%Y-%m-%dT%H:%M}", ticket=False)
        requests = await self._send(self._sweep.errands(view, wish), wish)
        await self._sweep.finish(heartbeat, enqueued=len(requests))
        return requests

    async def heartbeat(self) -> Heartbeat | None:
        """What the last sweep came to; None when there was none yet."""
        return await self._ledger.heartbeat()

    async def preview(self, wish: RotationCommand) -> list[planning.Preview]:
        """What would be done now, and what stands in the way: nothing is written anywhere."""
        if wish.resource is None:
            view = await self._sweep.view()
            managed = {*view.managed}
            asked = [errand.request for errand in self._sweep.errands(view, wish)]
            return await self._preflight.look([each for each in asked if each.resource_id in managed])
        return await self._preflight.look([wish.of(await self._named(wish.resource), self._to.clock())])

    async def _named(self, resource: ResourceId) -> ResourceId:
        if await self._fleet.manages(resource):
            return resource
        raise NotManaged(
            f"{resource} is not managed: name it in SIGNALR_RESOURCE_IDS, or tag it key-rotation=enabled in "
            "one of SIGNALR_RESOURCE_GROUP_IDS or SIGNALR_SUBSCRIPTION_IDS"
        )

    async def status(self, rotation_id: str) -> RotationStatus | None:
        """How far the rotation of this id is; None when nothing was ever asked under it."""
        ticket = await self._ledger.ticket(rotation_id)
        if ticket is None or ticket.final:
            return RotationStatus(ticket, outcome=ticket.outcome) if ticket else None
        record = await self._ledger.read(ResourceId.parse(ticket.resource))
        if record and record.journal and record.journal.rotation_id == rotation_id:
            return RotationStatus(ticket, journal=record.journal)
        return RotationStatus(ticket, outcome=record.outcome_of(rotation_id) if record else None)

    # -- doing --------------------------------------------------------------------------------------------------------

    async def work(self, request: WorkItem) -> Outcome | None:
        """Do what one message asks: see `Worker.work`."""
        return await self._worker.work(request)

    async def give_up(self, request: WorkItem) -> Outcome:
        """Record and announce that a message could not be done: see `Worker.give_up`."""
        return await self._worker.give_up(request)
