"""Errors as an HTTP caller reads them: problem details (RFC 9457) whose type is stable.

`PROBLEMS` lists every problem with its HTTP status and its title; the OpenAPI document and docs/reference/problems.md
list the same.
"""

import json
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import KeyReused, Misconfigured, NotManaged, NotPermitted, Retryable, RotationError
from shared.domain.guidance import GUIDES, anchor
from shared.http.messages import HttpResponse

PROBLEM = "application/problem+json"
TYPE_PREFIX = "urn:signalr-key-rotation:problem:"
_RETRY_AFTER_SECONDS = 10

# Code: HTTP status and title. Codes of errors and refusals that only an outcome can have are not listed here.
PROBLEMS: Mapping[str, tuple[int, str]] = {
    "InvalidRequest": (400, "Invalid request body"),
    "InvalidHeader": (400, "Invalid request header"),
    "InvalidQuery": (400, "Invalid query parameter"),
    "RoleMissing": (403, "Required app role is missing"),
    "AuthenticationNotEnabled": (403, "App Service authentication is disabled"),
    "NotManaged": (404, "Resource is not managed"),
    "RotationNotFound": (404, "Rotation not found"),
    "MethodNotAllowed": (405, "Method not allowed"),
    "RotationRefused": (409, "Rotation rejected"),
    "LengthRequired": (411, "Content-Length required"),
    "BodyTooLarge": (413, "Request body too large"),
    "UnsupportedMediaType": (415, "Unsupported media type"),
    "IdempotencyKeyReused": (422, "Idempotency-Key reused with a different request"),
    "Misconfigured": (500, "Invalid setting or tag"),
    "NotPermitted": (500, "Missing Azure permission"),
    "RotationFailed": (502, "Rotation failed"),
    "ServiceFailed": (502, "Azure service rejected the call"),
    "Unhealthy": (503, "Health check failed"),
    "Unavailable": (503, "Azure service unavailable, retry"),
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
        cause = str(self.members.get("code", self.code))
        if cause in GUIDES:
            content["help"] = anchor(cause)
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
