"""All communication with the Event Grid topic: CloudEvents 1.0 that tell what was done.

An event's id is the rotation's id and what happened: sent twice, it is the same event, and consumers can tell.
"""

import asyncio
from datetime import datetime
from typing import Any

from azure.core.messaging import CloudEvent
from azure.eventgrid.aio import EventGridPublisherClient
from pydantic.alias_generators import to_camel

from shared.adapters.azure_errors import translated


class EventGridTopic:
    """The topic that hears of every change.

    `prefix` begins every event type; `answer_within` [s] bounds each call, repetitions included.
    """

    def __init__(self, client: EventGridPublisherClient, *, prefix: str, answer_within: float) -> None:
        self._client = client
        self._prefix = prefix
        self._answer_within = answer_within

    async def announce(
        self, kind: str, *, rotation_id: str, source: str, subject: str, time: datetime, data: dict[str, Any]
    ) -> str:
        """Tell of it, at least once, and give the event's id. None values are left out of the data.

        Raises `NotPermitted`, `Throttled`, `Unavailable`, `Rejected`.
        """
        event_id = f"{rotation_id}-{kind}"
        event = CloudEvent(
            source=source,
            type=f"{self._prefix}.{kind}",
            subject=subject,
            id=event_id,
            time=time,
            data={to_camel(name): value for name, value in data.items() if value is not None},
        )
        with translated("Event Grid", needs="the role EventGrid Data Sender on the topic", step="announce"):
            # The client drops the timeouts that the others take.
            async with asyncio.timeout(self._answer_within):
                await self._client.send([event])
        return event_id
