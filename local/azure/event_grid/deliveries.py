"""Event Grid subscriptions: handshake with a webhook, delivery at least once, retries, dead letters.

Sources: "Webhook event delivery", "CloudEvents v1.0 schema" and "Message delivery and retry" (Event Grid).
Deliveries only ever go to the loopback interface.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import count
from random import Random
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp

from local.azure.clock import Clock, timestamp
from local.azure.event_grid.topic import Event, in_event_grid_schema

Schema = Literal["CloudEventSchemaV1_0", "EventGridSchema"]
Source = Literal["topic", "keyvault", "resources"]

RETRY_SECONDS = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
_DELIVERED = range(200, 205)
_NEVER_RETRIED = (400, 413)
_ORIGIN = "eventgrid.azure.net"


class HandshakeError(Exception):
    """The webhook did not say that it wants events."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where events of one source go, in which schema, and how long to keep trying."""

    name: str
    url: str = field(repr=False)
    schema: Schema
    source: Source
    retry_seconds: Sequence[float]


class Deliveries:
    """All subscriptions and what is still on its way to them."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self.dead_letters: list[Event] = []
        self._clock = clock
        self._random = random
        self._subscriptions: list[Subscription] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._numbers = count(1)

    async def subscribe(
        self, url: str, schema: Schema, source: Source, retry_seconds: Sequence[float] = RETRY_SECONDS
    ) -> str:
        """Shake hands and deliver from now on; the subscription's name. Raises HandshakeError, ValueError."""
        if not ip_address(urlsplit(url).hostname or "").is_loopback:
            raise ValueError("Events are delivered to the loopback interface only")
        if schema == "EventGridSchema":
            await self._validate_by_event(url)
        else:
            await self._validate_by_options(url)
        name = f"subscription-{next(self._numbers)}"
        self._subscriptions.append(Subscription(name, url, schema, source, tuple(retry_seconds)))
        return name

    def deliver(self, source: Source, event: Event) -> None:
        """Send an event on its way to everyone who asked for its source."""
        for subscription in self._subscriptions:
            if subscription.source == source:
                task = asyncio.get_running_loop().create_task(self._deliver(subscription, event))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    def clear(self) -> None:
        """Forget all subscriptions and give up on what is under way."""
        for task in self._under_way:
            task.cancel()
        self._subscriptions.clear()
        self.dead_letters.clear()

    async def close(self) -> None:
        """Clear, and close the connections."""
        self.clear()
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self._session

    async def _validate_by_event(self, url: str) -> None:
        code = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        event = {
            "id": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "topic": "/subscriptions/local",
            "subject": "",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": timestamp(self._clock.now()),
            "data": {"validationCode": code},
            "dataVersion": "1",
            "metadataVersion": "1",
        }
        headers = {"aeg-event-type": "SubscriptionValidation"}
        async with self._http().post(url, json=[event], headers=headers) as response:
            answer: Any = await response.json(content_type=None) if response.status == 200 else None  # noqa: PLR2004  # exactly 200 is the handshake's success
        if not isinstance(answer, dict) or answer.get("validationResponse") != code:
            raise HandshakeError(f"The webhook answered {response.status} and no matching validationResponse")

    async def _validate_by_options(self, url: str) -> None:
        headers = {"WebHook-Request-Origin": _ORIGIN, "WebHook-Request-Rate": "120"}
        async with self._http().options(url, headers=headers) as response:
            allowed = response.headers.get("WebHook-Allowed-Origin")
        if response.status not in _DELIVERED or allowed not in ("*", _ORIGIN):
            raise HandshakeError(f"The webhook answered {response.status} and WebHook-Allowed-Origin {allowed}")

    async def _deliver(self, subscription: Subscription, event: Event) -> None:
        status: int | None = None
        for attempt, pause in enumerate((*subscription.retry_seconds, 0.0)):
            status = await self._attempt(subscription, event, attempt)
            if status in _DELIVERED:
                return
            if status in _NEVER_RETRIED:
                break
            await asyncio.sleep(pause)
        reason = "MaxDeliveryAttemptsExceeded" if status not in _NEVER_RETRIED else "BadRequest"
        self.dead_letters.append({**event, "deadletterreason": reason, "lasthttpstatuscode": status})

    async def _attempt(self, subscription: Subscription, event: Event, count: int) -> int | None:
        headers = {
            "aeg-event-type": "Notification",
            "aeg-subscription-name": subscription.name.upper(),
            "aeg-delivery-count": str(count),
        }
        body: object = event
        if subscription.schema == "EventGridSchema":
            body = [in_event_grid_schema(event, self._clock.now())]
        else:
            headers["Content-Type"] = "application/cloudevents+json; charset=utf-8"
        try:
            async with self._http().post(subscription.url, json=body, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None
