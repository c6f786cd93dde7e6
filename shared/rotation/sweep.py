"""The sweep: which resources are to be looked at, who stands in whose way, and what has been left undone too long.

It looks at the fleet as a whole, in one listing of each subscription and one of the app's own records, and leaves every
single resource to a message of its own.
"""

import logging
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.adapters.blob_records import BlobRecords
from shared.domain.errors import RotationError
from shared.domain.heartbeat import Heartbeat, Unreadable
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.overdue import Overdue, overdue, still_unseen
from shared.domain.requests import ListedState, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.observability import telemetry
from shared.rotation.inventory import Discovery, Fleet
from shared.rotation.outbox import announce_overdue
from shared.rotation.ports import Services

log = logging.getLogger("rotation.sweep")

# Fewer than one worker has in hand at once need not be spread.
_SPREAD_FROM = 128
_SPREAD_PER_SECOND = 50

type _Secret = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ScheduledItem:
    """One message to send, and how long after now."""

    request: WorkItem
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class FleetState:
    """The fleet at one moment. `managed` includes what is known of scopes that could not be listed."""

    at: datetime
    survey: Discovery
    entries: Mapping[ResourceId, InventoryEntry]
    managed: tuple[ResourceId, ...]
    strays: tuple[ResourceId, ...]


class Sweep:
    """Looks at the whole fleet."""

    def __init__(self, fleet: Fleet, ledger: BlobRecords, services: Services, *, grace: timedelta) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._to = services
        self._grace = grace

    async def view(self) -> FleetState:
        """See what there is. Raises what ARM raises only if no subscription at all can be listed."""
        entries = {ResourceId.parse(each.resource): each async for each in self._ledger.entries()}
        survey = await self._fleet.survey()
        news = [known for known, said in survey.found.items() if said is None and known not in entries]
        survey = replace(survey, found={**survey.found, **await self._fleet.describe(news)})
        unread = survey.unreadable
        hidden = [each for each in entries if each not in survey.found and any(one.covers(each) for one in unread)]
        managed = (*survey.found, *hidden)
        strays = tuple(known for known in entries if known not in {*managed})
        return FleetState(self._to.clock(), survey, entries, managed, strays)

    def errands(self, view: FleetState, wish: RotationCommand) -> list[ScheduledItem]:
        """A message for each resource: the managed ones, and those that were and whose history is to be closed."""
        rivals = self._rivals(view)
        seconds = len(view.managed) / _SPREAD_PER_SECOND if len(view.managed) > _SPREAD_FROM else 0
        made = []
        for resource in (*view.managed, *view.strays):
            found = view.survey.found.get(resource)
            request = wish.of(resource, view.at).model_copy(
                update={
                    "listed": ListedState.of(found) if found else None,
                    "expected": _expected(view.entries.get(resource), view.at),
                    "rivals": tuple(str(rival) for rival in rivals.get(resource, ())),
                }
            )
            made.append(ScheduledItem(request, timedelta(seconds=random.uniform(0, seconds))))  # noqa: S311 - no secret
        return made

    async def tell_overdue(self, view: FleetState) -> Heartbeat:
        """Announce what is past due by more than the grace. Gives the sweep's record, without what was enqueued."""
        before = await self._ledger.heartbeat()
        unseen = still_unseen(view.managed, view.entries, before.unseen if before else {}, now=view.at)
        late = overdue(view.managed, view.entries, unseen, now=view.at, grace=self._grace)
        seen = (view.entries[each] for each in view.managed if each in view.entries)
        telemetry.fleet(seen, overdue=len(late), now=view.at)
        for each in late:
            await self._tell(each, view.at)
        return Heartbeat(
            started_at=view.at,
            ended_at=self._to.clock(),
            resources=len(view.managed),
            enqueued=0,
            overdue=len(late),
            unreadable=tuple(
                Unreadable(subscription=scope.name, code=error.code, message=error.message)
                for scope, error in view.survey.unreadable.items()
            ),
            unseen=unseen,
        )

    async def finish(self, heartbeat: Heartbeat, *, enqueued: int) -> None:
        """Write down that the sweep is done."""
        done = heartbeat.model_copy(update={"ended_at": self._to.clock(), "enqueued": enqueued})
        await self._ledger.beat(done)
        log.info(
            "sweep finished",
            extra={
                "resources": done.resources,
                "enqueued": done.enqueued,
                "overdue": done.overdue,
                "unreadable": len(done.unreadable),
                "seconds": round((done.ended_at - done.started_at).total_seconds(), 3),
            },
        )

    async def _tell(self, late: Overdue, now: datetime) -> None:
        log.error(
            "rotation overdue",
            extra={
                "rotation_id": late.rotation_id,
                "resource": str(late.resource),
                "due": late.due.isoformat(),
                "hours": round((now - late.due) / timedelta(hours=1), 1),
                "code": late.code,
            },
        )
        try:
            await announce_overdue(self._to.topic, late)
        except RotationError as untold:  # the next sweep tells it under the same id
            log.exception("overdue not announced", extra={"rotation_id": late.rotation_id, "code": untold.code})

    def _rivals(self, view: FleetState) -> dict[ResourceId, list[ResourceId]]:
        """Which resources map to one and the same secret, and with whom."""
        writers: dict[_Secret, list[ResourceId]] = defaultdict(list)
        for resource in view.managed:
            if secret := self._secret(resource, view):
                writers[secret].append(resource)
        return {
            resource: [other for other in sharing if other != resource]
            for sharing in writers.values()
            if len(sharing) > 1
            for resource in sharing
        }

    def _secret(self, resource: ResourceId, view: FleetState) -> _Secret | None:
        found, entry = view.survey.found.get(resource), view.entries.get(resource)
        if found is None:
            seen = entry.snapshot if entry else None
            return (seen.vault_url.lower(), seen.secret_name.lower()) if seen else None
        try:
            policy = self._fleet.policy(found)
        except RotationError:  # a wrong tag: told when the resource's turn comes
            return None
        return policy.vault_url.lower(), policy.secret_name.lower()


def _expected(entry: InventoryEntry | None, now: datetime) -> bool:
    """Whether the resource will be found to need something, as far as its record tells."""
    if entry is None or entry.snapshot is None or entry.running:
        return True
    return any(moment and moment <= now for moment in (entry.snapshot.due_at, entry.snapshot.retire_after))
