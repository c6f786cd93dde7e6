"""Which resources are managed, and lists of them with what was last observed of each.

Settings name resources, or groups and subscriptions to discover them in by their tag.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.errors import Misconfigured, NotFound, RotationError
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.policy import Policy, PolicyDefaults, is_unclear, opted_in
from shared.domain.resources import Resource, ResourceId, Scope
from shared.domain.swept_fleet import ManagedResource, SweptFleet
from shared.observability import telemetry
from shared.rotation.bounded_gather import bounded_gather, bounded_settle
from shared.rotation.ports import RecordStore, Services

log = logging.getLogger("rotation.fleet")

_AT_ONCE = 8
_MOST_LISTINGS = 4
_REPEATEDLY = 2
_SURVEY_KEPT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Discovery:
    """Every managed resource, with what ARM's list says of it (None: it was only named).

    `unclear` are those whose tag neither opts in nor out: managed only if they were before. `unreadable` are the
    subscriptions and groups that could not be listed, and why.
    """

    found: Mapping[ResourceId, Resource | None]
    unreadable: Mapping[Scope, RotationError]
    unclear: Mapping[ResourceId, Resource]

    def managed(self, entries: Mapping[ResourceId, InventoryEntry]) -> dict[ResourceId, Resource | None]:
        """All that is managed, `entries` being what the records tell of: they stand in for what could not be listed.

        Raises what ARM raised where scopes could not be listed and nothing at all is known.
        """
        known = {each: None for each, entry in entries.items() if not entry.removed}
        kept = {each: found for each, found in self.unclear.items() if each in known}
        hidden = [each for each in known if any(scope.covers(each) for scope in self.unreadable)]
        managed = {**dict.fromkeys(hidden), **kept, **self.found}
        if self.unreadable and not managed:
            raise next(iter(self.unreadable.values()))
        return managed


class Fleet:
    """The managed resources: those that the settings name, and those discovered in `scopes` by their tag.

    `digest` changes with what the settings name.
    """

    def __init__(
        self, services: Services, *, named: Collection[ResourceId], scopes: Collection[Scope], defaults: PolicyDefaults
    ) -> None:
        self._services = services
        self._named = named
        self._scopes = scopes
        self._defaults = defaults
        self.digest = digest_of(named, scopes)

    async def discover(self) -> Discovery:
        """Every managed resource, each once: those named first, then those discovered by their tag.

        Subscriptions and groups are listed side by side, and one that can't be does not stop the others.
        """
        found: dict[ResourceId, Resource | None] = dict.fromkeys(self._named)
        unclear: dict[ResourceId, Resource] = {}
        unreadable: dict[Scope, RotationError] = {}

        async def listed(scope: Scope) -> list[Resource]:
            try:
                return [resource async for resource in self._services.signalr.discover(scope)]
            except RotationError as error:
                telemetry.count_throttle(error)
                log.error("subscription not listed", extra={"subscription": scope.name, "code": error.code})  # noqa: TRY400 - its text is in the record
                unreadable[scope] = error
                return []

        for resources in await bounded_gather(listed, self._scopes, limit=_AT_ONCE):
            found |= {each.id: each for each in resources if self.includes(each)}
            unclear |= {each.id: each for each in resources if is_unclear(each) and each.id not in self._named}
        return Discovery(found, unreadable, unclear)

    async def describe(self, resources: Sequence[ResourceId]) -> tuple[dict[ResourceId, Resource], set[ResourceId]]:
        """What ARM knows of each of these, and which of them do not exist.

        One that can't be read is in neither: its own message reports it. Where none of the first few can be, the others
        are not asked for.
        """
        found, missing = dict[ResourceId, Resource](), set[ResourceId]()

        async def describe(resource: ResourceId) -> None:
            try:
                found[resource] = await self._services.signalr.get(resource)
            except NotFound:
                missing.add(resource)
            except RotationError as error:
                telemetry.count_throttle(error)
                raise

        with suppress(RotationError):
            await bounded_settle(describe, resources, limit=_AT_ONCE)
        return found, missing

    def names(self, resource: ResourceId) -> bool:
        """Whether the settings name this very resource."""
        return resource in self._named

    def could_cover(self, resource: ResourceId) -> bool:
        """Whether the settings allow it to be managed, whatever its tag says: what they don't is not asked of ARM."""
        return self.names(resource) or any(scope.covers(resource) for scope in self._scopes)

    def includes(self, resource: Resource, *, known: bool = False) -> bool:
        """Whether it is managed: named, or opted in by its tag where resources are discovered.

        `known`: it was managed when it was last observed. A tag that can't be understood does not change that.
        """
        if self.names(resource.id):
            return True
        return self.could_cover(resource.id) and (opted_in(resource) or (known and is_unclear(resource)))

    async def manages(self, resource: ResourceId) -> bool:
        """Whether a request may name this resource. One that does not exist may not be named."""
        if self.names(resource):
            return True
        if not self.could_cover(resource):
            return False
        with suppress(NotFound):
            found = await self._services.signalr.get(resource)
            return self.includes(found) or (is_unclear(found) and await self._is_known(resource))
        return False

    def policy(self, resource: Resource) -> Policy:
        """The settings, overridden by the resource's tags. Raises `Misconfigured` that names the tag."""
        return self._defaults.policy_of(resource)

    def swept(
        self,
        managed: Mapping[ResourceId, Resource | None],
        known: Mapping[ResourceId, InventoryEntry],
        *,
        as_of: datetime,
    ) -> SweptFleet:
        """What a look at the whole fleet came to, as it is stored for lists; `known` is what the records tell."""
        ages = ((each, self._max_age(each, found, known.get(each))) for each, found in managed.items())
        members = (ManagedResource.of(each, age) for each, age in ages)
        counts = {str(each): entry.changes_elsewhere(as_of) for each, entry in known.items() if each in managed}
        return SweptFleet.of(
            members,
            strays_of(known, managed),
            as_of=as_of,
            settings=self.digest,
            changed_elsewhere={resource: count for resource, count in counts.items() if count >= _REPEATEDLY},
        )

    def _max_age(self, resource: ResourceId, found: Resource | None, known: InventoryEntry | None) -> timedelta | None:
        """How old its policy lets a key grow, by its tags; None where these are wrong, or nothing is known yet.

        Where ARM has not told the tags, the last snapshot tells the period that they gave.
        """
        with suppress(Misconfigured):
            if found:
                return self.policy(found).max_key_age
            snapshot = known.snapshot if known else None
            if snapshot and snapshot.due_at and snapshot.published_at:
                untagged = self.policy(
                    Resource(resource, snapshot.provisioning_state, snapshot.local_auth_disabled, {})
                )
                return replace(untagged, period=snapshot.due_at - snapshot.published_at + untagged.spread).max_key_age
        return None

    async def _is_known(self, resource: ResourceId) -> bool:
        record = await self._services.records.read(resource)
        return record is not None and record.snapshot is not None


@dataclass(frozen=True, slots=True)
class Listing:
    """The managed resources with what their records tell, in the order of lists.

    `as_of`: when it was last found out which resources are managed. What is told of each is as of now.
    """

    as_of: datetime
    entries: tuple[InventoryEntry, ...]


@dataclass(frozen=True, slots=True)
class PageStart:
    """Where a page begins: after a place in the list, which the page of records from `marker` on holds."""

    marker: str = ""
    after: str = ""


class Inventory:
    """The fleet as lists show it: which resources the last sweep found, and what their records tell now.

    ARM is asked only where no sweep has told yet: then the fleet is surveyed as a sweep would, once in a while.
    """

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._fleet = fleet
        self._surveyed: SweptFleet | None = None
        self._survey: asyncio.Task[SweptFleet] | None = None

    async def listing(self) -> Listing:
        """Every managed resource. Raises what the storage raises.

        Where no sweep has told, and ARM cannot be asked, the app's own records tell which there were: a list of the
        fleet is needed most when something is wrong. Raises what ARM raises only if there are no records either.
        """
        swept = await self.swept()
        known = {each.resource_id.order: each async for each in self._services.records.entries()}
        return Listing(swept.as_of, _members(swept, known, swept.by_order))

    async def page(self, *, most: int, start: PageStart) -> tuple[Listing, PageStart | None]:
        """At most `most` resources, and where the next page begins if there may be more. Raises as `listing`.

        It reads the records of the page, and at most twice as many: those of others are passed over. Raises `Rejected`
        where the storage does not know the marker.
        """
        swept = await self.swept()
        found: list[InventoryEntry] = []
        marker, after = start.marker, start.after
        for _ in range(_MOST_LISTINGS):
            records = await self._services.records.page(most=most, marker=marker)
            until = None if records.marker is None else max(records.last, after)
            known = {each.resource_id.order: each for each in records.entries}
            known = {order: entry for order, entry in known.items() if order > after}
            room = most - len(found)
            members = _members(swept, known, swept.between(after, until)[: room + 1], most=room + 1)
            if len(members) > room:
                found += members[:room]
                return Listing(swept.as_of, tuple(found)), PageStart(marker, found[-1].resource_id.order)
            found += members
            if records.marker is None or until is None:
                return Listing(swept.as_of, tuple(found)), None
            marker, after = records.marker, until
            if 2 * len(found) >= most:
                break
        return Listing(swept.as_of, tuple(found)), PageStart(marker, after)

    async def pages(self, *, most: int) -> AsyncIterator[Listing]:
        """All pages, one after the other."""
        start: PageStart | None = PageStart()
        while start is not None:
            page, start = await self.page(most=most, start=start)
            yield page

    async def manages(self, resource: ResourceId) -> bool:
        """Whether one resource is managed now, by what ARM says of it. Raises what ARM raises."""
        return await self._fleet.manages(resource)

    async def publishing_to(self, vault_url: str, secret_name: str) -> ResourceId | None:
        """The resource that was last observed to publish to this secret: a hint, for the caller to check."""
        async for each in self._services.records.entries():
            if each.snapshot and each.snapshot.publishes_to(vault_url, secret_name):
                return each.resource_id
        return None

    async def swept(self) -> SweptFleet:
        """What the last sweep found, if it swept by the settings of today; else a survey that is not old.

        Raises as `listing`.
        """
        stored = await self._services.swept.read()
        if stored and stored.settings == self._fleet.digest:
            self._surveyed = None
            return stored
        surveyed = self._surveyed
        if surveyed and self._services.clock() < surveyed.as_of + _SURVEY_KEPT:
            return surveyed
        if self._survey is None or self._survey.done():
            self._survey = asyncio.create_task(self._look())
            self._survey.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._surveyed = await asyncio.shield(self._survey)
        return self._surveyed

    async def _look(self) -> SweptFleet:
        at = self._services.clock()
        known = await entries_by_resource(self._services.records)
        managed = (await self._fleet.discover()).managed(known)
        return self._fleet.swept(managed, known, as_of=at)


def digest_of(named: Collection[ResourceId], scopes: Collection[Scope]) -> str:
    """One short text for what the settings name, in any order."""
    choice = sorted({each.key for each in named} | {each.name for each in scopes})
    return hashlib.sha256("\n".join(choice).encode()).hexdigest()[:16]


def _members(
    swept: SweptFleet, known: Mapping[str, InventoryEntry], managed: Iterable[str], *, most: int | None = None
) -> tuple[InventoryEntry, ...]:
    """The first `most` managed resources of a stretch of the list, given its records and who is managed in it."""
    shown = {order for order, entry in known.items() if swept.includes(order, foreign=entry.foreign)}
    orders = sorted(shown.union(managed))[:most]
    return tuple(_member(known.get(order), swept.by_order.get(order)) for order in orders)


def _member(entry: InventoryEntry | None, managed: ManagedResource | None) -> InventoryEntry:
    if entry is None and managed is None:
        raise AssertionError("a place in the list is a record's, or a managed resource's")
    entry = entry or InventoryEntry(resource=managed.resource if managed else "")
    return entry.model_copy(update={"max_age_days": managed.max_age_days}) if managed else entry


def strays_of(
    known: Mapping[ResourceId, InventoryEntry], managed: Mapping[ResourceId, Resource | None]
) -> tuple[ResourceId, ...]:
    """What has a record and is managed no more. What another installation manages has not left this one."""
    return tuple(each for each, entry in known.items() if each not in managed and not entry.foreign)


async def entries_by_resource(records: RecordStore) -> dict[ResourceId, InventoryEntry]:
    """What the records tell of every resource that was ever worked on."""
    return {each.resource_id: each async for each in records.entries()}
