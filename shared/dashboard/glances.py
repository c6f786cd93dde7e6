"""The fleet's summaries, listed at most once in a few seconds however many pages are open.

Listing a thousand resources takes longer than a page may. So whoever comes gets what is known, with its time, and what
is known is renewed behind them: the page asks again in a moment.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import RotationError
from shared.ledger import Ledger
from shared.model import ResourceId
from shared.roster import Roster
from shared.summary import Summary

FRESH = timedelta(seconds=5)
KEPT = timedelta(minutes=10)

log = logging.getLogger("rotation.dashboard")


@dataclass(frozen=True, slots=True)
class Glance:
    """The fleet as it was `at` a moment. `warning`: why it may not be the whole one."""

    at: datetime
    summaries: tuple[Summary, ...]
    warning: str = ""

    def holds(self, resource: ResourceId) -> bool:
        """Whether a resource is in it."""
        return any(ResourceId.parse(summary.resource) == resource for summary in self.summaries)


class Glances:
    """Looks at the fleet. When ARM can't tell which resources are managed, those that were ever seen are shown."""

    def __init__(self, roster: Roster, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._roster = roster
        self._ledger = ledger
        self._clock = clock
        self._known: Glance | None = None
        self._renewal: asyncio.Task[Glance] | None = None

    async def look(self) -> Glance:
        """The fleet as it was known a moment ago; nobody waits but the first. Raises what the storage raises."""
        known = self._known
        if known is None or self._clock() > known.at + KEPT:
            return await self._renew()
        if self._clock() > known.at + FRESH:
            self._renew().add_done_callback(_told)
        return known

    async def holds(self, resource: ResourceId) -> bool:
        """Whether a resource is in the fleet; for one that was not a moment ago, the fleet is looked at anew."""
        return (await self.look()).holds(resource) or (await self._renew()).holds(resource)

    def _renew(self) -> asyncio.Task[Glance]:
        """The look that is under way, or a new one: who comes meanwhile gets what that one sees."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._see())
        return self._renewal

    async def _see(self) -> Glance:
        at = self._clock()
        try:
            self._known = Glance(at, tuple(await self._roster.all()))
        except RotationError as error:
            seen = tuple([summary async for summary in self._ledger.summaries()])
            self._known = Glance(at, seen, f"This shows what was seen last, perhaps not all: {error.message}.")
        return self._known


def _told(renewal: asyncio.Task[Glance]) -> None:
    """Say that a look behind a page failed: nobody waits for it."""
    error = None if renewal.cancelled() else renewal.exception()
    if error:
        log.warning("fleet not looked at", extra={"kind": type(error).__name__})
