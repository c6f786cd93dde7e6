"""What requests would come to, and what would keep them from ending well, found out without changing anything.

A preview reads what a rotation reads, so that a missing right to read, a deleted secret or a wrong tag shows by itself.
On top it looks for what only writing would meet: a secret that another resource publishes to, a topic out of reach.

What is not found out: whether the identity may regenerate keys, write secrets and send events. Azure tells that to
whoever may read role assignments, and this app may not.
"""

import asyncio
from collections.abc import Sequence

import aiohttp

from shared.adapters.blob_records import BlobRecords
from shared.domain.decision import Action, Refuse, Skip, Wait, decide
from shared.domain.errors import RotationError, Unavailable
from shared.domain.observation import PublishedSecret
from shared.domain.planning import Preview
from shared.domain.policy import Policy
from shared.domain.requests import WorkItem
from shared.domain.resources import Resource
from shared.rotation.inventory import Fleet
from shared.rotation.observe import observe
from shared.rotation.ports import Services
from shared.rotation.rivalry import contested, expect_no_rival

_AT_ONCE = 16
_LONGEST_SECONDS = 200.0  # the platform cuts an HTTP answer at 230 s
_TOPIC_TIMEOUT = aiohttp.ClientTimeout(total=10)

type _Faults = tuple[RotationError, ...]


class Preflight:
    """Looks at what rotations would meet."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        ledger: BlobRecords,
        services: Services,
        session: aiohttp.ClientSession,
        topic_endpoint: str,
    ) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._to = services
        self._session = session
        self._topic_endpoint = topic_endpoint

    async def look(self, requests: Sequence[WorkItem]) -> list[Preview]:
        """What each would come to now. Of more than can be looked at in time, the rest is told to be unseen."""
        slots = asyncio.Semaphore(_AT_ONCE)
        until = asyncio.get_running_loop().time() + _LONGEST_SECONDS
        topic = await self._topic()

        async def preview(request: WorkItem) -> Preview:
            try:
                async with asyncio.timeout_at(until), slots:
                    return await self._preview(request, topic)
            except TimeoutError:
                return Preview(request, finding=Unavailable("not looked at in time: ask for this resource alone"))

        return await asyncio.gather(*map(preview, requests))

    async def _preview(self, request: WorkItem, topic: _Faults) -> Preview:
        try:
            record = await self._ledger.read(request.resource_id)
            resource = await self._to.signalr.get(request.resource_id)
            policy = self._fleet.policy(resource)
            seen, _ = await observe(self._to, resource, policy, record)
        except RotationError as error:
            return Preview(request, finding=error)
        action: Action = decide(seen, request, policy, self._to.clock())
        harmless = isinstance(action, Wait | Skip | Refuse)
        obstacles = () if harmless else await self._rivals(request, resource, policy, seen.published) + topic
        return Preview(request, action=action, observation=seen, policy=policy, obstacles=obstacles)

    async def _rivals(
        self, request: WorkItem, resource: Resource, policy: Policy, published: PublishedSecret | None
    ) -> _Faults:
        """The fault of a secret that another resource publishes to."""
        if request.rivals:
            return (contested(resource.id, request.rivals, policy.secret_name),)
        try:
            await expect_no_rival(self._ledger, resource, policy, published)
        except RotationError as error:
            return (error,)
        return ()

    async def _topic(self) -> _Faults:
        """The fault of a topic that cannot be reached. It is asked without a token, and any answer will do."""
        try:
            async with self._session.head(self._topic_endpoint, timeout=_TOPIC_TIMEOUT, allow_redirects=False):
                return ()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return (
                Unavailable(
                    f"Event Grid does not answer at EVENT_GRID_TOPIC_ENDPOINT ({type(error).__name__}): "
                    "a rotation would be done, and announced once it does",
                    step="announce",
                ),
            )
