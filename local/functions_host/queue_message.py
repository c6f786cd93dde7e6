"""A queue message as the function gets it: its text, and the trigger's metadata with the message's own fields over it.

The platform's host takes each field of a message that is a JSON object for trigger metadata, and lets it replace the
trigger's own of the same name in any case. So a foreign message with a field such as `InsertionTime` fails in the
worker library, before any code of the app runs.
"""

import base64
import binascii
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from azure.storage.queue import QueueMessage

_LATEST = "9999-12-31T23:59:59.9999999+00:00"


class NoBase64Error(Exception):
    """The text is no base64: the platform gives such a message up without a try."""


class NoTextError(Exception):
    """The base64 is no UTF-8: the platform fails at binding, and tries again."""


def decoded(message: QueueMessage, *, base64_encoded: bool) -> str:
    """The message's text. Raises `NoBase64Error`, `NoTextError`."""
    if not base64_encoded:
        return str(message.content)
    try:
        content = base64.b64decode(message.content, validate=True)
    except binascii.Error as error:
        raise NoBase64Error from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NoTextError from error


def metadata_of(message: QueueMessage, text: str, protos: SimpleNamespace) -> dict[str, Any]:
    """What the trigger tells of a message that was received."""
    typed = protos.TypedData
    own: dict[str, Any] = {
        "QueueTrigger": typed(string=text),
        "Id": typed(string=message.id),
        "PopReceipt": typed(string=message.pop_receipt),
        "DequeueCount": typed(json=str(message.dequeue_count)),
        "InsertionTime": typed(json=_moment(message.inserted_on)),
        "ExpirationTime": typed(json=_moment(message.expires_on)),
        "NextVisibleTime": typed(json=_moment(message.next_visible_on)),
    }
    return _overlaid(own, text, protos)


def metadata_by_hand(text: str, protos: SimpleNamespace) -> dict[str, Any]:
    """What it tells of a run by hand: no id, no pop receipt, and dates that never come."""
    typed = protos.TypedData
    own: dict[str, Any] = {
        "QueueTrigger": typed(string=text),
        "DequeueCount": typed(json="0"),
        "InsertionTime": typed(json=_moment(datetime.now(UTC))),
        "ExpirationTime": typed(json=json.dumps(_LATEST)),
        "NextVisibleTime": typed(json=json.dumps(_LATEST)),
    }
    return _overlaid(own, text, protos)


def _overlaid(own: dict[str, Any], text: str, protos: SimpleNamespace) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError:
        return own
    if not isinstance(fields, dict):
        return own
    names = {name.lower(): name for name in own}
    for name, value in fields.items():
        own[names.get(str(name).lower(), str(name))] = _typed(value, protos)
    return own


def _typed(value: object, protos: SimpleNamespace) -> Any:  # noqa: ANN401 - TypedData
    if value is None:
        return protos.TypedData()
    return protos.TypedData(string=value) if isinstance(value, str) else protos.TypedData(json=json.dumps(value))


def _moment(moment: datetime | None) -> str:
    return json.dumps(moment.isoformat() if moment else None)
