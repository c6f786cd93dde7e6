"""Which function answers a path: route templates as ASP.NET Core reads them, as far as function apps use them.

Literal text matches in any case. `{name}` takes one segment, `{name?}` may be missing, `{*name}` takes the rest, and
`{name:constraint}` must also satisfy each constraint ("Route constraints" in the ASP.NET Core routing reference). Where
several routes fit, the one with more literal text comes first. A method that is not among a route's own is no match, so
it ends as 404, not 405, as on the platform.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from local.functions_host.functions import Function
from local.functions_host.host_json import ConfigurationError

_NUMBER = r"[+-]?\d+"
_CONSTRAINTS = {
    "int": _NUMBER,
    "long": _NUMBER,
    "bool": "true|false",
    "alpha": "[a-z]*",
    "guid": r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "decimal": r"[+-]?\d+(?:\.\d+)?",
    "double": r"[+-]?\d+(?:\.\d+)?",
    "required": ".+",
}
_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[^{}:]+)*)(\?)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One function's route, prefix included."""

    function: Function
    pattern: re.Pattern[str]
    literals: int

    @classmethod
    def parse(cls, function: Function, prefix: str) -> Self:
        """Read the template; `ConfigurationError` for a reserved start or a constraint this host does not know."""
        if re.match(r"(admin|runtime)(/|$)", function.route, re.IGNORECASE):
            raise ConfigurationError(f"route of {function.name}: admin and runtime are the host's own")
        pattern = ""
        literals = 0
        for segment in filter(None, f"{prefix}/{function.route}".split("/")):
            found = _PARAMETER.search(segment)
            literals += len(_PARAMETER.sub("", segment)) + (0 if found else 1)
            piece = "/" + _segment(segment, function.name)
            optional = found and (found[1] or found[4])
            pattern += f"(?:{piece})?" if optional else piece
        return cls(function, re.compile(pattern + "/?", re.IGNORECASE), literals)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The route's parameters, decoded, or None when method or path are not its own. `path` is still encoded."""
        if self.function.methods and method.upper() not in self.function.methods:
            return None
        found = self.pattern.fullmatch(path)
        if not found:
            return None
        return {name: _unquoted(value) for name, value in found.groupdict().items() if value}


def sorted_routes(functions: list[Function], prefix: str) -> list[Route]:
    """The routes of all HTTP functions, most literal first."""
    routes = [Route.parse(function, prefix) for function in functions if function.type == "httpTrigger"]
    return sorted(routes, key=lambda route: -route.literals)


def _unquoted(value: str) -> str:
    # An encoded slash stays encoded, as ASP.NET Core leaves it: decoded it would look like two segments.
    return "".join(part if part.lower() == "%2f" else unquote(part) for part in re.split("(%2[fF])", value))


def _segment(segment: str, function: str) -> str:
    pattern, end = "", 0
    for found in _PARAMETER.finditer(segment):
        stars, name, constraints, _ = found.groups()
        limits = "".join(_lookahead(each, function) for each in constraints.split(":") if each)
        pattern += re.escape(segment[end : found.start()]) + f"{limits}(?P<{name}>{'.*' if stars else '[^/]+'})"
        end = found.end()
    return pattern + re.escape(segment[end:])


def _lookahead(constraint: str, function: str) -> str:
    name, _, argument = constraint.partition("(")
    argument = argument.removesuffix(")")
    low, _, high = argument.partition(",")
    match name:
        case "length":
            allowed = f"[^/]{{{low},{high or low}}}"
        case "minlength":
            allowed = f"[^/]{{{low},}}"
        case "maxlength":
            allowed = f"[^/]{{0,{low}}}"
        case _ if name in _CONSTRAINTS and not argument:
            allowed = _CONSTRAINTS[name]
        case _:
            raise ConfigurationError(f"route of {function}: this host does not know the constraint {constraint!r}")
    return f"(?=(?:{allowed})(?:/|$))"
