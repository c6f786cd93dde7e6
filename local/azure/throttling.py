"""How much Azure lets a caller ask: Resource Manager's token buckets and Key Vault's transactions per ten seconds.

Sources: "Understand how Azure Resource Manager throttles requests" (buckets since 2024, per subscription, service
principal and kind of operation, and a subscription-wide one of fifteen times the size) and "Azure Key Vault service
limits". Off until switched on: a test that is not about throttling should not have to think of it.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from local.azure.call import Refused, Reply, error
from local.azure.clock import Clock

Kind = Literal["reads", "writes", "deletes"]

BUCKETS: Mapping[Kind, tuple[int, int]] = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
"""Tokens a bucket holds, and how many come back each second."""

_ALL_PRINCIPALS = 15
_WORDS: Mapping[Kind, str] = {"reads": "read", "writes": "write", "deletes": "delete"}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


class TokenBuckets:
    """Resource Manager's. Polling and `listKeys` draw on them like anything else; a POST is a write."""

    def __init__(self, clock: Clock) -> None:
        self.enabled = False
        self._clock = clock
        self._buckets: dict[tuple[str, str, Kind], _Bucket] = {}

    def take(self, subscription: str, principal: str, method: str) -> dict[str, str]:
        """One token; the header that tells how many are left. Raises Refused with 429 and Retry-After."""
        kind: Kind = "reads" if method in ("GET", "HEAD") else "deletes" if method == "DELETE" else "writes"
        size, rate = BUCKETS[kind]
        header = f"x-ms-ratelimit-remaining-subscription-{kind}"
        if not self.enabled:
            return {header: str(size - 1)}
        mine = self._filled((subscription.lower(), principal, kind), size, rate)
        everyone = self._filled((subscription.lower(), "", kind), size * _ALL_PRINCIPALS, rate * _ALL_PRINCIPALS)
        if mine.tokens < 1 or everyone.tokens < 1:
            seconds = max(1, math.ceil((1 - mine.tokens) / rate))
            raise Refused(
                error(
                    429,
                    "SubscriptionRequestsThrottled",
                    f"Number of '{_WORDS[kind]}' requests for subscription '{subscription}' actor '{principal}' "
                    f"exceeded. Please try again after '{seconds}' seconds after additional tokens are available. "
                    "Refer to https://aka.ms/arm-throttling for additional information.",
                    headers={"Retry-After": str(seconds), header: "0"},
                )
            )
        mine.tokens -= 1
        everyone.tokens -= 1
        return {header: str(int(mine.tokens))}

    def clear(self) -> None:
        """All full again, and switched off."""
        self.enabled = False
        self._buckets.clear()

    def _filled(self, key: tuple[str, str, Kind], size: int, rate: int) -> _Bucket:
        now = self._clock.seconds()
        bucket = self._buckets.setdefault(key, _Bucket(size, now))
        bucket.tokens = min(size, bucket.tokens + max(0.0, now - bucket.filled) * rate)
        bucket.filled = now
        return bucket


_SECONDS = 10.0
_CREATES = 300
_OTHERS = 4000


class Transactions:
    """One vault's: 300 creates of secrets and 4,000 other transactions in any ten seconds."""

    def __init__(self, clock: Clock) -> None:
        self.enabled = False
        self._clock = clock
        self._creates: deque[float] = deque()
        self._others: deque[float] = deque()

    def take(self, *, create: bool) -> None:
        """One transaction. Raises Refused with 429."""
        if not self.enabled:
            return
        now = self._clock.seconds()
        recent, most = (self._creates, _CREATES) if create else (self._others, _OTHERS)
        while recent and recent[0] <= now - _SECONDS:
            recent.popleft()
        if len(recent) >= most:
            reason = "Request was not processed because too many requests were received. Reason: "
            raise Refused(throttled(reason + "VaultRequestTypeLimitReached"))
        recent.append(now)

    def clear(self) -> None:
        """As if nothing had been asked, and switched off."""
        self.enabled = False
        self._creates.clear()
        self._others.clear()


def throttled(message: str) -> Reply:
    """Key Vault's 429; it is not documented to say when to come back."""
    return error(429, "Throttled", message)
