"""What the last sweep came to: the record by which an operator, or a monitor, sees that sweeps happen at all."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import Field

from shared.domain.wire import Wire

NO_SWEEP = "NoSweep"
POISON_MESSAGES = "PoisonMessages"
ANNOUNCEMENT_PENDING = "AnnouncementPending"
WITHOUT_SWEEPS = (
    "nothing is rotated or repaired by schedule. Restart the function app, or deploy it again; until its timer fires, "
    "call POST /api/rotate without a body from outside"
)


class Finding(Wire):
    """What would keep one resource, all of a subscription, or (`resource` empty) the whole app from rotating."""

    resource: str = Field(description="ARM id of the resource or the subscription; empty: the app itself")
    code: str
    message: str


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
    not_enqueued: int = Field(0, description="How many messages the queue did not take")
    overdue: int = Field(0, description="How many resources are past due by more than the grace")
    unreadable: tuple[Unreadable, ...] = ()
    findings: tuple[Finding, ...] = Field((), description="What it found wrong with single resources; a few of each")
    unobserved: Mapping[str, datetime] = Field({}, alias="unseen")


def is_silent(heartbeat: Heartbeat | None, now: datetime, *, after: timedelta) -> bool:
    """Whether no sweep has ended for so long, or ever."""
    return heartbeat is None or now > heartbeat.ended_at + after
