"""Which resources are managed, and lists of them with what was last observed of each.

Settings name resources, or groups and subscriptions to discover them in by their tag.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from shared.domain.errors import NotFound, RotationError
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.policy import Policy, PolicyDefaults, is_unclear, opted_in
from shared.domain.resources import Resource, ResourceId, Scope
from shared.observability import telemetry
from shared.rotation.bounded_gather import bounded_gather
from shared.rotation.ports import RecordStore, Services

log = logging.getLogger("rotation.fleet")

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Discovery:
    """Every managed resource, with what ARM's list says of it (None: it was only named).

    `unclear` are those whose tag neither opts in nor out: managed only if they were before. `unreadable` are the
    subscriptions and groups that could not be listed, and why.
    """

    found: Mapping[ResourceId, Resource | None]
    unreadable: Mapping[Scope, RotationError]
    unclear: Mapping[ResourceId, Resource]

    def managed(self, known: Collection[ResourceId]) -> dict[ResourceId, Resource | None]:
        """All that is managed, `known` being what the records tell of: they stand in for what could not be listed.

        Raises what ARM raised where scopes could not be listed and nothing at all is known.
        """
        kept = {each: found for each, found in self.unclear.items() if each in known}
        hidden = [each for each in known if any(scope.covers(each) for scope in self.unreadable)]
        managed = {**dict.fromkeys(hidden), **kept, **self.found}
        if self.unreadable and not managed:
            raise next(iter(self.unreadable.values()))
        return managed


class Fleet:
    """The managed resources: those that the settings name, and those discovered in `scopes` by their tag."""

    def __init__(
        self, services: Services, *, named: Collection[ResourceId], scopes: Collection[Scope], defaults: PolicyDefaults
    ) -> None:
        self._services = services
        self._named = named
        self._scopes = scopes
        self._defaults = defaults

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

    async def describe(self, resources: Iterable[ResourceId]) -> tuple[dict[ResourceId, Resource], set[ResourceId]]:
        """What ARM knows of each of these, and which of them do not exist.

        One that can't be read is in neither: its own message reports it.
        """
        missing = set()

        async def described(resource: ResourceId) -> Resource | None:
            try:
                return await self._services.signalr.get(resource)
            except NotFound:
                missing.add(resource)
            except RotationError as error:
                telemetry.count_throttle(error)
            return None

        found = await bounded_gather(described, resources, limit=_AT_ONCE)
        return {each.id: each for each in found if each}, missing

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

    async def _is_known(self, resource: ResourceId) -> bool:
        record = await self._services.records.read(resource)
        return record is not None and record.snapshot is not None


class Inventory:
    """The fleet as lists show it: one listing of the app's records and one of each scope, however many resources."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._fleet = fleet

    async def all(self) -> list[InventoryEntry]:
        """Every managed resource, in the order of its id. Raises what the storage raises.

        Where ARM cannot be asked, the app's own records tell which there were: a list of the fleet is needed most when
        something is wrong. Raises what ARM raises only if there are no records either.
        """
        known = await entries_by_resource(self._services.records)
        managed = sorted((await self._fleet.discover()).managed(known), key=lambda resource: resource.key)
        return [known.get(resource) or InventoryEntry(resource=str(resource)) for resource in managed]

    async def page(self, *, most: int, after: str) -> tuple[list[InventoryEntry], str | None]:
        """At most `most` resources whose key comes after `after`, and the key to go on from if there are more."""
        rest = [each for each in await self.all() if each.resource_id.key > after]
        page = rest[:most]
        return page, page[-1].resource_id.key if len(rest) > most else None

    async def publishing_to(self, vault_url: str, secret_name: str) -> ResourceId | None:
        """The resource that was last observed to publish to this secret: a hint, for the caller to check."""
        async for each in self._services.records.entries():
            if each.snapshot and each.snapshot.publishes_to(vault_url, secret_name):
                return each.resource_id
        return None


async def entries_by_resource(records: RecordStore) -> dict[ResourceId, InventoryEntry]:
    """What the records tell of every resource that was ever worked on."""
    return {each.resource_id: each async for each in records.entries()}
