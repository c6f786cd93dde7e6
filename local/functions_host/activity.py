"""What runs right now and what has ended: lets a caller wait for "idle" instead of sleeping."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """Counts of this process since its start. Used on the host's event loop only."""

    def __init__(self) -> None:
        self._invocations = 0
        self._messages = 0
        self._completed = 0
        self._failed = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """A function runs while the block lasts."""
        self._invocations += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._invocations -= 1
            self._look()

    @contextmanager
    def message(self) -> Iterator[None]:
        """A queue message is this host's, from being received until it is deleted, released or poison."""
        self._messages += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._messages -= 1
            self._look()

    def ended(self, *, succeeded: bool) -> None:
        """Count an invocation that came to its end."""
        self._completed += succeeded
        self._failed += not succeeded

    @property
    def busy(self) -> bool:
        """Whether an invocation runs or a message is held."""
        return not self._quiet.is_set()

    async def quiet(self) -> None:
        """Wait until nothing is busy."""
        await self._quiet.wait()

    def counts(self) -> dict[str, int]:
        """`running` invocations, queue `messages` held, and invocations `completed` (no exception) and `failed`."""
        return {
            "running": self._invocations,
            "messages": self._messages,
            "completed": self._completed,
            "failed": self._failed,
        }

    def _look(self) -> None:
        if not self._invocations and not self._messages:
            self._quiet.set()
