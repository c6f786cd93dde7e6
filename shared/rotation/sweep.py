"""The sweep: which resources are to be looked at, which share a secret, and what has been overdue too long.

It looks at the fleet as a whole, in one listing of each scope and one of the app's own records, reads from ARM what no
list tells, and leaves every single resource to a message of its own.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from shared.domain import events
from shared.domain.errors import RotationError
from shared.domain.heartbeat import ANNOUNCEMENT_PENDING, POISON_MESSAGES, Finding, Heartbeat, Unreadable
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.overdue import Overdue, find_overdue, still_unobserved
from shared.domain.policy import OPT_IN_TAG, place_of, unknown_word, unknown_word_of
from shared.domain.requests import ListedState, RotationCommand, WorkItem
from shared.domain.resources import Resource, ResourceId
from shared.domain.rollout import RolloutState
from shared.observability import telemetry
from shared.rotation.bounded_gather import bounded_gather
from shared.rotation.inventory import Discovery, Fleet, entries_by_resource, strays_of
from shared.rotation.observe import NAMED_CONFLICTS
from shared.rotation.outbox import announce_without_record
from shared.rotation.ports import Services

log = logging.getLogger("rotation.sweep")

# Fewer than one worker has in hand at once need not be spread.
_SPREAD_FROM = 128
_SPREAD_PER_SECOND = 50

_AT_ONCE = 16
_MOST_FINDINGS = 10
_ANNOUNCED_WITHIN = timedelta(hours=1)
LONGEST_ANNOUNCING_SECONDS = 20.0

type FailedItem = tuple[WorkItem, RotationError]
type _Secret = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Conflict:
    """The resources that map to the same secret as another one: the first few, and how many."""

    named: tuple[ResourceId, ...]
    count: int


_NO_CONFLICT = _Conflict((), 0)


@dataclass(frozen=True, slots=True)
class ScheduledItem:
    """One message to send, and how long after now."""

    item: WorkItem
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class FleetState:
    """The fleet at one moment.

    `managed` has what ARM says of each (None: it did not answer), and what is known of scopes that could not be listed.
    `strays` were managed, and are no more. `missing` are named, were never observed, and do not exist.
    """

    at: datetime
    discovery: Discovery
    entries: Mapping[ResourceId, InventoryEntry]
    managed: Mapping[ResourceId, Resource | None]
    strays: tuple[ResourceId, ...]
    missing: Collection[ResourceId] = ()

    @property
    def known(self) -> Mapping[ResourceId, InventoryEntry | None]:
        """The managed resources that exist, with what their records tell."""
        return {each: self.entries.get(each) for each in self.present}

    @property
    def present(self) -> list[ResourceId]:
        """The managed resources without those that do not exist."""
        return [each for each in self.managed if each not in self.missing]


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
        managed = discovery.managed(entries)
        # A snapshot may tell of a secret that the tags name no more. What is read here, no message reads again.
        described, missing = await self._fleet.describe([each for each, found in managed.items() if found is None])
        observed = {each for each, entry in entries.items() if entry.snapshot}  # gone when ARM says so twice
        strays = strays_of(entries, managed)
        return FleetState(self._services.clock(), discovery, entries, managed | described, strays, missing - observed)

    async def remember(self, state: FleetState) -> None:
        """Store for lists what is managed. Where that fails, they tell what an earlier sweep found."""
        try:
            await self._services.swept.write(self._fleet.swept(state.managed, state.entries, as_of=state.at))
        except RotationError as error:
            log.warning("fleet not stored", extra={"code": error.code})

    def items(self, state: FleetState, command: RotationCommand, rollout: RolloutState) -> list[ScheduledItem]:
        """A message for each resource: the managed ones, and the strays, whose history is to be closed.

        `rollout`: which of those that are due have to wait. A look at them is asked for all the same.
        """
        conflicts = self._conflicts(state)
        seconds = len(state.managed) / _SPREAD_PER_SECOND if len(state.managed) > _SPREAD_FROM else 0
        made = []
        for resource in (*state.managed, *state.strays):
            found, sharing = state.managed.get(resource), conflicts.get(resource, _NO_CONFLICT)
            entry = state.entries.get(resource)
            standstill = rollout.standstill(resource, state.at) if _is_due(entry, state.at) else None
            item = command.for_resource(resource, state.at).model_copy(
                update={
                    "listed": ListedState.of(found) if found else None,
                    "expected": _expected(entry, state.at, waits=standstill is not None),
                    "standstill": standstill,
                    "conflicts": tuple(str(other) for other in sharing.named),
                    "conflict_count": sharing.count,
                }
            )
            made.append(ScheduledItem(item, timedelta(seconds=random.uniform(0, seconds))))  # noqa: S311 - no secret
        return made

    async def conflicts_of(self, resource: ResourceId) -> tuple[tuple[str, ...], int]:
        """Other resources that map to the same secret as this one: the first few, and how many. As `look` raises."""
        conflict = self._conflicts(await self.look()).get(resource, _NO_CONFLICT)
        return tuple(map(str, conflict.named)), conflict.count

    async def report_overdue(self, state: FleetState) -> Heartbeat:
        """Announce what is past due by more than the grace. Gives the sweep's record, without what was enqueued."""
        before = await self._services.records.heartbeat()
        earlier = before.unobserved if before else {}
        unobserved = still_unobserved(state.present, state.entries, earlier, now=state.at)
        late = find_overdue(state.present, state.entries, unobserved, now=state.at, grace=self._grace)
        known = (state.entries[each] for each in state.managed if each in state.entries)
        telemetry.fleet(known, overdue=len(late), now=state.at)
        await self._report_overdue(late, state.at)
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
            findings=(*await self._given_up(), *self._unannounced(state), *self._unknown_words(state)),
            unobserved=unobserved,
        )

    async def finish(self, heartbeat: Heartbeat, *, enqueued: int, failed: Sequence[FailedItem]) -> None:
        """Store what the sweep came to; `failed` are the messages that the queue did not take."""
        done = heartbeat.model_copy(
            update={
                "ended_at": self._services.clock(),
                "enqueued": enqueued,
                "not_enqueued": len(failed),
                "findings": (*_not_enqueued(failed), *heartbeat.findings),
            }
        )
        await self._services.records.write_heartbeat(done)
        log.info(
            "sweep finished",
            extra={
                "resources": done.resources,
                "enqueued": done.enqueued,
                "not_enqueued": done.not_enqueued,
                "overdue": done.overdue,
                "unreadable": len(done.unreadable),
                "seconds": round((done.ended_at - done.started_at).total_seconds(), 3),
            },
        )

    async def _report_overdue(self, overdue: list[Overdue], now: datetime) -> None:
        """Log each, and announce them in the time there is: the next sweep announces the rest, under the same ids."""
        for late in overdue:
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

        async def announce(late: Overdue) -> None:
            await announce_without_record(self._services.events, events.overdue(late))

        try:
            async with asyncio.timeout(LONGEST_ANNOUNCING_SECONDS):
                await bounded_gather(announce, overdue, limit=_AT_ONCE)
        except TimeoutError:
            log.warning("overdue not announced in time", extra={"resources": len(overdue)})

    async def _given_up(self) -> tuple[Finding, ...]:
        """The poison queues that hold messages.

        The platform converts a message before it calls the app. One that it cannot convert fails there, on the poison
        queue again, every ten minutes for seven days: the app is never called, and this count is all that shows it.
        """
        try:
            held = await self._services.queue.given_up()
        except RotationError as error:
            log.warning("poison queues not read", extra={"code": error.code})
            return ()
        found = {queue: messages for queue, messages in held.items() if messages}
        for queue, messages in found.items():
            log.error("poison queue not empty", extra={"queue": queue, "messages": messages})
        return tuple(
            Finding(
                resource="",
                code=POISON_MESSAGES,
                message=f"{queue} holds {messages} message(s) that no function of the app could take. None of them is "
                "carried out; each is deleted after seven days. Read and delete them: docs/how-to/respond-to-alerts.md",
            )
            for queue, messages in found.items()
        )

    def _unannounced(self, state: FleetState) -> tuple[Finding, ...]:
        """That events wait for the topic, as one finding: they wait for one and the same."""
        waiting = [each.pending_since for each in state.entries.values() if each.pending_since]
        if not waiting or min(waiting) > state.at - _ANNOUNCED_WITHIN:
            return ()
        why = self._services.events.refusal
        log.error("announcements pending", extra={"resources": len(waiting), "since": min(waiting).isoformat()})
        message = (
            f"the topic has taken no event since {min(waiting):%Y-%m-%d %H:%M} UTC of {len(waiting)} resource(s). What "
            "they announce is done; they are sent once it does"
        )
        return (Finding(resource="", code=ANNOUNCEMENT_PENDING, message=f"{message}. {why}" if why else message),)

    def _unknown_words(self, state: FleetState) -> tuple[Finding, ...]:
        """The resources whose tag says something that the app does not know."""
        managed = (each for each in state.managed.values() if each and self._fleet.names(each.id))
        named = (each for each in managed if unknown_word_of(each))
        found = {each.id: each for each in (*named, *state.discovery.unclear.values())}
        for each in found.values():
            log.warning("tag not understood", extra={"resource": str(each.id), "tag": OPT_IN_TAG})
        errors = ((each.id, unknown_word(each)) for each in islice(found.values(), _MOST_FINDINGS))
        return tuple(
            Finding(resource=str(resource), code=error.code, message=error.message) for resource, error in errors
        )

    def _conflicts(self, state: FleetState) -> dict[ResourceId, _Conflict]:
        """Which resources map to one and the same secret, and with which others."""
        writers: dict[_Secret, list[ResourceId]] = defaultdict(list)
        for resource in state.managed:
            if secret := self._secret(resource, state):
                writers[secret].append(resource)
        conflicts = {}
        for sharing in (each for each in writers.values() if len(each) > 1):
            first = sharing[: NAMED_CONFLICTS + 1]
            for resource in sharing:
                others = [other for other in first if other != resource][:NAMED_CONFLICTS]
                conflicts[resource] = _Conflict(tuple(others), len(sharing) - 1)
        return conflicts

    def _secret(self, resource: ResourceId, state: FleetState) -> _Secret | None:
        found, entry = state.managed.get(resource), state.entries.get(resource)
        if found is None:
            snapshot = entry.snapshot if entry else None
            return place_of(snapshot.vault_url, snapshot.secret_name) if snapshot else None
        try:
            return self._fleet.policy(found).place
        except RotationError:  # a wrong tag: the resource's own message reports it
            return None


def _not_enqueued(failed: Sequence[FailedItem]) -> list[Finding]:
    for item, error in failed:
        log.error(
            "message not enqueued",
            extra={"rotation_id": item.rotation_id, "resource": item.resource, "code": error.code},
        )
    return [
        Finding(resource=item.resource, code=error.code, message=error.message)
        for item, error in failed[:_MOST_FINDINGS]
    ]


def _is_due(entry: InventoryEntry | None, now: datetime) -> bool:
    return entry is not None and entry.snapshot is not None and entry.snapshot.is_due(now)


def _expected(entry: InventoryEntry | None, now: datetime, *, waits: bool) -> bool:
    """Whether the resource will be found to need something, as far as its record tells. `waits`: no rotation yet."""
    if entry is None or entry.snapshot is None or entry.running:
        return True
    return entry.snapshot.calls_for_work(now, waits=waits)
