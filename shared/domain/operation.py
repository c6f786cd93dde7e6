"""What `GET /rotations/{id}` reads: a small value beside the records, one for each rotation id."""

from datetime import datetime

from shared.domain.record import Outcome, Result
from shared.domain.wire import Wire


class Operation(Wire):
    """What `GET /rotations/{id}` reads: which resource a rotation id is about, and how it ended once it has."""

    rotation_id: str
    resource: str
    requested_at: datetime
    outcome: Outcome | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will come. What was abandoned is decided again at once, under the same id."""
        return self.outcome is not None and self.outcome.result is not Result.ABANDONED
