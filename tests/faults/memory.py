"""Azure in memory, and workers whose every call to it can fail, be lost, be slow or be their last.

Each worker has ports of its own to one shared `Cloud` (`memory_ports`, `memory_records`), as each process has
connections of its own.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from shared.domain.connection_strings import read_secret_value
from shared.domain.errors import NotPermitted, Throttled, Unavailable
from shared.domain.heartbeat import Heartbeat
from shared.domain.keys import KeyType, Slot, fingerprint
from shared.domain.observation import PublishedSecret
from shared.domain.operation import Operation
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.record import Record
from shared.domain.requests import QueuedMessage
from shared.domain.resources import ResourceId
from shared.domain.rollout import RolloutState
from shared.domain.swept_fleet import SweptFleet
from shared.rotation.leased_record import LEASE_SECONDS

RESOURCE = ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", "chat")
NEIGHBOUR = ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", "neighbour")
START = datetime(2026, 1, 1, tzinfo=UTC)
VAULT, OTHER_VAULT = "https://vault", "https://other-vault"

type Place = tuple[str, str]  # a vault and the name of a secret, in lower case
type Trouble = Literal[
    "lost before", "lost after", "throttled", "forbidden", "killed before", "killed after", "suspended", "late"
]
type Struck = tuple[Trouble | None, int | str]  # what happens to a worker, and at which call
type Service = Literal["arm", "vault", "storage", "topic"]

_SERVICES: dict[str, Service] = {
    **dict.fromkeys(("get", "keys", "regenerate"), "arm"),
    **dict.fromkeys(("newest", "made_by", "publish"), "vault"),
    **dict.fromkeys(("announce", "reach"), "topic"),
}  # whatever else is called is storage; the data plane has its own troubles


class Killed(BaseException):
    """The worker's process is gone: nothing in it runs any more, no handler, no clean-up."""


@dataclass
class MemorySecret:
    """One secret: its versions with their texts, oldest first, and whether the newest is disabled."""

    versions: list[tuple[PublishedSecret, str]] = field(default_factory=list)
    disabled: bool = False

    @property
    def key(self) -> str | None:
        """The access key in the newest version, disabled or not; "" where it holds none."""
        return read_secret_value(self.versions[-1][1]).reveal() if self.versions else None


@dataclass
class MemoryResource:
    """One SignalR resource. `lagging`: the key that the data plane still accepts in place of a slot's, and until when.

    `unchanged`: how many operations to come succeed and leave the key as it is. `missing`: how many reads to come are
    answered 404.
    """

    id: ResourceId
    keys: dict[Slot, str]
    running_until: datetime = START
    state: str = "Succeeded"
    tags: dict[str, str] = field(default_factory=dict)
    lagging: dict[Slot, tuple[str, datetime]] = field(default_factory=dict)
    unchanged: int = 0
    missing: int = 0
    salts: int = 0
    ever: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ever |= {*self.keys.values()}

    @property
    def endpoint(self) -> str:
        """Where its clients connect."""
        return f"https://{self.id.name}.service.signalr.net"

    def accepted(self, now: datetime) -> set[str]:
        """The keys that the data plane accepts now."""
        late = {slot: old for slot, (old, until) in self.lagging.items() if now < until}
        return {late.get(slot, key) for slot, key in self.keys.items()}


@dataclass(eq=False)
class Regeneration:
    """What ARM was asked to regenerate, and takes some time for.

    The judge notes for which `rotation`; `forgotten`: the record that told of it was lost while ARM was at it.
    """

    key_type: KeyType
    rotation: str = "lost"
    forgotten: bool = False

    @property
    def slot(self) -> Slot:
        """The slot whose key changes: not for a salt."""
        return Slot(self.key_type)


@dataclass
class Cloud:
    """Azure, as far as two resources go. `watch` is told of every change before it is made.

    `away`: the services that do not answer. `lag`: how long the data plane takes to follow a new key. `held`: what is
    carried out at a time to come, whoever still waits for it. `unheard`: rotations of which a vault refused to say what
    they have published.
    """

    now: Callable[[], datetime]
    watch: Callable[[str, "Worker", ResourceId, Any], None]
    made: int = 4
    numbered: int = 0
    resources: dict[ResourceId, MemoryResource] = field(default_factory=dict)
    secrets: defaultdict[Place, MemorySecret] = field(default_factory=lambda: defaultdict(MemorySecret))
    events: list[OutgoingEvent] = field(default_factory=list)
    queue: list[QueuedMessage] = field(default_factory=list)
    records: dict[ResourceId, Record] = field(default_factory=dict)
    leases: dict[ResourceId, tuple[object, datetime]] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    accepted: dict[str, datetime] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    swept: SweptFleet | None = None
    rollout: RolloutState = field(default_factory=RolloutState)
    probes: Literal["open", "closed", "denied", "everybody"] = "open"
    blips: int = 0  # how many probes to come are not answered
    unanswered: int = 0  # how many in a row were not, until now
    lag: timedelta = timedelta()
    topic: Literal["there", "gone", "refusing"] = "there"
    away: set[Service] = field(default_factory=set)
    held: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    unheard: set[str] = field(default_factory=set)
    closings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, each in ((1, RESOURCE), (3, NEIGHBOUR)):
            keys = {Slot.PRIMARY: f"key-{number}", Slot.SECONDARY: f"key-{number + 1}"}
            self.resources[each] = MemoryResource(each, keys)

    @property
    def resource(self) -> MemoryResource:
        """The one that everything is about."""
        return self.resources[RESOURCE]

    def renew_key(self, slot: Slot, resource: ResourceId = RESOURCE) -> None:
        """A new key: ARM lists it at once, the data plane takes it when it does."""
        self.made += 1
        known = self.resources[resource]
        known.lagging.pop(slot, None)
        if self.lag:
            known.lagging[slot] = (known.keys[slot], self.now() + self.lag)
        known.keys[slot] = f"key-{self.made}"
        known.ever.add(known.keys[slot])

    def add_version(self, place: Place, described: PublishedSecret, text: str) -> PublishedSecret:
        """A new newest version."""
        secret = self.secrets[place]
        self.numbered += 1  # each is unique, whatever secret it is of
        number = f"v{self.numbered}"
        since, secret_id = self.now().replace(microsecond=0), f"{place[0]}/secrets/{place[1]}/{number}"
        made = published(replace(described, version=number, since=since, secret_id=secret_id), text)
        secret.versions.append((made, text))
        secret.disabled = False
        return made

    def carried_out(self, until: datetime) -> tuple[datetime, Callable[[], None]] | None:
        """The next of what is held up, if it is due by then; it is no longer held."""
        due = min(self.held, key=lambda each: each[0], default=None)
        if due is None or due[0] > until:
            return None
        self.held.remove(due)
        return due


@lru_cache(4096)
def _read(text: str) -> dict[str, Any]:
    value = read_secret_value(text)
    named = fingerprint(value.reveal()) if value.reveal() else ""
    return {"fingerprint": named, "endpoint": value.endpoint, "shape": value.shape, "fault": value.fault}


def published(described: PublishedSecret, text: str) -> PublishedSecret:
    """A version with what is read out of its text, as the adapter of Key Vault reads it."""
    return replace(described, **_read(text), _text=text)


@dataclass
class Worker:
    """One process, and what happens at which of its calls: the number of it, or the name of the first of its kind."""

    cloud: Cloud
    trouble: Trouble | None = None
    at: int | str = 0
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
        self._outage(name)
        mine = self.trouble if self.at == self.calls.total() or (self.at == name and self.calls[name] == 1) else None
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

    def _outage(self, name: str) -> None:
        if name != "probe" and _SERVICES.get(name, "storage") in self.cloud.away:
            raise Unavailable(f"{name} is not answered")
