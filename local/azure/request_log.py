"""What was asked of the emulators, for assertions. Bodies are never kept, and no query value but the api-version."""

from collections import deque
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from local.azure.call import Call

_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `n` counts all of them from 1; `principal` is None for a caller that was not let in."""

    n: int
    service: str
    operation: str
    method: str
    path: str
    status: int | None
    principal: str | None
    at: str
    fault: str | None


class RequestLog:
    """The last 100,000 requests, in the order their answers were decided. A cut request has no status."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def add(
        self, service: str, operation: str, call: Call, status: int | None, *, at: str, fault: str | None = None
    ) -> int:
        """Keep one request; its number."""
        n = next(self._numbers)
        version = call.query.get("api-version")
        path = call.path if version is None else f"{call.path}?api-version={version}"
        self._entries.append(Entry(n, service, operation, call.method, path, status, call.principal, at, fault))
        return n

    def clear(self) -> None:
        """Forget them; numbers go on."""
        self._entries.clear()

    def since(self, n: int, service: str | None = None) -> list[dict[str, Any]]:
        """Those with a number above `n`, of one service or of all."""
        return [asdict(entry) for entry in self._entries if entry.n > n and service in (None, entry.service)]
