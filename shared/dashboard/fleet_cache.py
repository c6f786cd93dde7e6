"""The fleet's inventory, read at most once in a few seconds however many pages are open.

Which resources are managed is what the last sweep found; what is shown of each is read from its record, whose listing
takes time in proportion to the fleet. So a request gets the cached fleet with its time, the cache is refreshed in the
background, and the page reloads itself a moment later.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from shared.dashboard.time_format import relative
from shared.domain.heartbeat import WITHOUT_SWEEPS, Finding, Heartbeat, is_silent
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.resources import ResourceId
from shared.domain.rollout import Hold
from shared.rotation.inventory import Inventory
from shared.rotation.ports import Services

FRESH = timedelta(seconds=5)
KEPT = timedelta(minutes=10)
# Three periods of the default schedule, as the alert has it: two sweeps may fail before an operator is called.
SILENT_AFTER = timedelta(hours=3)

log = logging.getLogger("rotation.dashboard")


@dataclass(frozen=True)
class CachedFleet:
    """The fleet as it was `at` a moment, and the heartbeat of the last sweep, too old after `silent_after`.

    `managed_at`: when it was last found out which resources are managed.
    `hold`: why scheduled rotations are stopped; None where they are not. `unwritable`: records that can't be written.
    """

    at: datetime
    entries: tuple[InventoryEntry, ...]
    heartbeat: Heartbeat | None = None
    silent_after: timedelta = SILENT_AFTER
    managed_at: datetime | None = None
    hold: Hold | None = None
    unwritable: Sequence[Finding] = ()

    @property
    def warning(self) -> str:
        """Why the fleet may be out of date or incomplete; empty when it is neither."""
        found = "; ".join(f"{each.resource or 'all'} ({each.code}: {each.message})" for each in self.unwritable)
        stored = f"Records can't be written, so what is shown of them is old: {found}. " if found else ""
        return (stored + self._of_the_sweep).strip()

    @property
    def _of_the_sweep(self) -> str:
        beat = self.heartbeat
        if beat is None:
            return f"No sweep has ended yet: {WITHOUT_SWEEPS}."
        if is_silent(beat, self.at, after=self.silent_after):
            ended = relative(beat.ended_at, self.at)
            return f"The last sweep ended {ended}: what is shown may be as old, and {WITHOUT_SWEEPS}."
        warnings = []
        if self.managed_at and self.managed_at < beat.started_at:
            stored = relative(self.managed_at, self.at)
            warnings.append(f"The last sweep could not store which resources are managed: they are those of {stored}.")
        if hidden := "; ".join(f"{each.subscription} ({each.code})" for each in beat.unreadable):
            warnings.append(f"The last sweep could not list {hidden}: what was seen there before is shown.")
        if beat.not_enqueued:
            warnings.append(f"The last sweep could not queue {beat.not_enqueued} of {beat.resources} resources.")
        if found := "; ".join(f"{each.resource or 'the app'} ({each.code}: {each.message})" for each in beat.findings):
            warnings.append(f"It found: {found}.")
        return " ".join(warnings)

    @cached_property
    def by_resource(self) -> Mapping[ResourceId, InventoryEntry]:
        """Its resources."""
        return {entry.resource_id: entry for entry in self.entries}

    def holds(self, resource: ResourceId) -> bool:
        """Whether a resource is in it."""
        return resource in self.by_resource


class FleetCache:
    """Reads the inventory, one read at a time, and keeps the result."""

    def __init__(
        self,
        inventory: Inventory,
        services: Services,
        clock: Callable[[], datetime],
        *,
        silent_after: timedelta = SILENT_AFTER,
    ) -> None:
        self._inventory = inventory
        self._services = services
        self._clock = clock
        self._silent_after = silent_after
        self._cached: CachedFleet | None = None
        self._refresh: asyncio.Task[CachedFleet] | None = None

    async def current(self) -> CachedFleet:
        """The cached fleet; only the first request waits for a read. Raises what the inventory raises."""
        cached = self._cached
        if cached is None or self._clock() > cached.at + KEPT:
            return await self._refreshed()
        if self._clock() > cached.at + FRESH:
            self._refreshed().add_done_callback(_log_failure)
        return cached

    async def current_with(self, resource: ResourceId) -> CachedFleet:
        """The fleet, read again if this resource is not in the cached one."""
        fleet = await self.current()
        return fleet if fleet.holds(resource) else await self._refreshed()

    def forget(self) -> None:
        """The next request waits for a read: something was changed that it is to show."""
        self._cached = self._refresh = None

    def _refreshed(self) -> asyncio.Task[CachedFleet]:
        """The read that is in progress, or a new one: concurrent requests share it."""
        if self._refresh is None or self._refresh.done():
            self._refresh = asyncio.create_task(self._read())
        return self._refresh

    async def _read(self) -> CachedFleet:
        at = self._clock()
        services = self._services
        listing, heartbeat, rollout, unwritable = await asyncio.gather(
            self._inventory.listing(),
            services.records.heartbeat(),
            services.rollouts.read(),
            services.records.unwritable(),
        )
        fleet = CachedFleet(
            at,
            listing.entries,
            heartbeat,
            self._silent_after,
            listing.as_of,
            hold=rollout.held(at),
            unwritable=unwritable,
        )
        if self._refresh is asyncio.current_task():  # else it began before what was changed, and was forgotten
            self._cached = fleet
        return fleet


def _log_failure(refresh: asyncio.Task[CachedFleet]) -> None:
    """Log that a refresh in the background failed: no request waits for it."""
    error = None if refresh.cancelled() else refresh.exception()
    if error:
        log.warning("fleet refresh failed", extra={"kind": type(error).__name__})
