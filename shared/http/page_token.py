"""The `skipToken` of a page: where it begins in the list, in a form that only this app reads.

It carries its version and a check sum: one of an older version, or one that was changed on its way, is told from one
that holds. It proves nothing, and need not: whoever makes one up sees no more than whoever asks for all pages.
"""

import base64
import hashlib
import json

from shared.http.problem_details import Problem
from shared.rotation.inventory import PageStart

_VERSION = 1
_SUM_BYTES = 6


def encode(start: PageStart) -> str:
    """The token of the page that begins there."""
    content = json.dumps([_VERSION, start.marker, start.after], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_sum(content) + content).decode().rstrip("=")


def decode(token: str) -> PageStart:
    """Where the page begins; an empty token is the first page's. Raises `Problem` for what is no token of today."""
    if not token:
        return PageStart()
    try:
        whole = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        if _sum(whole[_SUM_BYTES:]) != whole[:_SUM_BYTES]:
            raise not_a_token()
        version, marker, after = json.loads(whole[_SUM_BYTES:])
    except (ValueError, TypeError):
        raise not_a_token() from None
    if version != _VERSION or not isinstance(marker, str) or not isinstance(after, str):
        raise not_a_token()
    return PageStart(marker, after)


def not_a_token() -> Problem:
    """The problem of a token that leads nowhere."""
    return Problem(
        "InvalidQuery",
        "skipToken is none that this version of the app gave: take it from a nextLink as it is, or leave it out and "
        "begin with the first page",
    )


def _sum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:_SUM_BYTES]
