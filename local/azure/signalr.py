"""The SignalR resources themselves: their keys, which of these are live, and the renewals under way.

A renewal is what makes this service awkward: the call is accepted, the new key may already be shown, and only some
seconds later does it take effect. Until then the old one is live and `listKeys` shows it.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import Literal

from local.azure.access_keys import new_key
from local.azure.clock import Clock

KeyType = Literal["Primary", "Secondary", "Salt"]
KEY_TYPES: Mapping[str, KeyType] = {"primary": "Primary", "secondary": "Secondary", "salt": "Salt"}
TYPE = "Microsoft.SignalRService/SignalR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How one resource's renewals behave: what has been seen of the real service, selectable.

    `operation_seconds` bounds how long one takes; `data_plane_lag` is how much later, in seconds, the data plane
    follows what ARM already calls done; `busy_state` is the resource's provisioning state meanwhile.
    """

    body: Literal["keys", "empty-object", "empty"] = "keys"
    accepted_status: Literal[202, 201] = 202
    polls: Literal["normal", "done-at-first", "one-404"] = "normal"
    outcome: Literal["Succeeded", "Failed", "unchanged"] = "Succeeded"
    operation_seconds: tuple[float, float] = (13.0, 19.0)
    data_plane_lag: float = 0.0
    busy_state: str = "Succeeded"
    long_poll_urls: bool = False


@dataclass(slots=True)
class Regeneration:
    """One accepted renewal. `effective` is when its key became the live one; None while it is not, or never was."""

    id: str
    key_type: KeyType
    by: str
    started: datetime
    key: str = field(repr=False)
    status: Literal["Running", "Succeeded", "Failed"] = "Running"
    ended: datetime | None = None
    effective: datetime | None = None
    polls: int = 0


@dataclass(slots=True)
class SignalR:
    """One resource. `keys` is what ARM shows, `live` what the data plane accepts."""

    subscription: str
    group: str
    name: str
    location: str
    created: datetime
    by: str
    keys: dict[KeyType, str] = field(repr=False)
    live: dict[KeyType, str] = field(repr=False)
    variant: Variant
    tags: dict[str, str] = field(default_factory=dict)
    sku: Mapping[str, object] = field(default_factory=lambda: {"name": "Standard_S1", "capacity": 1})
    disable_local_auth: bool = False
    provisioning_state: str = "Succeeded"
    modified: datetime | None = None
    running: Regeneration | None = None
    regenerations: list[Regeneration] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The ARM id."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{TYPE}/{self.name}"

    @property
    def state(self) -> str:
        """The provisioning state as ARM tells it now."""
        return self.variant.busy_state if self.running else self.provisioning_state


class NotActiveError(Exception):
    """The resource does not take a renewal now: another one runs, or it is not provisioned."""


class SignalRService:
    """All resources, by their id in lower case. Names are unique across subscriptions, as host names are."""

    def __init__(self, clock: Clock, random: Random, variant: Variant, *, short_keys: bool = False) -> None:
        self.variant = self._usual = variant
        self.resources: dict[str, SignalR] = {}
        self.regenerations: dict[str, tuple[SignalR, Regeneration]] = {}
        self.on_regenerated: Callable[[SignalR, Regeneration], None] = lambda _resource, _regeneration: None
        self._by_name: dict[str, SignalR] = {}
        self._clock = clock
        self._random = random
        self._short_keys = short_keys

    def create(self, subscription: str, group: str, name: str, location: str, by: str) -> SignalR:
        """A new resource with two fresh keys. Raises ValueError when the name is taken."""
        if name.lower() in self._by_name:
            raise ValueError(f"The name '{name}' is already taken.")
        keys = {slot: self._new_key() for slot in (KEY_TYPES["primary"], KEY_TYPES["secondary"])}
        made = SignalR(
            subscription, group, name, location, self._clock.now(), by, keys=keys, live=dict(keys), variant=self.variant
        )
        self.resources[made.id.lower()] = self._by_name[name.lower()] = made
        return made

    def delete(self, resource: SignalR) -> None:
        """Gone, and its name is free again."""
        del self.resources[resource.id.lower()]
        del self._by_name[resource.name.lower()]

    def now(self) -> datetime:
        """The time the service stamps."""
        return self._clock.now()

    def clear(self) -> None:
        """Delete everything and forget what was configured."""
        self.variant = self._usual
        for known in (self.resources, self.regenerations, self._by_name):
            known.clear()

    def named(self, name: str) -> SignalR | None:
        """The resource a data plane endpoint belongs to."""
        return self._by_name.get(name.lower())

    def accepts(self, resource: SignalR, key: str) -> bool:
        """Whether the data plane lets in a caller who signs with this key."""
        return not resource.disable_local_auth and key in resource.live.values()

    def regenerate(self, resource: SignalR, key_type: KeyType, by: str) -> Regeneration:
        """Begin a renewal; it takes effect later, by itself. Raises NotActiveError."""
        if resource.running is not None or resource.provisioning_state != "Succeeded":
            raise NotActiveError
        regeneration = Regeneration(self.new_id(), key_type, by, self._clock.now(), self._new_key())
        resource.running = regeneration
        resource.regenerations.append(regeneration)
        self.regenerations[regeneration.id] = (resource, regeneration)
        seconds = self._random.uniform(*resource.variant.operation_seconds)
        asyncio.get_running_loop().call_later(seconds, self.finish, resource, regeneration)
        return regeneration

    def regenerate_at_once(self, resource: SignalR, key_type: KeyType, by: str) -> Regeneration:
        """A renewal whose waiting is already over: someone else's, made in the portal."""
        regeneration = self.regenerate(resource, key_type, by)
        self.finish(resource, regeneration)
        return regeneration

    def finish(self, resource: SignalR, regeneration: Regeneration) -> None:
        """End a renewal as the resource's variant says. Does nothing the second time."""
        if regeneration.status != "Running":
            return
        outcome = resource.variant.outcome
        regeneration.ended = self._clock.now()
        regeneration.status = "Failed" if outcome == "Failed" else "Succeeded"
        resource.running = None
        if outcome == "Succeeded":
            regeneration.effective = regeneration.ended
            self._take_effect(resource, regeneration)
        # A resource that was deleted meanwhile has nobody left to tell.
        if outcome != "Failed" and self.resources.get(resource.id.lower()) is resource:
            self.on_regenerated(resource, regeneration)

    def _take_effect(self, resource: SignalR, regeneration: Regeneration) -> None:
        if regeneration.key_type == "Salt":
            return
        resource.keys[regeneration.key_type] = regeneration.key
        lag = resource.variant.data_plane_lag
        if not lag:
            resource.live[regeneration.key_type] = regeneration.key
            return
        follow = partial(resource.live.__setitem__, regeneration.key_type, regeneration.key)
        asyncio.get_running_loop().call_later(lag, follow)

    def _new_key(self) -> str:
        return new_key(self._random, short=self._short_keys)

    def new_id(self) -> str:
        """A fresh UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
