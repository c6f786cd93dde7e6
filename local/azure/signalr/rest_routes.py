"""The addresses of SignalR's REST API, and what each answers where no client is connected.

Sources: the data plane's specification 2022-06-01 for addresses and statuses; Microsoft's emulator, run, for what an
unknown address, method or hub name is answered, for the older forms without `:send`, and for the error codes.
`/api` and `/api/v1` are served alike, and `api-version` is not looked at.
"""

import re
from dataclasses import dataclass
from typing import Literal

Closes = Literal["", "hub", "group", "user", "connection"]

HUB = re.compile(r"[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}")
"""What a hub may be called."""

_NOBODY, _NO_CONNECTION, _NO_GROUP = (f"Warning.{what}.NotExisted" for what in ("User", "Connection", "Group"))
_NOT_IN_GROUP = "Info.User.NotInGroup"


@dataclass(frozen=True, slots=True)
class RestRoute:
    """One address and method. `error_code` is the header that marks the service's own 404; `closes` what is cut."""

    method: str
    path: re.Pattern[str]
    operation: str
    status: int
    error_code: str = ""
    closes: Closes = ""


def _route(method: str, path: str, operation: str, status: int, error_code: str = "", closes: Closes = "") -> RestRoute:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return RestRoute(
        method, re.compile(f"(?:/v1)?{pattern}/?", re.IGNORECASE), f"DataPlane.{operation}", status, error_code, closes
    )


ROUTES = (
    *(
        _route(method, f"/hubs/{{hub}}/{kind}/{{{of}}}", "exists", 404, code)
        for method in ("HEAD", "GET")
        for kind, of, code in (
            ("users", "user", _NOBODY),
            ("connections", "connection", _NO_CONNECTION),
            ("groups", "group", _NO_GROUP),
        )
    ),
    *(
        _route(method, "/hubs/{hub}/users/{user}/groups/{group}", "exists", 404, _NOT_IN_GROUP)
        for method in ("HEAD", "GET")
    ),
    *(
        _route("POST", f"/hubs/{{hub}}{whom}{send}", "send", 202)
        for whom in ("", "/users/{user}", "/groups/{group}", "/connections/{connection}")
        for send in ("", "/:send")
    ),
    _route("POST", "/hubs/{hub}/:closeConnections", "close", 204, closes="hub"),
    _route("POST", "/hubs/{hub}/groups/{group}/:closeConnections", "close", 204, closes="group"),
    _route("POST", "/hubs/{hub}/users/{user}/:closeConnections", "close", 204, closes="user"),
    _route("DELETE", "/hubs/{hub}/connections/{connection}", "close", 200, closes="connection"),
    _route("DELETE", "/hubs/{hub}/connections/{connection}/groups", "group", 200),
    _route("PUT", "/hubs/{hub}/groups/{group}/connections/{connection}", "group", 404, _NO_CONNECTION),
    _route("DELETE", "/hubs/{hub}/groups/{group}/connections/{connection}", "group", 404, _NO_CONNECTION),
    _route("PUT", "/hubs/{hub}/users/{user}/groups/{group}", "group", 200),
    _route("DELETE", "/hubs/{hub}/users/{user}/groups/{group}", "group", 204),
    _route("DELETE", "/hubs/{hub}/users/{user}/groups", "group", 204),
)


def known_methods(rest: str) -> list[str]:
    """The methods that the address below `/api` has; none where there is no such address."""
    return sorted({route.method for route in ROUTES if route.path.fullmatch(rest)})


def found(method: str, rest: str) -> tuple[RestRoute, dict[str, str]] | None:
    """The route, and what its address names."""
    for route in ROUTES:
        if route.method == method and (match := route.path.fullmatch(rest)):
            return route, match.groupdict()
    return None
