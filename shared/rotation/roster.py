"""The managed fleet at a glance: every managed resource with what was last seen of it, whether anything was or not.

One listing of the app's own container and one of each subscription, however many resources there are.
"""

from collections.abc import Collection

from shared.adapters.blob_records import BlobRecords
from shared.domain.errors import RotationError
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.resources import ResourceId
from shared.rotation.inventory import Fleet

type _Secret = tuple[str, str]


class Inventory:
    """The fleet as lists show it."""

    def __init__(self, fleet: Fleet, ledger: BlobRecords) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._by_secret: dict[_Secret, ResourceId] = {}

    async def all(self) -> list[InventoryEntry]:
        """Every managed resource, in the order of its id. Raises what the storage raises.

        Where ARM cannot be asked, the app's own records tell which there were: a list of the fleet is needed most when
        something is wrong. Raises what ARM raises only if there are no records either.
        """
        known = {ResourceId.parse(each.resource): each async for each in self._ledger.entries()}
        managed = sorted(await self._managed(known), key=lambda resource: resource.key)
        return [known.get(resource) or InventoryEntry(resource=str(resource)) for resource in managed]

    async def _managed(self, known: Collection[ResourceId]) -> set[ResourceId]:
        try:
            survey = await self._fleet.survey()
        except RotationError:
            if not known:
                raise
            return {*known}
        return {*survey.found, *(each for each in known if any(scope.covers(each) for scope in survey.unreadable))}

    async def page(self, *, most: int, after: str) -> tuple[list[InventoryEntry], str | None]:
        """At most `most` resources whose key comes after `after`, and the key to go on from if there are more."""
        rest = [each for each in await self.all() if ResourceId.parse(each.resource).key > after]
        page = rest[:most]
        return page, ResourceId.parse(page[-1].resource).key if len(rest) > most else None

    async def publishing_to(self, vault_url: str, secret_name: str) -> ResourceId | None:
        """The resource that was last seen to publish to this secret: a hint, for the caller to check.

        Names are compared without regard to case, as Key Vault does. What was found once is remembered: when a whole
        fleet expires on one day, that is one listing, not one for each secret.
        """
        secret = (vault_url.lower(), secret_name.lower())
        if secret not in self._by_secret:
            self._by_secret = {
                (each.snapshot.vault_url.lower(), each.snapshot.secret_name.lower()): ResourceId.parse(each.resource)
                async for each in self._ledger.entries()
                if each.snapshot
            }
        return self._by_secret.get(secret)
