"""The fleet's summaries, listed at most once in a few seconds however many pages are open.

Listing a thousand resources takes longer than a page may. So whoever comes gets what is known, with its time, and what
is known is renewed behind them: the page asks again in a moment.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.dashboard.time_format import relative
from shared.domain.heartbeat import Heartbeat
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.resources import ResourceId
from shared.rotation.inventory import Inventory
from shared.rotation.ports import Services

FRESH = timedelta(seconds=5)
KEPT = timedelta(minutes=10)

log = logging.getLogger("rotation.dashboard")


SILENT_AFTER = timedelta(hours=3)
"""As the alarm has it: with the hourly default, two sweeps may fail before anybody is called."""


@dataclass(frozen=True, slots=True)
class CachedFleet:
    """The fleet as it was `at` a moment, and how the last sweep went."""

    at: datetime
    entries: tuple[InventoryEntry, ...]
    heartbeat: Heartbeat | None = None

    @property
    def warning(self) -> str:
        """Why what is shown may be old, or not all."""
        beat = self.heartbeat
        if beat is None:
            return ""
        if self.at > beat.ended_at + SILENT_AFTER:
            return (
                f"The last sweep ended {relative(beat.ended_at, self.at)}: do sweeps run? What is shown may be as old."
            )
        hidden = "; ".join(f"{each.subscription} ({each.code})" for each in beat.unreadable)
        return f"The last sweep could not list {hidden}: what was seen there before is shown." if hidden else ""

    def holds(self, resource: ResourceId) -> bool:
        """Whether a resource is in it."""
        return any(ResourceId.parse(entry.resource) == resource for entry in self.entries)


class FleetCache:
    """Looks at the fleet."""

    def __init__(self, inventory: Inventory, services: Services, clock: Callable[[], datetime]) -> None:
        self._inventory = inventory
        self._services = services
        self._clock = clock
        self._known: CachedFleet | None = None
        self._renewal: asyncio.Task[CachedFleet] | None = None

    async def look(self) -> CachedFleet:
        """The fleet as it was known a moment ago; nobody waits but the first. Raises what the roster raises."""
        known = self._known
        if known is None or self._clock() > known.at + KEPT:
            return await self._renew()
        if self._clock() > known.at + FRESH:
            self._renew().add_done_callback(_told)
        return known

    async def look_for(self, resource: ResourceId) -> CachedFleet:
        """The fleet, looked at anew if this resource was not in it a moment ago."""
        glance = await self.look()
        return glance if glance.holds(resource) else await self._renew()

    def _renew(self) -> asyncio.Task[CachedFleet]:
        """The look that is under way, or a new one: who comes meanwhile gets what that one sees."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._see())
        return self._renewal

    async def _see(self) -> CachedFleet:
        at = self._clock()
        entries, heartbeat = await asyncio.gather(self._inventory.all(), self._services.records.heartbeat())
        self._known = CachedFleet(at, tuple(entries), heartbeat)
        return self._known


def _told(renewal: asyncio.Task[CachedFleet]) -> None:
    """Say that a look behind a page failed: nobody waits for it."""
    error = None if renewal.cancelled() else renewal.exception()
    if error:
        log.warning("fleet not looked at", extra={"kind": type(error).__name__})
