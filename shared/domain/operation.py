"""What `GET /rotations/{id}` reads: a small value beside the records, one for each rotation id."""

from datetime import datetime
from typing import Self

from pydantic import Field

from shared.domain.record import Outcome, Result
from shared.domain.requests import WorkItem
from shared.domain.wire import Wire


class OperationNote(Wire):
    """Why an operation has not ended yet: the error that its last attempt met, and when the next one comes."""

    code: str
    message: str
    retry_at: datetime


class Operation(Wire):
    """What `GET /rotations/{id}` reads: which resource a rotation id is about, and how it ended once it has.

    `item` is the message that was accepted, so that it can be sent again should it be lost; `asked_again_at`: when it
    was. `installation`: who accepted it; empty in operations of versions that named none.
    """

    rotation_id: str
    resource: str
    requested_at: datetime
    outcome: Outcome | None = None
    installation: str = ""
    item: WorkItem | None = Field(None, alias="request")
    note: OperationNote | None = None
    asked_again_at: datetime | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will come. What was abandoned is decided again at once, under the same id."""
        return self.outcome is not None and self.outcome.result is not Result.ABANDONED

    @classmethod
    def of(cls, item: WorkItem) -> Self:
        """The operation of an accepted request. What a list said of the resource is out of date when it is needed."""
        kept = item.model_copy(update={"listed": None, "traceparent": None})
        return cls(rotation_id=item.rotation_id, resource=item.resource, requested_at=item.requested_at, item=kept)

    def ended(self, outcome: Outcome) -> Self:
        """Ended so."""
        return self.model_copy(update={"outcome": outcome, "note": None})

    def retrying(self, note: OperationNote) -> Self:
        """To be attempted again, for this reason."""
        return self.model_copy(update={"note": note})

    def asked_again(self, now: datetime) -> Self:
        """Its message was sent once more."""
        return self.model_copy(update={"asked_again_at": now})
