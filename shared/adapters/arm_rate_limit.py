"""How fast ARM may be asked: one view of each subscription's budget, shared by all that this worker does there.

ARM gives each principal two token buckets per subscription: reads hold 250 and get 25 back a second, writes 200 and 10
("Understand how Azure Resource Manager throttles requests"). A POST is a write, `listKeys` too. Every answer says what
is left. So a request waits here for its turn instead of being sent to be refused with 429, what was begun goes before
what is about to begin, and operations are polled as often as the reads allow, and no oftener.
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal, Self

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy, AsyncRetryPolicy

from shared.domain.errors import Throttled

READS, WRITES = (250, 25.0), (200, 10.0)
SOONEST_POLL_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
"""Whoever would wait longer than this to begin something gives its place in the worker to others."""

_FIRST_POLL_FACTOR = 8
_POLLS_PER_SECOND = 20.0  # from a full bucket: with the other reads of five rotations a second, what comes back
_SCARCEST = 0.125
_SLOWEST = 0.05
_RECOVERY_SECONDS = 60.0
_TOO_MANY = 429


class Permit:
    """A token in somebody's hand, from when it is granted to the answer: ARM's count may or may not know of it.

    It ends with its `with` block, or before that with `end`.
    """

    def __init__(self, bucket: "TokenBucket") -> None:
        self._bucket: TokenBucket | None = bucket

    def end(self) -> None:
        """The answer is there, or there will be none. Safe to call again."""
        if self._bucket is not None:
            self._bucket.ended()
        self._bucket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class TokenBucket:
    """The tokens that ARM has left for one kind of request, as far as its answers told."""

    def __init__(self, size: int, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._full_rate = self._rate = per_second
        self._clock = clock
        self._tokens = float(size)
        self._filled = clock()
        self._under_way = 0
        self._numbers = count()
        self._line: list[tuple[bool, int, asyncio.Future[Permit]]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def share_left(self) -> float:
        """How full it is, 0 to 1."""
        self._fill()
        return max(0.0, self._tokens / self._size)

    async def turn(self, *, urgent: bool = False) -> Permit:
        """Wait for a token and take it. `urgent`: before all that are not. Whoever has it must `end` it.

        Raises `Throttled` at once, with the time to wait, when something not urgent would wait too long.
        """
        self._fill()
        self._let_go()
        if not self._line and self._tokens >= 1:
            return self._grant()
        wait = (len(self._line) + 1 - self._tokens) / self._rate
        if not urgent and wait > LONGEST_WAIT_SECONDS:
            raise Throttled(
                f"ARM's budget of this subscription is spent for about {wait:.0f} s", step="pace", retry_after=wait
            )
        granted: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (not urgent, next(self._numbers), granted))
        self._look_later()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                granted.result().end()
                self._tokens += 1
            raise

    def ended(self) -> None:
        """A turn is over."""
        self._under_way -= 1

    def told(self, left: int) -> None:
        """ARM said how many tokens are left. Other workers of the app draw on the same bucket."""
        self._fill()
        self._tokens = float(min(self._size, left - self._under_way))

    def refused(self, retry_after: float) -> None:
        """ARM answered 429: nobody asks for `retry_after` seconds, and all ask slower for a while.

        Several workers each believe that they get all that comes back: slowing down is how they come to share it.
        """
        self._fill()
        if self._filled <= self._clock():  # one refusal of several that came together
            self._rate = max(self._full_rate * _SLOWEST, self._rate / 2)
        self._tokens = min(self._tokens, 0.0)
        self._filled = max(self._filled, self._clock() + retry_after)

    def _grant(self) -> Permit:
        self._tokens -= 1
        self._under_way += 1
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
        if self._timer is None and self._line:
            wait = max(0.0, self._filled - self._clock()) + max(0.0, 1 - self._tokens) / self._rate
            self._timer = asyncio.get_running_loop().call_later(wait, self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._fill()
        self._let_go()
        while self._line and self._tokens >= 1:
            heapq.heappop(self._line)[2].set_result(self._grant())
            self._let_go()
        self._look_later()

    def _let_go(self) -> None:
        """Forget those at the head of the line who have left it."""
        while self._line and self._line[0][2].done():
            heapq.heappop(self._line)


class RateLimiter:
    """One subscription, as this worker sees it. `soonest_poll_seconds`: how closely a single operation is looked at."""

    def __init__(
        self,
        *,
        soonest_poll_seconds: float = SOONEST_POLL_SECONDS,
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
    """Lets each request to ARM wait for its turn, and learns from each answer.

    Two options of a request count here: `urgent`, and `turn` of what has waited for its turn already.
    """

    def __init__(self, pace: RateLimiter) -> None:
        super().__init__()
        self._pace = pace

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send it in its turn. Raises `Throttled` when the line is too long."""
        bucket = self._pace.of(request.http_request.method)
        urgent = bool(request.context.options.pop("urgent", False))
        turn = request.context.options.pop("turn", None) or await bucket.turn(urgent=urgent)
        with turn:
            response = await self.next.send(request)
        headers = response.http_response.headers
        left = headers.get(f"x-ms-ratelimit-remaining-subscription-{self._pace.kind(request.http_request.method)}", "")
        if response.http_response.status_code == _TOO_MANY:
            wait = headers.get("Retry-After", "")
            bucket.refused(float(wait) if wait.isdigit() else 1.0)
        elif left.isdigit():
            bucket.told(int(left))
        return response


class ArmRetryPolicy(AsyncRetryPolicy[Any, Any]):
    """azure-core's retries, but a write that ARM throttles comes back at once: its message can wait in the queue."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether to repeat it here."""
        throttled = response.http_response.status_code == _TOO_MANY
        write = response.http_request.method not in {"GET", "HEAD"}
        return not (throttled and write) and bool(super().is_retry(settings, response))
