"""What follows from an event that Azure sent: nothing, or a command for one resource.

The Event Grid trigger only queues events; what takes a look at Azure happens in the worker, so that Event Grid never
waits. An event is a hint, not an order: whether it concerns a managed resource, and whether it is still true, is read
anew. What follows is never more than a sweep would do: no policy is bypassed.
"""

import logging
from collections.abc import Collection
from datetime import timedelta

from shared.domain.errors import Terminal
from shared.domain.policy import place_of
from shared.domain.requests import Mode, RotationCommand, WorkItem, rotation_id
from shared.domain.resources import ResourceId
from shared.rotation.inbound_event import InboundEvent, inbound_event
from shared.rotation.inventory import Fleet, Inventory
from shared.rotation.ports import Services
from shared.rotation.submit import Rotations

log = logging.getLogger("rotation.events")

_JUST_NOW = timedelta(seconds=20)


class IncomingEvents:
    """Stores events, and acts on them later. `vaults`: those that the app uses."""

    def __init__(
        self,
        services: Services,
        fleet: Fleet,
        inventory: Inventory,
        rotations: Rotations,
        *,
        vaults: Collection[str],
    ) -> None:
        self._services = services
        self._fleet = fleet
        self._inventory = inventory
        self._rotations = rotations
        self._vaults = {vault.lower() for vault in vaults}

    async def take(self, event_id: object, kind: object, subject: object, data: object) -> None:
        """Queue one event, if it may need action: all that Event Grid waits for. Raises what the storage raises.

        What will never be understood is logged and left alone: an error would only have it delivered again.
        """
        event = inbound_event(event_id, kind, subject, data)
        if event is None:
            log.info("event ignored", extra={"event_id": _excerpt(event_id), "event_type": _excerpt(kind)})
        else:
            await self._services.queue.send(event)

    async def act(self, event: InboundEvent) -> list[WorkItem]:
        """Do what the event calls for, once however often it comes. Raises `Retryable` for the platform to try again.

        An error that a repetition would not change is logged and left to the sweep, which meets it too.
        """
        try:
            return await self._follow(event)
        except Terminal as error:
            return _ignored(event, error.code)

    async def _follow(self, event: InboundEvent) -> list[WorkItem]:
        if event.about == "key-regenerated":
            named = ResourceId.leading(event.resource)
            if named is None:
                return _ignored(event, "not the id of a SignalR resource")
            resource, mode = named, Mode.RESYNC
        else:
            found, why = await self._expiring(event)
            if found is None:
                return _ignored(event, why)
            resource, mode = found, Mode.SWEEP  # due, or not: no window, hold or overlap is bypassed
        key = f"event:{event.event_id}"
        if await self._under_way(rotation_id(resource, key)):
            return _ignored(event, "delivered before")
        reason = event.type.rpartition(".")[2]
        return await self._rotations.submit(
            RotationCommand("event", resource, mode, reason=reason, deduplication_key=key)
        )

    async def _under_way(self, rotation: str) -> bool:
        """Whether another delivery of the event has been acted on. To act again would be harmless, only work.

        One that was begun and broken off comes again later than this: the platform shows a message again after 30 s.
        """
        known = await self._rotations.status(rotation)
        return known is not None and (
            known.final
            or known.journal is not None
            or self._services.clock() < known.operation.requested_at + _JUST_NOW
        )

    async def _expiring(self, event: InboundEvent) -> tuple[ResourceId | None, str]:
        """The resource that publishes to the secret, provided that the event speaks of the secret's newest version.

        Otherwise None, and why.
        """
        # Nothing is asked of a vault, and no token shown to it, because an event names it.
        if event.vault_url not in self._vaults:
            return None, "vault not used by this app"
        newest = await self._services.secrets.newest(event.vault_url, event.secret_name)
        # The version's own tags name its resource, also where the app has no record of it: a hint like any other.
        hint = newest.owner if newest else None
        resource = hint or await self._inventory.publishing_to(event.vault_url, event.secret_name)
        if resource is None or not self._fleet.could_cover(resource):
            return None, "secret not managed"
        policy = self._fleet.policy(await self._services.signalr.get(resource))
        if policy.place != place_of(event.vault_url, event.secret_name):
            return None, "secret no longer managed"
        if newest is None or newest.version.lower() != event.version.lower():
            return None, "not the newest version"
        return resource, ""


def _ignored(event: InboundEvent, why: str) -> list[WorkItem]:
    log.info("event ignored", extra={"event_id": event.event_id, "event_type": event.type, "why": why})
    return []


def _excerpt(value: object) -> str:
    """A sender's text, cut and escaped for the log."""
    return ascii(str(value)[:200])
