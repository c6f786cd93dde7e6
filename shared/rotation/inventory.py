"""Which resources are managed, and lists of them with what was last observed of each.

Settings name resources, or groups and subscriptions to discover them in by their tag.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from shared.domain.errors import NotFound, RotationError
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.policy import Policy, PolicyDefaults, opted_in
from shared.domain.resources import Resource, ResourceId, Scope
from shared.observability import telemetry
from shared.rotation.bounded_gather import bounded_gather
from shared.rotation.ports import RecordStore, Services

log = logging.getLogger("rotation.fleet")

_AT_ONCE = 8

type _Secret = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Discovery:
    """Every managed resource, with what ARM's list says of it (None: it was only named).

    `unreadable` are the subscriptions and groups that could not be listed, and why.
    """

    found: Mapping[ResourceId, Resource | None]
    unreadable: Mapping[Scope, RotationError]


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

        Subscriptions and groups are listed side by side, and one that can't be does not stop the others. Raises what
        ARM raises only where nothing at all is found.
        """
        found: dict[ResourceId, Resource | None] = dict.fromkeys(self._named)
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
        if unreadable and not found:
            raise next(iter(unreadable.values()))
        return Discovery(found, unreadable)

    async def describe(self, resources: Iterable[ResourceId]) -> dict[ResourceId, Resource]:
        """What ARM knows of each of these. One that can't be read is left out: its own message reports it."""

        async def described(resource: ResourceId) -> Resource | None:
            try:
                return await self._services.signalr.get(resource)
            except RotationError as error:
                telemetry.count_throttle(error)
                return None

        return {each.id: each for each in await bounded_gather(described, resources, limit=_AT_ONCE) if each}

    def names(self, resource: ResourceId) -> bool:
        """Whether the settings name this very resource."""
        return resource in self._named

    def includes(self, resource: Resource) -> bool:
        """Whether it is managed: named, or opted in by its tag where resources are discovered."""
        return self.names(resource.id) or (self._searches(resource.id) and opted_in(resource))

    async def manages(self, resource: ResourceId) -> bool:
        """Whether a request may name this resource. One that does not exist may not be named."""
        if self.names(resource):
            return True
        if not self._searches(resource):
            return False
        with suppress(NotFound):
            return opted_in(await self._services.signalr.get(resource))
        return False

    def policy(self, resource: Resource) -> Policy:
        """The settings, overridden by the resource's tags. Raises `Misconfigured` that names the tag."""
        return self._defaults.policy_of(resource)

    def _searches(self, resource: ResourceId) -> bool:
        return any(scope.covers(resource) for scope in self._scopes)


class Inventory:
    """The fleet as lists show it: one listing of the app's records and one of each scope, however many resources."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._fleet = fleet
        self._by_secret: dict[_Secret, ResourceId] = {}

    async def all(self) -> list[InventoryEntry]:
        """Every managed resource, in the order of its id. Raises what the storage raises.

        Where ARM cannot be asked, the app's own records tell which there were: a list of the fleet is needed most when
        something is wrong. Raises what ARM raises only if there are no records either.
        """
        known = await entries_by_resource(self._services.records)
        managed = sorted(await self._managed(known), key=lambda resource: resource.key)
        return [known.get(resource) or InventoryEntry(resource=str(resource)) for resource in managed]

    async def _managed(self, known: Mapping[ResourceId, InventoryEntry]) -> set[ResourceId]:
        try:
            discovery = await self._fleet.discover()
        except RotationError:
            if not known:
                raise
            return {resource for resource, entry in known.items() if not entry.foreign}
        return {*discovery.found, *(each for each in known if any(s.covers(each) for s in discovery.unreadable))}

    async def page(self, *, most: int, after: str) -> tuple[list[InventoryEntry], str | None]:
        """At most `most` resources whose key comes after `after`, and the key to go on from if there are more."""
        rest = [each for each in await self.all() if each.resource_id.key > after]
        page = rest[:most]
        return page, page[-1].resource_id.key if len(rest) > most else None

    async def publishing_to(self, vault_url: str, secret_name: str) -> ResourceId | None:
        """The resource that was last observed to publish to this secret: a hint, for the caller to check.

        What was found once is kept: when a whole fleet expires on one day, that is one listing, not one for each.
        """
        secret = (vault_url.lower(), secret_name.lower())
        if secret not in self._by_secret:
            self._by_secret = {
                (each.snapshot.vault_url.lower(), each.snapshot.secret_name.lower()): each.resource_id
                async for each in self._services.records.entries()
                if each.snapshot
            }
        return self._by_secret.get(secret)


async def entries_by_resource(records: RecordStore) -> dict[ResourceId, InventoryEntry]:
    """What the records tell of every resource that was ever worked on."""
    return {each.resource_id: each async for each in records.entries()}
