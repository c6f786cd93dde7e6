"""One event that consumers and operators receive: stored with the outcome it announces, then sent at least once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.domain.wire import Wire


class OutgoingEvent(Wire):
    """One event. Sent twice it is the same event, and consumers can tell by its id.

    `source` is the resource's ARM id, `subject` the secret's name where one is known. None values of `data` are left
    out when it is sent. `distinction` tells two facts of one rotation and one kind apart.
    """

    kind: str
    rotation_id: str
    source: str
    subject: str
    time: datetime
    data: Mapping[str, Any]
    distinction: str = ""

    @property
    def id(self) -> str:
        """The rotation's id and what happened (CloudEvents: source and id are unique for each distinct event)."""
        return "-".join(part for part in (self.rotation_id, self.kind, self.distinction) if part)
