"""What the last sweep came to: the record by which an operator, or a monitor, sees that sweeps happen at all."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from shared.domain.wire import Wire


class Unreadable(Wire):
    """A subscription or resource group that could not be listed. What was known of it is swept all the same."""

    subscription: str = Field(description="Its GUID; of a group with /resourceGroups/ and the name")
    code: str
    message: str


class Heartbeat(Wire):
    """One sweep. `unobserved` are the managed resources that no worker has ever looked at, and since when (UTC)."""

    started_at: datetime
    ended_at: datetime
    resources: int = Field(description="How many resources are managed")
    enqueued: int = Field(description="How many messages were put on the queue")
    overdue: int = Field(0, description="How many resources are past due by more than the grace")
    unreadable: tuple[Unreadable, ...] = ()
    unobserved: Mapping[str, datetime] = Field({}, alias="unseen")
