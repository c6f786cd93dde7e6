"""Errors as an HTTP caller reads them: problem details (RFC 9457) whose type is stable.

`PROBLEMS` lists every problem with its HTTP status and its title; the OpenAPI document and docs/http.md list the same.
"""

import json
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import KeyReused, Misconfigured, NotManaged, NotPermitted, Retryable, RotationError
from shared.http.messages import HttpResponse

PROBLEM = "application/problem+json"
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


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """A request that cannot be served. `code` is one of `PROBLEMS`; `detail` says what the caller can do about it.

    `members` are the RFC's extension members, JSON values: a `code` among them names the cause behind the problem.
    `headers` are sent with the response.
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
    def response(self) -> HttpResponse:
        """The problem in the form of RFC 9457."""
        status, title = PROBLEMS[self.code]
        kind = TYPE_PREFIX + self.code
        content = {"type": kind, "title": title, "status": status, "detail": self.detail, "code": self.code}
        # ASCII, because the caller's own text may be quoted, and not all of it can be encoded as UTF-8.
        body = json.dumps(content | self.members, separators=(",", ":")).encode()
        return HttpResponse(status, body, self.headers, PROBLEM)


def problem_of(error: RotationError) -> Problem:
    """The problem for an error of the app; the error's own code is in the member `code`."""
    match error:
        case NotManaged() | KeyReused() | Misconfigured() | NotPermitted():
            return Problem(error.code, error.message)
        case Retryable():
            wait = round(error.retry_after or _RETRY_AFTER_SECONDS)
            return Problem("Unavailable", error.message, headers={"Retry-After": str(wait)}, code=error.code)
        case _:
            return Problem("ServiceFailed", error.message, code=error.code)
