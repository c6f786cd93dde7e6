"""One HTTP call and its answer, free of the platform's types.

What is the same for all addresses happens in this one place: the method, the caller's role, errors.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from shared import composition
from shared.domain.errors import RotationError
from shared.http import app_roles
from shared.http.problem_details import Answer, Problem, problem_of

_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

log = logging.getLogger("rotation.http")


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller sent. Names of headers are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> Mapping[str, str]:
        """The query's values. The platform's own reading of it leaves empty ones out, which are wrong as well."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def base(self) -> str:
        """Where the API begins, as the caller addressed it. The query stays out: it may hold a key."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/api/"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one address does. `role`: callers must have the app role that the settings ask for, if they do."""

    handle: Callable[[Call], Awaitable[Answer]]
    methods: tuple[str, ...]
    role: bool = True

    async def answer(self, call: Call) -> Answer:
        """Serve a call. What is raised on the way becomes a problem; an error that nobody foresaw is the platform's."""
        try:
            answer = await self._serve(call)
        except Problem as problem:
            answer = problem.answer
        except RotationError as error:
            answer = problem_of(error).answer
            level = logging.ERROR if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
            log.log(level, "request failed", extra={"code": error.code}, exc_info=level == logging.ERROR)
        return replace(answer, headers={**_ALWAYS, **answer.headers})

    async def _serve(self, call: Call) -> Answer:
        offered = "GET" if call.method == "HEAD" else call.method
        if offered not in self.methods:
            allow = ", ".join((*self.methods, "HEAD") if "GET" in self.methods else self.methods)
            raise Problem("MethodNotAllowed", f"use {allow}", headers={"Allow": allow})
        if self.role:
            app_roles.require_role(composition.app().settings.REQUIRED_APP_ROLE, call.headers)
        return await self.handle(call)
