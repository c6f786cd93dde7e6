"""What requests would come to, and what would keep them from ending well, found out without changing anything.

A preview reads what a rotation reads, so that a missing permission to read, a deleted secret or a wrong tag shows by
itself. On top it looks for what only writing would meet: a secret that another resource publishes to, a topic out of
reach.

What is not found out: whether the identity may regenerate keys, write secrets and send events. Azure tells that only
to an identity that may read role assignments, and this app may not.
"""

import asyncio
from collections.abc import Sequence

from shared.domain.decision import Refuse, Skip, Wait, decide
from shared.domain.errors import RotationError, Unavailable
from shared.domain.observation import PublishedSecret
from shared.domain.planning import Preview
from shared.domain.policy import Policy, unknown_word
from shared.domain.requests import WorkItem
from shared.domain.resources import Resource
from shared.rotation.bounded_gather import bounded_gather
from shared.rotation.inventory import Fleet
from shared.rotation.observe import expect_no_conflict, observe, secret_conflict
from shared.rotation.ports import Services
from shared.rotation.verdicts import published_key_rejected, with_verdicts

_AT_ONCE = 16
LONGEST_SECONDS = 200.0  # the platform cuts an HTTP answer at 230 s

type _Faults = tuple[RotationError, ...]


class Preflight:
    """Looks at what rotations would meet."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._fleet = fleet

    async def look(self, items: Sequence[WorkItem], *, seconds: float = LONGEST_SECONDS) -> list[Preview]:
        """What each would come to now. Of more than can be looked at in time, the rest is reported as not looked at."""
        until = asyncio.get_running_loop().time() + seconds
        topic = await self._topic()

        async def preview(item: WorkItem) -> Preview:
            try:
                async with asyncio.timeout_at(until):
                    return await self._preview(item, topic)
            except TimeoutError:
                return Preview(item, finding=Unavailable("not looked at in time: request this resource alone"))

        return await bounded_gather(preview, items, limit=_AT_ONCE)

    async def _preview(self, item: WorkItem, topic: _Faults) -> Preview:
        try:
            record = await self._services.records.read(item.resource_id)
            resource = await self._services.signalr.get(item.resource_id)
            policy = self._fleet.policy(resource)
            observation, keys = await observe(self._services, resource, policy, record)
            observation = await with_verdicts(self._services, observation, keys, of_published=True)
        except RotationError as error:
            return Preview(item, finding=error)
        action = decide(observation, item, policy, self._services.clock())
        harmless = isinstance(action, Wait | Skip | Refuse)
        obstacles = () if harmless else await self._conflicts(item, resource, policy, observation.published) + topic
        if observation.published_rejected:
            obstacles = (published_key_rejected(self._services, resource.id.name, observation), *obstacles)
        if policy.unknown_word:
            obstacles = (unknown_word(resource), *obstacles)
        return Preview(item, action=action, observation=observation, policy=policy, obstacles=obstacles)

    async def _conflicts(
        self, item: WorkItem, resource: Resource, policy: Policy, published: PublishedSecret | None
    ) -> _Faults:
        """The fault of a secret that another resource publishes to."""
        if item.conflicts and published is None:  # else the newest version says whose it is
            return (secret_conflict(resource.id, item.conflicts, policy.secret_name, count=item.conflict_count),)
        try:
            await expect_no_conflict(self._services.records, resource, policy, published)
        except RotationError as error:
            return (error,)
        return ()

    async def _topic(self) -> _Faults:
        """The fault of a topic that cannot be reached."""
        try:
            await self._services.events.reach()
        except RotationError as error:
            return (error,)
        return ()
