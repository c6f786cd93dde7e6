"""The fleet's summaries, listed at most once in a few seconds however many pages are open."""

import asyncio
import time
from dataclasses import dataclass

from shared.errors import RotationError
from shared.ledger import Ledger
from shared.model import ResourceId
from shared.roster import Roster
from shared.summary import Summary

MAX_AGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Glance:
    """The fleet as it was a moment ago. `warning`: why it may not be the whole one."""

    summaries: tuple[Summary, ...]
    warning: str = ""

    def holds(self, resource: ResourceId) -> bool:
        """Whether a resource is in it."""
        return any(ResourceId.parse(summary.resource) == resource for summary in self.summaries)


class Glances:
    """Looks at the fleet. When ARM can't tell which resources are managed, those that were ever seen are shown."""

    def __init__(self, roster: Roster, ledger: Ledger, *, max_age_seconds: float = MAX_AGE_SECONDS) -> None:
        self._roster = roster
        self._ledger = ledger
        self._max_age = max_age_seconds
        self._lock = asyncio.Lock()
        self._looked_at = float("-inf")
        self._glance = Glance(())

    async def look(self) -> Glance:
        """The fleet. Raises what the storage raises."""
        async with self._lock:  # who comes while one looks gets what that one sees
            if time.monotonic() - self._looked_at > self._max_age:
                self._glance = await self._fresh()
                self._looked_at = time.monotonic()
            return self._glance

    async def hold(self, resource: ResourceId) -> bool:
        """Whether a resource is in the fleet; for one that was not a moment ago, the fleet is looked at anew."""
        if (await self.look()).holds(resource):
            return True
        self._looked_at = float("-inf")
        return (await self.look()).holds(resource)

    async def _fresh(self) -> Glance:
        try:
            return Glance(tuple(await self._roster.all()))
        except RotationError as error:
            seen = tuple([summary async for summary in self._ledger.summaries()])
            return Glance(seen, f"This shows what was seen last, perhaps not all: {error.message}.")
