"""Azure in memory, and workers whose every call to it can fail, be lost, be slow or be their last.

Each worker has ports of its own to one shared `Cloud` (`memory_ports`, `memory_records`), as each process has
connections of its own.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from shared.domain.errors import NotPermitted, Throttled, Unavailable
from shared.domain.heartbeat import Heartbeat
from shared.domain.keys import Slot, fingerprint
from shared.domain.observation import PublishedSecret
from shared.domain.operation import Operation
from shared.domain.record import Record
from shared.domain.requests import QueuedMessage
from shared.domain.resources import ResourceId
from shared.domain.rollout import RolloutState
from shared.domain.swept_fleet import SweptFleet
from shared.rotation.leased_record import LEASE_SECONDS

RESOURCE = ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", "chat")
START = datetime(2026, 1, 1, tzinfo=UTC)

type Trouble = Literal[
    "lost before", "lost after", "throttled", "forbidden", "killed before", "killed after", "suspended", "late"
]


class Killed(BaseException):
    """The worker's process is gone: nothing in it runs any more, no handler, no clean-up."""


@dataclass
class Cloud:
    """Azure, as far as one resource goes. `watch` is told of every change before it is made."""

    now: Callable[[], datetime]
    watch: Callable[[str, "Worker", Any], None]
    keys: dict[Slot, str] = field(default_factory=lambda: {Slot.PRIMARY: "key-1", Slot.SECONDARY: "key-2"})
    made: int = 2
    running_until: datetime = START
    versions: list[tuple[PublishedSecret, str]] = field(default_factory=list)
    disabled: bool = False
    state: str = "Succeeded"
    tags: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    queue: list[QueuedMessage] = field(default_factory=list)
    record: Record | None = None
    lease: tuple[object, datetime] | None = None
    operations: dict[str, Operation] = field(default_factory=dict)
    accepted: dict[str, datetime] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    swept: SweptFleet | None = None
    rollout: RolloutState = field(default_factory=RolloutState)
    unchanged: int = 0  # how many operations to come succeed and leave the key as it is
    probes: Literal["open", "closed", "everybody"] = "open"
    salts: int = 0
    closings: list[str] = field(default_factory=list)

    def renew_key(self, slot: Slot) -> None:
        """A new key, at once."""
        self.made += 1
        self.keys[slot] = f"key-{self.made}"

    def add_version(self, version: PublishedSecret, value: str) -> PublishedSecret:
        """A new newest version."""
        made = replace(version, version=f"v{len(self.versions) + 1}", since=self.now().replace(microsecond=0))
        made = replace(made, secret_id=f"https://vault/secrets/chat/{made.version}", fingerprint=fingerprint(value))
        self.versions.append((made, value))
        self.disabled = False
        return made


@dataclass
class Worker:
    """One process: its name, and what happens at which of its calls."""

    cloud: Cloud
    trouble: Trouble | None = None
    at: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    suspended: bool = False

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[None]:
        """One call on the wire: trouble comes before the service acts, or after."""
        if self.dead:
            raise Killed
        self.calls[name] += 1
        await asyncio.sleep(0.05)
        mine = self.trouble if self.calls.total() == self.at else None
        match mine:
            case "lost before":
                raise Unavailable("lost")
            case "throttled":
                raise Throttled("429", retry_after=7)
            case "forbidden":
                raise NotPermitted("403")
            case "killed before":
                self.dead = True
                raise Killed
            case "suspended" if name not in {"regenerate", "publish"}:  # those are bounded by what is left of the lease
                self.suspended = True
                await asyncio.sleep(LEASE_SECONDS + 10)
                self.suspended = False
        yield
        await asyncio.sleep(0.05)
        if mine == "killed after":
            self.dead = True
        if self.dead:
            raise Killed
        if mine == "lost after":
            raise Unavailable("lost")
