"""No accepted request is lost: one that no worker has begun is sent again, and ends as failed if that is lost too.

A message can vanish: an operator clears the queue, or the platform settles it without running anything. A request that
comes twice is done once, by its rotation id, so sending it again does no harm.
"""

import logging
from datetime import datetime, timedelta

from shared.domain.errors import Busy, LeaseHeld, NeverStarted, RotationError
from shared.domain.operation import Operation
from shared.domain.record import Outcome
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.observability import telemetry
from shared.rotation.bounded_gather import bounded_gather
from shared.rotation.outcomes import failed, failed_without_record
from shared.rotation.ports import Services
from shared.rotation.retries import PATIENCE

log = logging.getLogger("rotation")

ASK_AGAIN_AFTER = timedelta(minutes=5)  # what no worker has begun by then may be lost
_AT_ONCE = 8
_SETTLING = timedelta(minutes=15)  # how late a scheduled retry may be before it counts as lost
_ANSWER_AFTER = timedelta(minutes=30)  # how long a message that was sent again may take


class Unstarted:
    """Looks after the requests that were accepted and have not ended."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def look(self) -> None:
        """Send again, or end, what has not begun. What fails here is left to the next sweep, and stops no sweep."""
        try:
            before = self._services.clock() - ASK_AGAIN_AFTER
            found = [each async for each in self._services.operations.unfinished(before=before)]
        except RotationError as error:
            log.warning("open operations not listed", extra={"code": error.code})
            return
        await bounded_gather(self._look_after, found, limit=_AT_ONCE)

    async def _look_after(self, operation: Operation) -> None:
        extra = {"rotation_id": operation.rotation_id, "resource": operation.resource}
        try:
            await self._resume(operation, extra)
        except RotationError as error:
            log.warning("open operation left to the next sweep", extra=extra | {"code": error.code})

    async def _resume(self, operation: Operation, extra: dict[str, str]) -> None:
        now, resource = self._services.clock(), ResourceId.parse(operation.resource)
        record = await self._services.records.read(resource)
        if record and record.run_of(operation.rotation_id):
            return  # it has begun: the sweep of its resource finishes it
        if record and (outcome := record.outcome_of(operation.rotation_id)):
            await self._services.operations.close(resource, outcome)
            return
        if operation.item is None or (operation.note and now < operation.note.retry_at + _SETTLING):
            return
        if operation.asked_again_at is None:
            item = telemetry.traced(operation.item)
            await self._services.queue.send(item, urgent=item.urgent)
            await self._services.operations.revise(operation.rotation_id, lambda known: known.asked_again(now))
            log.warning("request sent again", extra=extra)
        elif now > max(operation.requested_at + PATIENCE, operation.asked_again_at + _ANSWER_AFTER):
            await self._end(operation.item, resource, now)

    async def _end(self, item: WorkItem, resource: ResourceId, now: datetime) -> None:
        error = NeverStarted(
            f"the request for {resource.name} was accepted at {item.requested_at:%Y-%m-%d %H:%M} UTC, and no worker "
            "has ever begun it: its message was lost, and so was the one sent after it. No key was changed. See that "
            "the functions work and work_urgent run, then ask again"
        )
        try:
            async with self._services.records.lease(resource) as leased:
                known = await self._services.operations.read(item.rotation_id)
                begun = leased.record.run_of(item.rotation_id)
                if begun or known is None or known.final or leased.record.outcome_of(item.rotation_id):
                    return
                outcome = await failed(self._services, leased, item, error)
                await self._services.operations.close(resource, outcome)
        except Busy:
            if now > item.requested_at + 2 * PATIENCE:
                await report_held_lease(self._services, item)


async def report_held_lease(services: Services, item: WorkItem) -> Outcome:
    """End a request without the record, whose lease is never given back. Of a sweep this is reported once a day."""
    resource = item.resource_id
    error = LeaseHeld(
        f"the record of {resource.name} has been leased by another client for more than an hour, so nothing can be "
        f"done for it. Break the lease of the blob resources/{resource.key}.json in the app's container (az storage "
        "blob lease break), then ask again. What was begun is finished by the first sweep after that",
        step="ledger",
    )
    return await failed_without_record(services, item, error, incident="lease-held")
