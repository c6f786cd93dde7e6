"""One call on the wire and its answer, in the terms all emulators share."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(slots=True)
class Call:
    """A request as a service sees it. `principal` is filled in once the caller's token was accepted."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    origin: str
    body: bytes = field(repr=False)
    principal: str | None = None

    def json(self) -> Any:  # noqa: ANN401  # whatever the client sent; the service says what is wrong with it
        """The body. Raises ValueError when it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. A body of None is sent as no bytes at all. `held` sends the answer itself: one that stays open."""

    status: int = 200
    body: object = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    held: "Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] | None" = None


class Refused(Exception):  # noqa: N818  # not a fault of the program: the answer to a call
    """The call ends here with this answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Operation:
    """What a call asks for: a name for faults and the request log, the thing it touches, and the doing of it."""

    name: str
    resource: str
    act: Callable[[Call], Reply]


class Service(Protocol):
    """An emulator for one Azure service: it turns a call into the operation the call asks for."""

    name: str

    def match(self, call: Call) -> Operation:
        """The operation. Never raises: an unknown path is an operation that answers with the service's own error."""
        ...


def error(status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, **inner: object) -> Reply:
    """The error envelope Azure's services have in common: `{"error": {"code", "message", …}}`."""
    return Reply(status, {"error": {"code": code, "message": message, **inner}}, headers or {})
