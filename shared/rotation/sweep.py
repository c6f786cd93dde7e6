"""The sweep: which resources are to be looked at, which share a secret, and what has been overdue too long.

It looks at the fleet as a whole, in one listing of each scope and one of the app's own records, and leaves every single
resource to a message of its own.
"""

import logging
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain import events
from shared.domain.errors import RotationError
from shared.domain.heartbeat import Heartbeat, Unreadable
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.overdue import Overdue, find_overdue, still_unobserved
from shared.domain.requests import ListedState, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.observability import telemetry
from shared.rotation.inventory import Discovery, Fleet, entries_by_resource
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

    item: WorkItem
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class FleetState:
    """The fleet at one moment.

    `managed` includes what is known of scopes that could not be listed; `strays` were managed, and are no more.
    """

    at: datetime
    discovery: Discovery
    entries: Mapping[ResourceId, InventoryEntry]
    managed: tuple[ResourceId, ...]
    strays: tuple[ResourceId, ...]


class Sweep:
    """Looks at the whole fleet."""

    def __init__(self, services: Services, fleet: Fleet, *, grace: timedelta) -> None:
        self._services = services
        self._fleet = fleet
        self._grace = grace

    async def look(self) -> FleetState:
        """See what there is. Raises what ARM raises only if no scope at all can be listed."""
        entries = await entries_by_resource(self._services.records)
        discovery = await self._fleet.discover()
        new = [resource for resource, said in discovery.found.items() if said is None and resource not in entries]
        found = {**discovery.found, **await self._fleet.describe(new)}
        hidden = [each for each in entries if each not in found and any(s.covers(each) for s in discovery.unreadable)]
        managed = (*found, *hidden)
        # What another installation manages has not left this one.
        strays = tuple(known for known, entry in entries.items() if known not in {*managed} and not entry.foreign)
        return FleetState(self._services.clock(), replace(discovery, found=found), entries, managed, strays)

    def items(self, state: FleetState, command: RotationCommand) -> list[ScheduledItem]:
        """A message for each resource: the managed ones, and the strays, whose history is to be closed."""
        conflicts = self._conflicts(state)
        seconds = len(state.managed) / _SPREAD_PER_SECOND if len(state.managed) > _SPREAD_FROM else 0
        made = []
        for resource in (*state.managed, *state.strays):
            found = state.discovery.found.get(resource)
            item = command.for_resource(resource, state.at).model_copy(
                update={
                    "listed": ListedState.of(found) if found else None,
                    "expected": _expected(state.entries.get(resource), state.at),
                    "conflicts": tuple(str(other) for other in conflicts.get(resource, ())),
                }
            )
            made.append(ScheduledItem(item, timedelta(seconds=random.uniform(0, seconds))))  # noqa: S311 - no secret
        return made

    async def report_overdue(self, state: FleetState) -> Heartbeat:
        """Announce what is past due by more than the grace. Gives the sweep's record, without what was enqueued."""
        before = await self._services.records.heartbeat()
        earlier = before.unobserved if before else {}
        unobserved = still_unobserved(state.managed, state.entries, earlier, now=state.at)
        late = find_overdue(state.managed, state.entries, unobserved, now=state.at, grace=self._grace)
        known = (state.entries[each] for each in state.managed if each in state.entries)
        telemetry.fleet(known, overdue=len(late), now=state.at)
        for each in late:
            await self._report(each, state.at)
        return Heartbeat(
            started_at=state.at,
            ended_at=self._services.clock(),
            resources=len(state.managed),
            enqueued=0,
            overdue=len(late),
            unreadable=tuple(
                Unreadable(subscription=scope.name, code=error.code, message=error.message)
                for scope, error in state.discovery.unreadable.items()
            ),
            unobserved=unobserved,
        )

    async def finish(self, heartbeat: Heartbeat, *, enqueued: int) -> None:
        """Store that the sweep is done."""
        done = heartbeat.model_copy(update={"ended_at": self._services.clock(), "enqueued": enqueued})
        await self._services.records.write_heartbeat(done)
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

    async def _report(self, late: Overdue, now: datetime) -> None:
        log.error(
            "rotation overdue",
            extra={
                "rotation_id": late.rotation_id,
                "resource": str(late.resource),
                "due": late.due_at.isoformat(),
                "hours": round((now - late.due_at) / timedelta(hours=1), 1),
                "code": late.code,
            },
        )
        await announce_overdue(self._services.events, events.overdue(late))

    def _conflicts(self, state: FleetState) -> dict[ResourceId, list[ResourceId]]:
        """Which resources map to one and the same secret, and with which others."""
        writers: dict[_Secret, list[ResourceId]] = defaultdict(list)
        for resource in state.managed:
            if secret := self._secret(resource, state):
                writers[secret].append(resource)
        return {
            resource: [other for other in sharing if other != resource]
            for sharing in writers.values()
            if len(sharing) > 1
            for resource in sharing
        }

    def _secret(self, resource: ResourceId, state: FleetState) -> _Secret | None:
        found, entry = state.discovery.found.get(resource), state.entries.get(resource)
        if found is None:
            snapshot = entry.snapshot if entry else None
            return (snapshot.vault_url.lower(), snapshot.secret_name.lower()) if snapshot else None
        try:
            policy = self._fleet.policy(found)
        except RotationError:  # a wrong tag: the resource's own message reports it
            return None
        return policy.vault_url.lower(), policy.secret_name.lower()


def _expected(entry: InventoryEntry | None, now: datetime) -> bool:
    """Whether the resource will be found to need something, as far as its record tells."""
    if entry is None or entry.snapshot is None or entry.running:
        return True
    return any(moment and moment <= now for moment in (entry.snapshot.due_at, entry.snapshot.retire_after))
