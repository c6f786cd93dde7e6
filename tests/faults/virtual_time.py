"""An event loop in which waiting takes no time: hours pass in microseconds, and a run can be repeated exactly."""

import asyncio
import selectors


class Timeless(selectors.SelectSelector):
    """Never waits: it notes how long the loop would have slept."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; the time until something would be has passed."""
        self.skipped += max(timeout or 0.0, 0.0)
        return super().select(0)


class TimelessLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    def __init__(self) -> None:
        self._timeless = Timeless()
        super().__init__(self._timeless)

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._timeless.skipped
