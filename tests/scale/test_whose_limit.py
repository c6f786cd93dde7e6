"""A 429 on its way through the pipeline: whose limit it was, who waits for it, and for how long."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import IncompleteReadError
from azure.core.pipeline import PipelineContext, PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy
from azure.core.rest import HttpRequest

from shared.adapters.arm_rate_limit import RateLimiter, RateLimitPolicy
from shared.domain.errors import Throttled
from tests.scale.test_pace import taken

_LEFT = "x-ms-ratelimit-remaining-subscription"


class Refusing(AsyncHTTPPolicy[Any, Any]):
    """Whoever answers 429, with this body and these headers."""

    def __init__(self, body: bytes, headers: dict[str, str] | None = None, *, fails: bool = False) -> None:
        super().__init__()
        self._body = body
        self._headers = headers or {"Retry-After": "5"}
        self._fails = fails

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """429."""
        answer = SimpleNamespace(status_code=429, headers=self._headers, read=self._read, text=self._body.decode)
        return PipelineResponse(request.http_request, answer, request.context)

    async def _read(self) -> bytes:
        if self._fails:
            raise IncompleteReadError("The connection is gone")
        return self._body


def coded(code: str) -> bytes:
    """A refusal in ARM's envelope."""
    return json.dumps({"error": {"code": code, "message": "Too many."}}).encode()


async def refused(answer: Refusing) -> RateLimiter:
    """A subscription's limits, after a POST there was answered so."""
    pace = RateLimiter(clock=lambda: 0.0)
    policy = RateLimitPolicy(pace)
    policy.next = answer
    await policy.send(PipelineRequest(HttpRequest("POST", "https://arm"), PipelineContext(None)))
    return pace


@pytest.mark.parametrize("code", ["ResourceRequestsThrottled", "OperationNotAllowed"])
async def test_what_a_provider_refuses_for_one_resource_holds_nobody_else(code: str) -> None:
    """A leaked key's revocation would wait for as long as its busy neighbour is told to."""
    pace = await refused(Refusing(coded(code), {"Retry-After": "300", f"{_LEFT}-writes": "150"}))

    assert await taken(pace.writes.permit())


@pytest.mark.parametrize(
    "body",
    [
        coded("SubscriptionRequestsThrottled"),
        coded("TenantRequestsThrottled"),
        coded("TooManyRequests"),
        b'{"code": "SubscriptionRequestsThrottled"}',
        coded(""),
        b"",
        b"<html>Slow down.</html>",
        b"[]",
        b'{"error": "Slow down."}',
        b"\xff",
    ],
)
async def test_what_arm_refuses_holds_everybody_and_so_does_what_names_no_limit(body: bytes) -> None:
    pace = await refused(Refusing(body))

    assert not await taken(pace.writes.permit())


async def test_refusal_whose_body_breaks_off_holds_everybody() -> None:
    pace = await refused(Refusing(b"", fails=True))

    assert not await taken(pace.writes.permit())


@pytest.mark.parametrize("name", [f"{_LEFT}-writes", "X-Ms-Ratelimit-Remaining-Tenant-Writes"])
async def test_refusal_that_says_that_nothing_is_left_holds_everybody_whatever_its_code(name: str) -> None:
    pace = await refused(Refusing(coded("New"), {"Retry-After": "5", name: "0"}))

    assert not await taken(pace.writes.permit())


async def test_a_refusal_may_give_a_date_to_wait_for() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    pace = await refused(Refusing(b"", {"Retry-After": soon}))

    with pytest.raises(Throttled) as told:
        await pace.writes.permit()

    assert told.value.retry_after == pytest.approx(300, abs=5)
