"""An Event Grid custom topic: takes batches of CloudEvents or Event Grid events, keeps them, hands them on.

Sources: "Publish events to Azure Event Grid custom topics using access keys" (endpoint, sizes, status codes) and
"CloudEvents v1.0 schema with Azure Event Grid", Microsoft Learn.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.azure.call import Call, Operation, Refused, Reply, error
from local.azure.clock import timestamp
from local.azure.identity.guard import Guard, Wording

AUDIENCE = "https://eventgrid.azure.net"
API_VERSION = "2018-01-01"
SEND = "Microsoft.EventGrid/events/send/action"

_LARGEST_BATCH = 1024 * 1024
_CLOUD_EVENTS = {"application/cloudevents+json", "application/cloudevents-batch+json"}
_CLOUD_EVENT = ("id", "source", "specversion", "type")
_GRID_EVENT = ("id", "subject", "eventType", "eventTime", "data", "dataVersion")

Event = dict[str, Any]


def wording() -> Wording:
    """The topic's answers to a caller it does not let in. Without the role it answers 401 as well, not 403."""

    def unauthorized(message: str) -> Reply:
        return error(401, "Unauthorized", message, details=[{"code": "InputJsonInvalid", "message": message}])

    return Wording(
        missing=lambda: unauthorized(
            "Request must contain one of the following authorization signature: aeg-sas-token, "
            "aeg-sas-key, or a bearer token."
        ),
        invalid=lambda: unauthorized("The request authorization token is not valid."),
        expired=lambda _at: unauthorized("The request authorization token has expired."),
        wrong_audience=lambda audience: unauthorized(f"The audience '{audience}' is not valid for this topic."),
        forbidden=lambda claims, action, scope: unauthorized(
            f"The principal associated with access token presented with the incoming request does not have permission "
            f"to send data to {scope} ({action}, oid {claims.object_id})."
        ),
    )


class EventGridTopic:
    """One topic behind one port."""

    name = "eventgrid"

    def __init__(self, guard: Guard, scope: str, now: Callable[[], datetime]) -> None:
        self.scope = scope
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda _event: None
        self._guard = guard
        self._now = now

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        if call.method == "POST" and call.path.rstrip("/").lower() == "/api/events":
            return Operation("EventGrid.publish", self.scope, self._publish)
        return Operation("EventGrid.unknown", call.path, lambda _: Reply(404))

    def _publish(self, call: Call) -> Reply:
        claims = self._guard.authenticate(call)
        self._guard.authorize(claims, SEND, self.scope)
        if call.query.get("api-version") != API_VERSION:
            return error(400, "BadRequest", f"The api-version must be {API_VERSION}.")
        if len(call.body) > _LARGEST_BATCH:
            return error(413, "RequestEntityTooLarge", "The maximum size (1048576) has been exceeded.")
        named = call.headers.get("Content-Type", "").partition(";")[0].strip().lower() in _CLOUD_EVENTS
        events = [self._understood(event, named_cloud_events=named) for event in _events(call)]
        self.events.extend(events)
        for event in events:
            self.on_event(event)
        return Reply(200)

    def _understood(self, event: object, *, named_cloud_events: bool) -> Event:
        """As a CloudEvent, whichever of the two schemas it came in. The content type must say which."""
        if isinstance(event, dict) and all(name in event for name in _CLOUD_EVENT):
            if not named_cloud_events:
                raise Refused(_other_schema("EventGridEvent"))
            if event["specversion"] != "1.0":
                raise Refused(error(400, "BadRequest", "Only CloudEvents 1.0 are supported."))
            return event
        if isinstance(event, dict) and all(name in event for name in _GRID_EVENT):
            if named_cloud_events:
                raise Refused(_other_schema("CloudEventV10"))
            return {
                "specversion": "1.0",
                "id": event["id"],
                "source": self.scope,
                "subject": event["subject"],
                "type": event["eventType"],
                "time": event["eventTime"],
                "data": event["data"],
            }
        raise Refused(error(400, "BadRequest", "An event lacks an attribute its schema requires."))


def _other_schema(name: str) -> Reply:
    return error(
        400,
        "BadRequest",
        f"This resource is configured to receive event in '{name}' schema. The JSON received does not conform to the "
        "expected schema.",
    )


def _events(call: Call) -> list[object]:
    try:
        content = call.json()
    except ValueError as unreadable:
        raise Refused(error(400, "BadRequest", "The request content is not JSON.")) from unreadable
    return content if isinstance(content, list) else [content]


def in_event_grid_schema(event: Event, now: datetime) -> Event:
    """A CloudEvent as subscribers to the Event Grid schema get it."""
    return {
        "id": event["id"],
        "topic": event["source"],
        "subject": event.get("subject", ""),
        "eventType": event["type"],
        "eventTime": event.get("time") or timestamp(now.astimezone(UTC)),
        "data": event.get("data"),
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }
