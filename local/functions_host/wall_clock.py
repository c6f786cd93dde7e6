"""The process's wall clock, which can be moved so that sixty days pass in a moment.

time-machine moves what Python calls the time of day (`time.time`, `datetime.now`, …) for every thread. It leaves
`time.monotonic` alone, which is what asyncio and aiohttp measure with, so timeouts, polling and lease renewals keep
their pace: only dates move. TLS (OpenSSL) and other processes see the real time.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import time_machine

_FARTHEST_SECONDS = 100 * 365 * 86400


class WallClock:
    """One per process; used on the host's event loop."""

    def __init__(self) -> None:
        self._offset_seconds = 0.0
        self._traveller: time_machine.Traveller | None = None
        self._moved = asyncio.Event()

    @property
    def offset_seconds(self) -> float:
        """How far the clock stands ahead of the real one."""
        return self._offset_seconds

    def move(self, offset_seconds: float) -> None:
        """Put the clock `offset_seconds` ahead of the real time; it goes on ticking, and sleepers look again.

        Raises `ValueError` beyond a hundred years, where dates would soon end.
        """
        if not abs(offset_seconds) < _FARTHEST_SECONDS:
            raise ValueError(f"{offset_seconds} is more than a hundred years")
        if self._traveller is None:
            # It loads pytest where that is installed, a tenth of a host's start: only the few that travel pay.
            import time_machine  # noqa: PLC0415 - see above

            self._traveller = time_machine.travel(time.time(), tick=True).start()
        self._traveller.shift(offset_seconds - self._offset_seconds)
        self._offset_seconds = offset_seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep_until(self, moment: datetime) -> None:
        """Return once this clock shows `moment`, at once if it moves past it."""
        while (remaining := (moment - datetime.now(UTC)).total_seconds()) > 0:
            try:
                await asyncio.wait_for(self._moved.wait(), remaining)
            except TimeoutError:
                continue
