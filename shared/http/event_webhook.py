"""The Event Grid webhook: both handshakes, both schemas, and which events need action.

Sources: "Webhook event delivery", "Event Grid event schema", "CloudEvents v1.0 schema", "Azure Key Vault as Event Grid
source" and "Azure subscription as an Event Grid source" (Microsoft Learn); CloudEvents' HTTP binding and webhook
specification. Documented payloads disagree about the case of names and one has a trailing space, so names are read
without regard to either.
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.domain.resources import ResourceId
from shared.http.headers import check_body
from shared.http.messages import HttpRequest, HttpResponse
from shared.http.problem_details import Problem
from shared.rotation.incoming_events import InboundEvent

MOST_BODY_BYTES = 1_200_000  # Event Grid sends at most 1 MB in one delivery
MEDIA_TYPES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json")
_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_EXPIRY = {"microsoft.keyvault.secretnearexpiry", "microsoft.keyvault.secretexpired"}
_ACTION = "microsoft.resources.resourceactionsuccess"
_REGENERATE = "/signalr/regeneratekey/action"
_SECRET_PATH = re.compile(r"/secrets/([0-9a-zA-Z-]{1,127})/([0-9a-zA-Z]{1,64})/?")

log = logging.getLogger("rotation.events")


def handshake(headers: Mapping[str, str]) -> HttpResponse:
    """The response to CloudEvents' `OPTIONS`: the origin that is named may send, at the rate it requests.

    The platform has checked the function key. Raises `Problem` when no origin is named.
    """
    origin = headers.get("webhook-request-origin", "").strip()
    if not origin:
        raise Problem("HandshakeIncomplete", "OPTIONS is CloudEvents' handshake: send WebHook-Request-Origin")
    rate = headers.get("webhook-request-rate", "").strip()
    allowed = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": rate if rate.isdecimal() else "*"}
    return HttpResponse(200, headers=allowed | {"Allow": "POST, OPTIONS"})


def read(request: HttpRequest) -> list[Mapping[str, Any]]:
    """The events of one delivery with lower-case names, in either schema and any mode.

    What is no event is left out and logged. Raises `Problem` when nothing is left.
    """
    check_body(request, most=MOST_BODY_BYTES, allowed=MEDIA_TYPES)
    headers = request.headers
    try:
        content = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Problem("InvalidEvents", "the body is no JSON") from None
    if "ce-type" in headers and "ce-id" in headers:  # CloudEvents' binary mode: the body is the data alone
        attributes = {name: headers.get(f"ce-{name}", "") for name in ("id", "type", "source", "subject")}
        content = attributes | {"data": content}
    elements = content if isinstance(content, list) else [content]
    events = [event for event in map(_normalized, elements) if event is not None]
    if len(events) < len(elements):
        log.warning("events unreadable", extra={"unreadable": len(elements) - len(events), "read": len(events)})
    if not events:
        raise Problem("InvalidEvents", "no event with an id and a type is in the body")
    return events


def validation_code(events: list[Mapping[str, Any]]) -> str | None:
    """The code of Event Grid's validation event; None when there is no such event."""
    for event in events:
        if _type(event) == _VALIDATION.lower():
            code = event["data"].get("validationcode")
            return code if isinstance(code, str) else None
    return None


def inbound_events(events: list[Mapping[str, Any]]) -> list[InboundEvent]:
    """Those of these events that may need action. The others are logged and ignored."""
    found = []
    for event in events:
        try:
            inbound = _inbound(event)
        except ValueError:  # of pydantic, or of an address that is none
            inbound = None
        if inbound:
            found.append(inbound)
        else:
            log.info("event ignored", extra={"event_id": _excerpt(event["id"]), "event_type": _excerpt(event["type"])})
    return found


def _inbound(event: Mapping[str, Any]) -> InboundEvent | None:
    kind, data = _type(event), event["data"]
    known = {"event_id": event["id"], "type": event["type"].strip()}
    if kind in _EXPIRY:
        url = urlsplit(_text(data, "id"))
        secret = _SECRET_PATH.fullmatch(url.path)
        if secret is None:
            return None
        vault = f"{url.scheme}://{url.netloc}".lower()
        return InboundEvent(about="secret-expiry", vault_url=vault, secret_name=secret[1], version=secret[2], **known)
    if kind == _ACTION and _text(data, "operationname").lower().endswith(_REGENERATE):
        named = map(ResourceId.leading, (_text(data, "resourceuri"), _text(event, "subject")))
        resource = next((found for found in named if found), None)
        return InboundEvent(about="key-regenerated", resource=str(resource), **known) if resource else None
    return None


def _normalized(element: object) -> Mapping[str, Any] | None:
    """The event with lower-case names, its type under `type`; None for what has no id or no type."""
    if not isinstance(element, dict):
        return None
    event = _lower(element)
    event["type"] = event.get("type", event.get("eventtype"))
    if not all(isinstance(event.get(name), str) and event[name] for name in ("id", "type")):
        return None
    data = event.get("data")
    return event | {"data": _lower(data) if isinstance(data, dict) else {}}


def _lower(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name.strip().lower(): value for name, value in content.items()}


def _type(event: Mapping[str, Any]) -> str:
    return str(event["type"]).strip().lower()


def _excerpt(text: str) -> str:
    """A sender's text, cut and escaped for the log."""
    return ascii(text[:200])


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value.strip() if isinstance(value, str) else ""
