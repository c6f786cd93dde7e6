"""Event Grid: the custom topic that receives an event for every change (`publish events`, CloudEvents 1.0)."""

import asyncio
from collections.abc import Callable

import aiohttp
from azure.core.messaging import CloudEvent
from azure.eventgrid.aio import EventGridPublisherClient
from pydantic.alias_generators import to_camel

from shared.adapters.azure_errors import translated
from shared.domain.errors import RotationError, Unavailable
from shared.domain.outgoing_event import OutgoingEvent

_REACH_TIMEOUT = aiohttp.ClientTimeout(total=10)


class EventGridTopic:
    """`EventPublisher` on one topic.

    `prefix` begins every event type; `call_seconds` bounds each call, repetitions included. `session` is asked for
    when the endpoint is tried without a token.
    """

    def __init__(
        self,
        client: EventGridPublisherClient,
        session: Callable[[], aiohttp.ClientSession],
        *,
        endpoint: str,
        prefix: str,
        call_seconds: float,
    ) -> None:
        self._client = client
        self._session = session
        self._endpoint = endpoint
        self._prefix = prefix
        self._call_seconds = call_seconds
        self.refusal = ""

    async def publish(self, event: OutgoingEvent) -> None:
        """See `EventPublisher.publish`."""
        cloud_event = CloudEvent(
            source=event.source,
            type=f"{self._prefix}.{event.kind}",
            subject=event.subject,
            id=event.id,
            time=event.time,
            data={to_camel(name): value for name, value in event.data.items() if value is not None},
        )
        try:
            with translated("Event Grid", needs="the role EventGrid Data Sender on the topic", step="announce"):
                # The client drops the timeouts that the others take.
                async with asyncio.timeout(self._call_seconds):
                    await self._client.send([cloud_event])
        except RotationError as error:
            self.refusal = error.message
            raise
        self.refusal = ""

    async def reach(self) -> None:
        """See `EventPublisher.reach`. Any answer will do."""
        try:
            async with self._session().head(self._endpoint, timeout=_REACH_TIMEOUT, allow_redirects=False):
                return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(
                f"Event Grid does not answer at EVENT_GRID_TOPIC_ENDPOINT ({type(error).__name__}): "
                "a rotation would be done, and announced once it does",
                step="announce",
            ) from None
