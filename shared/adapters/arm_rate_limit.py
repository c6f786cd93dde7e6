"""ARM's rate limits: a token bucket for each subscription, shared by all that this worker does there.

ARM gives each principal two token buckets per subscription: reads hold 250 and get 25 back a second, writes 200 and 10
("Understand how Azure Resource Manager throttles requests"). A POST is a write, `listKeys` too. Every answer says what
is left. So a request waits here for a permit instead of being answered 429, runs that have begun go before those
that have not, and operations are polled as often as the reads allow, and no oftener.
"""

import asyncio
import heapq
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal, Self

from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from shared.adapters.azure_errors import seconds_to_wait
from shared.adapters.http_transport import LONGEST_WAIT_SECONDS, BoundedRetryPolicy
from shared.domain.errors import Throttled

READS, WRITES = (250, 25.0), (200, 10.0)

_FIRST_POLL_FACTOR = 8
_POLLS_PER_SECOND = 20.0  # from a full bucket: with the other reads of five rotations a second, what comes back
_SCARCEST = 0.125
_SLOWEST = 0.05
_RECOVERY_SECONDS = 60.0
_TOO_MANY = 429
_UNTOLD_WAIT_SECONDS = 1.0
_LEFT = "x-ms-ratelimit-remaining-"
_LEFT_TO_ALL = (f"{_LEFT}subscription-", f"{_LEFT}tenant-")
# What ARM calls its own limits. Any other code is a resource provider's, for one resource or region.
_ARMS_OWN = {"subscriptionrequeststhrottled", "tenantrequeststhrottled", "toomanyrequests"}


class Permit:
    """One token, in flight until the response: ARM's own count may or may not include it.

    It ends with its `with` block, or before that with `end`.
    """

    def __init__(self, bucket: "TokenBucket") -> None:
        self._bucket: TokenBucket | None = bucket

    def end(self) -> None:
        """The answer is there, or there will be none. Safe to call again."""
        if self._bucket is not None:
            self._bucket.permit_ended()
        self._bucket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class TokenBucket:
    """The tokens that ARM has left for one kind of request, as far as its answers said."""

    def __init__(self, size: int, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._full_rate = self._rate = per_second
        self._clock = clock
        self._tokens = float(size)
        self._filled = clock()
        self._slowed_until = self._filled
        self._in_flight = 0
        self._numbers = count()
        self._waiting: list[tuple[bool, int, asyncio.Future[Permit]]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def share_left(self) -> float:
        """How full it is, 0 to 1."""
        self._fill()
        return max(0.0, self._tokens / self._size)

    async def permit(self, *, urgent: bool = False) -> Permit:
        """Wait for a token and take it. `urgent`: before all that are not. It must be ended.

        Raises `Throttled`, with the time to wait, at once when it would wait too long, and when it has.
        """
        self._fill()
        self._drop_cancelled()
        if not self._waiting and self._tokens >= 1:
            return self._grant()
        if (wait := self._wait_seconds(urgent=urgent)) > LONGEST_WAIT_SECONDS:
            raise _spent(wait)
        granted: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._numbers), granted))
        self._look_later()
        try:
            await asyncio.wait({granted}, timeout=LONGEST_WAIT_SECONDS)
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                granted.result().end()
                self._tokens += 1
            granted.cancel()
            raise
        if not granted.done():  # a 429 came, or more that is urgent, since the wait was worked out
            granted.cancel()
            raise _spent(self._wait_seconds(urgent=urgent))
        return granted.result()

    def permit_ended(self) -> None:
        """A response arrived, or none will."""
        self._in_flight -= 1

    def learn(self, left: int) -> None:
        """ARM said how many tokens are left. Other workers of the app draw on the same bucket."""
        self._fill()
        self._tokens = float(min(self._size, left - self._in_flight))

    def throttled(self, retry_after: float) -> None:
        """ARM answered 429: no request for `retry_after` seconds, and fewer of them for a while.

        Several workers each believe that they get all that comes back: slowing down is how they come to share it.
        """
        self._fill()
        if self._filled <= self._clock():  # one refusal of several that came together
            self._halve()
        self._tokens = min(self._tokens, 0.0)
        self._filled = max(self._filled, self._clock() + retry_after)

    def slowed(self, retry_after: float) -> None:
        """What is behind ARM answered 429: fewer requests for a while, and nobody waits for `retry_after`.

        It is for one resource or region, and the bucket is for all of the subscription.
        """
        self._fill()
        now = self._clock()
        if self._slowed_until <= now:  # one refusal of several that came together
            self._halve()
        self._slowed_until = max(self._slowed_until, now + retry_after)

    def _halve(self) -> None:
        self._rate = max(self._full_rate * _SLOWEST, self._rate / 2)

    def _wait_seconds(self, *, urgent: bool) -> float:
        """How long the next permit will take: until a 429's Retry-After is over, then behind those before it."""
        before = sum(1 for late, _, granted in self._waiting if not granted.done() and not (urgent and late))
        blocked = max(0.0, self._filled - self._clock())
        return blocked + max(0.0, before + 1 - self._tokens) / self._rate

    def _grant(self) -> Permit:
        self._tokens -= 1
        self._in_flight += 1
        return Permit(self)

    def _fill(self) -> None:
        now = self._clock()
        if now <= self._filled:
            return
        passed = now - self._filled
        self._tokens = min(float(self._size), self._tokens + passed * self._rate)
        self._rate = min(self._full_rate, self._rate + passed * self._full_rate / _RECOVERY_SECONDS)
        self._filled = now

    def _look_later(self) -> None:
        if self._timer is None and self._waiting:
            wait = max(0.0, self._filled - self._clock()) + max(0.0, 1 - self._tokens) / self._rate
            self._timer = asyncio.get_running_loop().call_later(wait, self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._fill()
        self._drop_cancelled()
        while self._waiting and self._tokens >= 1:
            heapq.heappop(self._waiting)[2].set_result(self._grant())
            self._drop_cancelled()
        self._look_later()

    def _drop_cancelled(self) -> None:
        """Forget the requests at the head of the line that were cancelled."""
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)


def _spent(wait: float) -> Throttled:
    return Throttled(
        f"ARM's rate limit of this subscription is used up for about {wait:.0f} s", step="pace", retry_after=wait
    )


class RateLimiter:
    """One subscription, as this worker sees it. `soonest_poll_seconds`: how often a single operation is polled."""

    def __init__(
        self,
        *,
        soonest_poll_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._soonest = soonest_poll_seconds
        self.reads = TokenBucket(*READS, clock=clock)
        self.writes = TokenBucket(*WRITES, clock=clock)
        self._running = 0

    def kind(self, method: str) -> Literal["reads", "writes"]:
        """What ARM counts a request of this method as."""
        return "reads" if method in {"GET", "HEAD"} else "writes"

    def of(self, method: str) -> TokenBucket:
        """The bucket that a request of this method draws on."""
        return self.reads if self.kind(method) == "reads" else self.writes

    @contextmanager
    def operation(self) -> Iterator[None]:
        """An operation runs, and is polled, while this lasts."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    @property
    def poll_seconds(self) -> float:
        """How long to wait between two looks at one operation: longer the more of them run, and the less is left.

        From a full bucket, looks and other reads together take what comes back; from half a bucket, half the looks.
        """
        left = max(self.reads.share_left, _SCARCEST)
        return max(self._soonest * max(1.0, 0.5 / left), self._running / (_POLLS_PER_SECOND * left))

    @property
    def first_poll_seconds(self) -> float:
        """When to look at an operation first: soon at one that is alone, late at a crowd.

        None was ever over soon, and a look that can find nothing costs a read and the worker's time.
        """
        return self.poll_seconds * _FIRST_POLL_FACTOR * max(1, self._running)


class RateLimitPolicy(AsyncHTTPPolicy[Any, Any]):
    """Lets each request to ARM wait for a permit, and learns from each answer.

    Two options of a request count here: `urgent`, and `permit` of what has waited for it already.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        super().__init__()
        self._limiter = limiter

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send it once permitted. Raises `Throttled` when that would take too long."""
        bucket = self._limiter.of(request.http_request.method)
        options = request.context.options
        permit = options.pop("permit", None)
        # Options are taken once, and a request that is repeated (a new token, a retry) comes here again.
        urgent = request.context.setdefault("urgent", bool(options.pop("urgent", False)) or permit is not None)
        with permit or await bucket.permit(urgent=urgent):
            response = await self.next.send(request)
        headers = response.http_response.headers
        left = headers.get(f"{_LEFT}subscription-{self._limiter.kind(request.http_request.method)}", "")
        if response.http_response.status_code == _TOO_MANY:
            told = seconds_to_wait(headers)
            wait = _UNTOLD_WAIT_SECONDS if told is None else told
            if await _is_arms_own(response.http_response):
                bucket.throttled(wait)
            else:
                bucket.slowed(wait)
        elif left.isdigit():
            bucket.learn(int(left))
        return response


async def _is_arms_own(response: Any) -> bool:  # noqa: ANN401 - azure-core's response, read or not
    """Whether a 429 is of a limit that all of the subscription shares. So is one that does not say whose it is.

    ARM passes on what a resource provider answers for one resource ("Understand how Azure Resource Manager throttles
    requests"): whoever took that for its own would keep a leaked key alive because its neighbour is busy.
    """
    if any(name.lower().startswith(_LEFT_TO_ALL) and value == "0" for name, value in response.headers.items()):
        return True
    try:
        if hasattr(response, "read"):  # what newer SDKs get is not read yet; the other kind has no such method
            await response.read()
        told = json.loads(response.text())
        code = str(told.get("error", told)["code"])
    except (AzureError, ValueError, LookupError, TypeError, AttributeError):  # a broken answer, no JSON, another shape
        return True
    return not code or code.lower() in _ARMS_OWN


class ArmRetryPolicy(BoundedRetryPolicy):
    """The same, but a write that ARM throttles comes back at once: its message can wait in the queue."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether to repeat it here."""
        throttled = response.http_response.status_code == _TOO_MANY
        write = response.http_request.method not in {"GET", "HEAD"}
        return not (throttled and write) and super().is_retry(settings, response)
