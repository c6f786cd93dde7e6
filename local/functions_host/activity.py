"""What runs right now and what has ended: lets a caller wait for "idle" instead of sleeping."""

from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """Counts of this process since its start. Used on the host's event loop only."""

    def __init__(self) -> None:
        self._invocations = 0
        self._messages = 0
        self._completed = 0
        self._failed = 0

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """A function runs while the block lasts."""
        self._invocations += 1
        try:
            yield
        finally:
            self._invocations -= 1

    @contextmanager
    def message(self) -> Iterator[None]:
        """A queue message is this host's, from being received until it is deleted, released or poison."""
        self._messages += 1
        try:
            yield
        finally:
            self._messages -= 1

    def ended(self, *, succeeded: bool) -> None:
        """Count an invocation that came to its end."""
        self._completed += succeeded
        self._failed += not succeeded

    @property
    def busy(self) -> bool:
        """Whether an invocation runs or a message is held."""
        return bool(self._invocations or self._messages)

    def counts(self) -> dict[str, int]:
        """`running` invocations, queue `messages` held, and invocations `completed` (no exception) and `failed`."""
        return {
            "running": self._invocations,
            "messages": self._messages,
            "completed": self._completed,
            "failed": self._failed,
        }
