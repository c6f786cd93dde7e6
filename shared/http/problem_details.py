"""How the app answers an HTTP caller: with content, or with a problem (RFC 9457) whose type is stable.

Every problem there is stands in `PROBLEMS`, with its HTTP status and its title; the OpenAPI document and docs/http.md
list the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.domain.errors import KeyReused, Misconfigured, NotManaged, NotPermitted, Retryable, RotationError

JSON, PROBLEM = "application/json", "application/problem+json"
TYPE_PREFIX = "urn:signalr-key-rotation:problem:"
_RETRY_AFTER_SECONDS = 10

# Code: HTTP status and title. Codes of errors and refusals that only an outcome can have are not listed here.
PROBLEMS: Mapping[str, tuple[int, str]] = {
    "InvalidRequest": (400, "The request cannot be understood"),
    "InvalidHeader": (400, "A header of the request cannot be understood"),
    "InvalidQuery": (400, "The query of the address cannot be understood"),
    "InvalidEvents": (400, "The body holds no event that can be read"),
    "HandshakeIncomplete": (400, "The handshake names no origin"),
    "RoleMissing": (403, "The caller lacks the app role that this app asks for"),
    "AuthenticationNotEnabled": (403, "An app role is asked for, but the platform does not authenticate callers"),
    "NotManaged": (404, "The resource is not one of those this app manages"),
    "RotationNotFound": (404, "Nothing is known under this rotation id"),
    "MethodNotAllowed": (405, "This address does not offer that method"),
    "RotationRefused": (409, "What was asked would hurt, and was not done"),
    "BodyTooLarge": (413, "The body is larger than what is read"),
    "UnsupportedMediaType": (415, "The body is not of a type that is read"),
    "IdempotencyKeyReused": (422, "This Idempotency-Key was used for a different request"),
    "Misconfigured": (500, "A setting or a tag is wrong"),
    "NotPermitted": (500, "The app lacks a right"),
    "RotationFailed": (502, "The rotation failed"),
    "ServiceFailed": (502, "A service that the app needs refused"),
    "Unhealthy": (503, "Something would keep rotations from succeeding"),
    "Unavailable": (503, "A service that the app needs does not answer now"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """A request that can't be served as it is. `code` is one of `PROBLEMS`; `detail` says how to mend it.

    `members` are the RFC's extension members, JSON values: a `code` among them says what lies behind the problem's own.
    `headers` go with the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,  # noqa: ANN401 - JSON values
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    @property
    def answer(self) -> Answer:
        """The problem as RFC 9457 writes it down."""
        status, title = PROBLEMS[self.code]
        body = {
            "type": f"{TYPE_PREFIX}{self.code}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "code": self.code,
        }
        # ASCII, because a caller's own words may be quoted, and not all of them can be written as UTF-8.
        content = json.dumps(body | self.members, separators=(",", ":")).encode()
        return Answer(status, content, self.headers, PROBLEM)


def problem_of(error: RotationError) -> Problem:
    """How an error of the app reads to a caller; its own code stands in the member `code`."""
    match error:
        case NotManaged() | KeyReused() | Misconfigured() | NotPermitted():
            return Problem(error.code, error.message)
        case Retryable():
            wait = round(error.retry_after or _RETRY_AFTER_SECONDS)
            return Problem("Unavailable", error.message, headers={"Retry-After": str(wait)}, code=error.code)
        case _:
            return Problem("ServiceFailed", error.message, code=error.code)
