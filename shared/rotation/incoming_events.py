"""What follows from an event that Azure sent: nothing, or a wish for one resource.

The webhook only notes events down (`shared.http.event_webhook`); what takes a look at Azure happens here, in the
worker, so that Event Grid never waits. An event is a hint, not an order: whether it concerns a managed
resource, and whether it is still true, is read anew.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Literal

from pydantic import ConfigDict, Field

from shared.adapters.storage_queue import StorageQueue
from shared.domain.errors import Terminal
from shared.domain.requests import Mode, RotationCommand, WorkItem, rotation_id
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire
from shared.rotation.inventory import Fleet
from shared.rotation.ports import Services
from shared.rotation.roster import Inventory
from shared.rotation.submit import Rotator
from shared.settings import Settings

log = logging.getLogger("rotation.events")

_AT_ONCE = 16
_JUST_NOW = timedelta(seconds=20)


class InboundEvent(Wire):
    """One event, boiled down to what may matter. As JSON it is a queue message; it holds nothing secret."""

    model_config = ConfigDict(extra="forbid")

    event_id: str = Field(min_length=1, max_length=400)
    about: Literal["secret-expiry", "key-regenerated"]
    type: str
    vault_url: str = Field("", max_length=400, description="In lower case")
    secret_name: str = Field("", max_length=127)
    version: str = Field("", max_length=64)
    resource: str = Field("", max_length=400)


class IncomingEvents:
    """Takes events down, and acts on them later."""

    def __init__(
        self,
        *,
        settings: Settings,
        fleet: Fleet,
        roster: Inventory,
        queue: StorageQueue,
        rotator: Rotator,
        services: Services,
    ) -> None:
        self._settings = settings
        self._fleet = fleet
        self._roster = roster
        self._queue = queue
        self._rotator = rotator
        self._to = services

    async def take(self, notices: list[InboundEvent]) -> None:
        """Put each on the queue. This is all that Event Grid waits for. Raises what the storage raises."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def send(notice: InboundEvent) -> None:
            async with slots:
                await self._queue.send(notice)

        await asyncio.gather(*map(send, {notice.event_id: notice for notice in notices}.values()))

    async def act(self, notice: InboundEvent) -> list[WorkItem]:
        """Do what the event calls for, once however often it comes. Raises `Retryable` for the platform to try again.

        An error that a repetition would not change is logged and left to the sweep, which meets it too.
        """
        try:
            return await self._follow(notice)
        except Terminal as error:
            return _ignored(notice, error.code)

    async def _follow(self, notice: InboundEvent) -> list[WorkItem]:
        if notice.about == "key-regenerated":
            resource, mode = ResourceId.parse(notice.resource), Mode.RESYNC
        else:
            found, why = await self._expiring(notice)
            if found is None:
                return _ignored(notice, why)
            resource, mode = found, Mode.ROTATE
        key = f"event:{notice.event_id}"
        if await self._under_way(rotation_id(resource, key)):
            return _ignored(notice, "delivered before")
        reason = notice.type.rpartition(".")[2]
        wish = RotationCommand(trigger="event", resource=resource, mode=mode, reason=reason, deduplication_key=key)
        return await self._rotator.submit(wish)

    async def _under_way(self, rotation: str) -> bool:
        """Whether another delivery of the event has been acted on. To act again would be harmless, only work.

        One that was begun and broken off comes again later than this: the platform shows a message again after 30 s.
        """
        known = await self._rotator.status(rotation)
        return known is not None and (
            known.final or known.journal is not None or self._to.clock() < known.ticket.requested_at + _JUST_NOW
        )

    async def _expiring(self, notice: InboundEvent) -> tuple[ResourceId | None, str]:
        """The resource that publishes to the secret, provided that the event speaks of the secret's newest version.

        Otherwise None, and why.
        """
        # Nothing is asked of a vault, and no token shown to it, because an event names it.
        if notice.vault_url not in {vault.lower() for vault in self._settings.vaults}:
            return None, "vault not used by this app"
        resource = await self._roster.publishing_to(notice.vault_url, notice.secret_name)
        if resource is None:
            return None, "secret not managed"
        policy = self._fleet.policy(await self._to.signalr.get(resource))
        if (policy.vault_url.lower(), policy.secret_name.lower()) != (notice.vault_url, notice.secret_name.lower()):
            return None, "secret no longer managed"
        newest = await self._to.vaults.newest(policy.vault_url, policy.secret_name)
        if newest is None or newest.version.lower() != notice.version.lower():
            return None, "not the newest version"
        return resource, ""


def _ignored(notice: InboundEvent, why: str) -> list[WorkItem]:
    log.info("event ignored", extra={"event_id": notice.event_id, "event_type": notice.type, "why": why})
    return []
