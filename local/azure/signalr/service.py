"""The SignalR service: all resources, which of their keys are valid, and what is under way with them.

A regeneration is what makes this service awkward: the call is accepted, the new key may already be shown, and only some
seconds later does it take effect. Until then the old one is valid and `listKeys` shows it.
"""

import asyncio
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from random import Random

from local.azure.clock import Clock
from local.azure.signalr.access_keys import new_key
from local.azure.signalr.resource import (
    KEY_TYPES,
    KeyType,
    LongRunning,
    Provisioning,
    ProvisioningState,
    Regeneration,
    SignalR,
    Variant,
)

Told = Callable[[SignalR, Regeneration], None]

# ProvisioningState (Microsoft.SignalRService 2023-02-01): in the others something is under way. Assumed for Failed and
# Canceled: no published recording shows a regeneration in them.
_AT_REST = frozenset({"Succeeded", "Failed", "Canceled"})


class NotActiveError(Exception):
    """The resource does not take a renewal now: another one runs, or it is not provisioned."""


class SignalRService:
    """All resources, by their id in lower case. Names are unique across subscriptions, as host names are."""

    def __init__(self, clock: Clock, random: Random, variant: Variant, *, short_keys: bool = False) -> None:
        self.variant = self._usual = variant
        self.resources: dict[str, SignalR] = {}
        self.operations: dict[str, tuple[SignalR, LongRunning]] = {}
        self.on_regenerated: Told = lambda _resource, _regeneration: None
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
        """Gone at once, and its name is free again."""
        if self.resources.get(resource.id.lower()) is resource:
            del self.resources[resource.id.lower()]
            del self._by_name[resource.name.lower()]

    def now(self) -> datetime:
        """The time the service stamps."""
        return self._clock.now()

    def clear(self) -> None:
        """Delete everything and forget what was configured."""
        self.variant = self._usual
        for known in (self.resources, self.operations, self._by_name):
            known.clear()

    def named(self, name: str) -> SignalR | None:
        """The resource a data plane endpoint belongs to."""
        return self._by_name.get(name.lower())

    def accepts(self, resource: SignalR, key: str) -> bool:
        """Whether the data plane lets in a caller who signs with this key."""
        return not resource.disable_local_auth and key in resource.accepted.values()

    def provision(self, resource: SignalR, state: ProvisioningState) -> Provisioning:
        """Begin to make, change or delete a resource: in that state until it is over, then Succeeded or gone."""
        resource.provisioning_state = state
        return self._begin(resource, Provisioning(id=self.new_id(), started=self._clock.now(), state=state))

    def regenerate(self, resource: SignalR, key_type: KeyType, by: str) -> Regeneration:
        """Begin a renewal; it takes effect later, by itself. Raises NotActiveError."""
        if resource.running is not None or resource.provisioning_state not in _AT_REST:
            raise NotActiveError
        regeneration = Regeneration(
            id=self.new_id(), started=self._clock.now(), key_type=key_type, by=by, key=self._new_key()
        )
        resource.regenerations.append(regeneration)
        return self._begin(resource, regeneration)

    def _begin[Kind: LongRunning](self, resource: SignalR, operation: Kind) -> Kind:
        resource.running = operation
        self.operations[operation.id] = (resource, operation)
        seconds = self._random.uniform(*resource.variant.operation_seconds)
        asyncio.get_running_loop().call_later(seconds, self.finish, resource, operation)
        return operation

    def regenerate_at_once(self, resource: SignalR, key_type: KeyType, by: str) -> Regeneration:
        """A renewal whose waiting is already over: someone else's, made in the portal."""
        regeneration = self.regenerate(resource, key_type, by)
        self.finish(resource, regeneration)
        return regeneration

    def finish(self, resource: SignalR, operation: LongRunning) -> None:
        """End what is under way, a renewal as the resource's variant says. Does nothing the second time."""
        if operation.status != "Running":
            return
        operation.ended = self._clock.now()
        operation.status = "Succeeded"
        if resource.running is operation:
            resource.running = None
        if isinstance(operation, Regeneration):
            self._regenerated(resource, operation, operation.ended)
        elif isinstance(operation, Provisioning):
            resource.provisioning_state = "Succeeded"
            if operation.state == "Deleting":
                self.delete(resource)

    def _regenerated(self, resource: SignalR, regeneration: Regeneration, now: datetime) -> None:
        outcome = resource.variant.outcome
        if outcome == "Failed":
            regeneration.status = "Failed"
            return
        if outcome == "Succeeded":
            regeneration.effective = now
            self._take_effect(resource, regeneration)
        # A resource that was deleted meanwhile has nobody left to tell.
        if self.resources.get(resource.id.lower()) is resource:
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
