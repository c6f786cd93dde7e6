"""The view of a subscription's budget: who waits, who goes first, and what an answer teaches."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy
from azure.core.rest import HttpRequest

from shared.adapters.arm_rate_limit import LONGEST_WAIT_SECONDS, Permit, RateLimiter, RateLimitPolicy, TokenBucket
from shared.domain.errors import Throttled


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


async def taken(turn: Awaitable[Permit]) -> bool:
    """Whether the turn comes at once."""
    task = asyncio.ensure_future(turn)
    await asyncio.sleep(0)
    done = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return done


class Rejecting(AsyncHTTPPolicy[Any, Any]):
    """ARM, which takes no token."""

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """401, without a word on the budget."""
        return PipelineResponse(request.http_request, SimpleNamespace(status_code=401, headers={}), request.context)


async def test_a_full_bucket_lets_its_size_through_and_no_more(clock: Seconds) -> None:
    bucket = TokenBucket(3, 1.0, clock=clock)

    assert [True, True, True, False] == [await taken(bucket.permit()) for _ in range(4)]


async def test_tokens_come_back_at_the_buckets_rate(clock: Seconds) -> None:
    bucket = TokenBucket(2, 1.0, clock=clock)
    bucket.learn(0)

    clock.now = 1.5

    assert [True, False] == [await taken(bucket.permit()) for _ in range(2)]


async def test_turn_that_was_granted_is_not_given_away_by_an_answer_that_does_not_know_of_it(clock: Seconds) -> None:
    """What has its turn looks once more at what it is about to change before it asks."""
    bucket = TokenBucket(200, 10.0, clock=clock)
    waiting = await bucket.permit()

    bucket.learn(2)

    assert [True, False] == [await taken(bucket.permit()) for _ in range(2)]
    waiting.end()


async def test_turn_that_was_given_up_counts_no_more(clock: Seconds) -> None:
    bucket = TokenBucket(200, 10.0, clock=clock)
    turn = await bucket.permit()
    turn.end()
    turn.end()

    bucket.learn(2)

    assert [True, True, False] == [await taken(bucket.permit()) for _ in range(3)]


async def test_turn_ends_with_its_block_also_where_that_fails(clock: Seconds) -> None:
    bucket = TokenBucket(200, 10.0, clock=clock)

    with suppress(Throttled), await bucket.permit():
        raise Throttled("the world moved on")
    bucket.learn(1)

    assert [True, False] == [await taken(bucket.permit()) for _ in range(2)]


async def test_what_arm_says_is_left_counts_and_not_what_was_counted_here(clock: Seconds) -> None:
    """Other workers draw on the same bucket."""
    bucket = TokenBucket(200, 10.0, clock=clock)

    bucket.learn(1)

    assert [True, False] == [await taken(bucket.permit()) for _ in range(2)]


async def test_what_was_begun_goes_before_what_would_begin() -> None:
    bucket, order = TokenBucket(1, 50.0), []
    await bucket.permit()

    async def come(name: str, *, urgent: bool) -> None:
        await bucket.permit(urgent=urgent)
        order.append(name)

    await asyncio.gather(come("first", urgent=False), come("second", urgent=False), come("begun", urgent=True))

    assert ["begun", "first", "second"] == order


async def test_who_would_wait_too_long_to_begin_is_told_how_long(clock: Seconds) -> None:
    bucket = TokenBucket(1, 0.01, clock=clock)
    await bucket.permit()

    with pytest.raises(Throttled) as told:
        await bucket.permit()

    assert told.value.retry_after is not None
    assert told.value.retry_after > LONGEST_WAIT_SECONDS


async def test_a_refusal_holds_everybody_for_as_long_as_arm_asks(clock: Seconds) -> None:
    bucket = TokenBucket(200, 10.0, clock=clock)
    bucket.throttled(5)

    clock.now = 4.9
    early = await taken(bucket.permit())
    clock.now = 5.5
    late = await taken(bucket.permit())

    assert (False, True) == (early, late)


async def test_a_refusal_slows_down_for_a_while(clock: Seconds) -> None:
    """So that several workers come to share what comes back, although none knows of the others."""
    bucket = TokenBucket(200, 10.0, clock=clock)
    bucket.throttled(1)

    clock.now = 1.15  # at the full rate one token would be back
    halved = await taken(bucket.permit())
    clock.now = 200.0
    bucket.learn(0)
    clock.now = 200.15
    recovered = await taken(bucket.permit())

    assert (False, True) == (halved, recovered)


async def test_refusals_of_a_provider_that_come_together_halve_the_rate_once(clock: Seconds) -> None:
    bucket = TokenBucket(200, 10.0, clock=clock)
    for _ in range(3):
        bucket.slowed(5)
    bucket.learn(0)

    clock.now = 0.15  # at the full rate one token would be back, at half of it not yet
    early = await taken(bucket.permit())
    clock.now = 0.25
    late = await taken(bucket.permit())

    assert (False, True) == (early, late)


async def test_who_leaves_the_line_leaves_its_token() -> None:
    bucket = TokenBucket(1, 20.0)
    await bucket.permit()
    leaving, staying = (asyncio.create_task(bucket.permit()) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()

    await asyncio.wait_for(staying, 1)
    assert staying.done()


@pytest.mark.parametrize("urgent", [False, True])
async def test_a_long_refusal_is_told_at_once_to_everybody(clock: Seconds, *, urgent: bool) -> None:
    """What has begun as well: its message waits in the queue, and its lease is free for others."""
    bucket = TokenBucket(200, 10.0, clock=clock)
    bucket.throttled(300)

    with pytest.raises(Throttled) as told:
        await asyncio.wait_for(bucket.permit(urgent=urgent), 1)

    assert told.value.retry_after == pytest.approx(300, abs=1)


async def test_what_was_begun_waits_behind_its_like_alone(clock: Seconds) -> None:
    """A line of others that is too long for a newcomer is none for it."""
    bucket = TokenBucket(1, 1.0, clock=clock)
    await bucket.permit()
    line = [asyncio.create_task(bucket.permit()) for _ in range(20)]
    await asyncio.sleep(0)

    with pytest.raises(Throttled):
        await asyncio.wait_for(bucket.permit(), 1)
    begun = asyncio.create_task(bucket.permit(urgent=True))
    await asyncio.sleep(0)

    assert not begun.done()
    for each in (*line, begun):
        each.cancel()
    await asyncio.gather(*line, begun, return_exceptions=True)


async def test_a_request_that_is_repeated_keeps_its_place(clock: Seconds) -> None:
    """A POST that had its permit was answered 401, and goes again with a new token while others wait to begin."""
    pace = RateLimiter(clock=clock)
    pace.writes.learn(1)
    permit = await pace.writes.permit(urgent=True)
    policy = RateLimitPolicy(pace)
    policy.next = Rejecting()
    request = PipelineRequest(HttpRequest("POST", "https://arm"), PipelineContext(None, permit=permit))
    await policy.send(request)
    line = [asyncio.create_task(pace.writes.permit()) for _ in range(3)]
    await asyncio.sleep(0)
    again = asyncio.create_task(policy.send(request))
    await asyncio.sleep(0)

    clock.now += 0.11  # one token is back
    await asyncio.wait({*line, again}, timeout=2, return_when=asyncio.FIRST_COMPLETED)

    assert (True, [False] * 3) == (again.done(), [each.done() for each in line])
    for each in (*line, again):
        each.cancel()
    await asyncio.gather(*line, again, return_exceptions=True)


def test_one_operation_is_looked_at_every_half_second(clock: Seconds) -> None:
    pace = RateLimiter(clock=clock)

    with pace.operation():
        assert 0.5 == pace.poll_seconds


def test_one_operation_is_looked_at_soon_and_each_of_a_crowd_late(clock: Seconds) -> None:
    pace = RateLimiter(clock=clock)
    with pace.operation():
        alone = pace.first_poll_seconds
        with pace.operation(), pace.operation(), pace.operation():
            together = pace.first_poll_seconds

    assert alone < 5
    assert together > 13


def test_a_crowd_of_operations_never_polls_faster_than_reads_come_back(clock: Seconds) -> None:
    pace = RateLimiter(clock=clock)
    running = [pace.operation() for _ in range(400)]
    for each in running:
        each.__enter__()

    polls_a_second = len(running) / pace.poll_seconds

    assert polls_a_second < 25


def test_polls_get_rarer_when_reads_get_scarce(clock: Seconds) -> None:
    """Whoever else drew on them."""
    pace = RateLimiter(clock=clock)
    plenty = pace.poll_seconds

    pace.reads.learn(10)

    assert pace.poll_seconds > 3 * plenty


@pytest.mark.parametrize(("method", "kind"), [("GET", "reads"), ("HEAD", "reads"), ("POST", "writes")])
def test_posts_are_writes(method: str, kind: str) -> None:
    """`listKeys` among them."""
    assert kind == RateLimiter().kind(method)
