"""When a message that met an error is attempted again, and for how long: backoff, jitter, deadline.

A service that says when to come back is taken at its word; after that the waits grow all the same, or a short
`Retry-After` would have a message come back a thousand times in an hour.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import Retryable, Throttled
from shared.domain.requests import QueuedMessage

PATIENCE = timedelta(hours=1)  # how long an error is retried before it is reported
THROTTLED_PATIENCE = timedelta(hours=12)  # waiting for ARM's rate limit is no failure: at 5 rotations a second, 200,000
FIRST_SECONDS, LONGEST_SECONDS = 30.0, 600.0
JITTER = 0.25
_THROTTLED_SECONDS = 15.0  # Key Vault does not say when to come back


@dataclass(frozen=True, slots=True)
class Retry[Message: QueuedMessage]:
    """The message as it is to be sent again, and how long after now."""

    message: Message
    delay: timedelta


def next_attempt[Message: QueuedMessage](
    message: Message, error: Retryable, *, requested_at: datetime, now: datetime
) -> Retry[Message] | None:
    """The next attempt after this error; None when patience is at its end.

    Patience begins with the request, or where the message last waited for a rate limit: an hour in line uses up none.
    """
    throttled = isinstance(error, Throttled)
    begun = requested_at if throttled else max(requested_at, message.throttled_at or requested_at)
    left = begun + (THROTTLED_PATIENCE if throttled else PATIENCE) - now
    if left < timedelta():
        return None
    seconds = backoff_seconds(error, message.attempts)
    # What a service asks for beyond our patience is met at the end of it: the last attempt decides.
    seconds = min(seconds, max(left.total_seconds(), FIRST_SECONDS))
    delay = timedelta(seconds=seconds)
    changes: dict[str, object] = {"attempts": message.attempts + 1}
    if throttled:
        changes["throttled_at"] = now + delay
    return Retry(message.model_copy(update=changes), delay)


def backoff_seconds(error: Retryable, attempts: int) -> float:
    """How long to wait after so many attempts: doubled each time up to the longest, and up to a quarter more."""
    own = _THROTTLED_SECONDS if isinstance(error, Throttled) else FIRST_SECONDS
    base = max(error.retry_after, 1.0) if error.retry_after else own
    doubled = min(base * float(2 ** min(attempts, 10)), LONGEST_SECONDS / (1 + JITTER))
    # As long as was asked for at least: a message that comes early is refused, and comes once more.
    return max(doubled, base) * random.uniform(1, 1 + JITTER)  # noqa: S311 - no secret
