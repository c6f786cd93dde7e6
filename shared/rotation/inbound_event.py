"""An Azure event, reduced to what may need action: a queue message. Pure; what it calls for is found out later.

Sources: "Event Grid event schema", "CloudEvents v1.0 schema", "Azure Key Vault as Event Grid source" and "Azure
subscription as an Event Grid source" (Microsoft Learn). Documented payloads disagree about the case of names and one
has a trailing space, so names in `data` are read without regard to either.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field

from shared.domain.requests import QueuedMessage
from shared.domain.resources import ResourceId

_EXPIRY = {"microsoft.keyvault.secretnearexpiry", "microsoft.keyvault.secretexpired"}
_ACTION = "microsoft.resources.resourceactionsuccess"
_REGENERATE = "/signalr/regeneratekey/action"
_SECRET_PATH = re.compile(r"/secrets/([0-9a-zA-Z-]{1,127})/([0-9a-zA-Z]{1,64})/?")


class InboundEvent(QueuedMessage):
    """One event, reduced to what may matter. As JSON it is a queue message; it holds nothing secret.

    `failing_since`: when a look at it first met an error that is retried.
    """

    event_id: str = Field(min_length=1, max_length=400)
    about: Literal["secret-expiry", "key-regenerated"]
    type: str
    vault_url: str = Field("", max_length=400, description="In lower case")
    secret_name: str = Field("", max_length=127)
    version: str = Field("", max_length=64)
    resource: str = Field("", max_length=400)
    failing_since: AwareDatetime | None = None


def inbound_event(event_id: object, kind: object, subject: object, data: object) -> InboundEvent | None:
    """The event, if it may need action; None for one of another type, or one that does not say what it is about.

    `kind` is the event's type. The values are a sender's: they may be of any type.
    """
    if not isinstance(event_id, str) or not isinstance(kind, str) or not isinstance(data, dict):
        return None
    try:
        return _inbound({"event_id": event_id, "type": kind.strip()}, _text(subject), _lower(data))
    except ValueError:  # of pydantic, or of an address that is none
        return None


def _inbound(known: dict[str, str], subject: str, data: Mapping[str, Any]) -> InboundEvent | None:
    kind = known["type"].lower()
    if kind in _EXPIRY:
        url = urlsplit(_text(data.get("id")))
        secret = _SECRET_PATH.fullmatch(url.path)
        if secret is None:
            return None
        vault = f"{url.scheme}://{url.netloc}".lower()
        return InboundEvent(about="secret-expiry", vault_url=vault, secret_name=secret[1], version=secret[2], **known)
    if kind == _ACTION and _text(data.get("operationname")).lower().endswith(_REGENERATE):
        named = map(ResourceId.leading, (_text(data.get("resourceuri")), subject))
        resource = next((found for found in named if found), None)
        return InboundEvent(about="key-regenerated", resource=str(resource), **known) if resource else None
    return None


def _lower(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name.strip().lower(): value for name, value in content.items()}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
