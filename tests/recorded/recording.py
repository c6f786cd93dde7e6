"""Exchanges with the real service that Azure published, restated as data: method, path, status, headers, body, timing.

Names in braces stand for what differs from run to run: `{resource}` for the resource's path, `{operation}` for an
operation's id, `{primary}` and `{new_primary}` for keys. No key, address or name of the original is kept. `make live`
writes what it sees in the same form.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).parent / "recordings"
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. `seconds` counts from the regeneration of the recording."""

    name: str
    seconds: int
    method: str
    path: str
    sent: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        request, response = raw["request"], raw["response"]
        return cls(
            raw["name"],
            raw["seconds"],
            request["method"],
            request["path"],
            request.get("body"),
            response["status"],
            response["headers"],
            response["body"],
        )

    def header(self, name: str) -> str | None:
        """The header's value, the name in any case."""
        return next((value for known, value in self.headers.items() if known.lower() == name.lower()), None)


@dataclass(frozen=True)
class Recording:
    """One published session."""

    name: str
    source: Mapping[str, str]
    api_version: str
    key_length: int
    exchanges: tuple[Exchange, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        raw = json.loads(path.read_text())
        exchanges = tuple(Exchange.parse(one) for one in raw["exchanges"])
        return cls(path.stem, raw["source"], raw["apiVersion"], raw["keyLength"], exchanges)

    @property
    def regeneration(self) -> Exchange:
        """The call that regenerates a key."""
        return next(one for one in self.exchanges if one.path.endswith("/regenerateKey"))

    @property
    def slot(self) -> str:
        """The slot it regenerates."""
        return str(self.regeneration.sent["keyType"]).capitalize()


def recordings() -> list[Recording]:
    """All of them."""
    return [Recording.read(path) for path in sorted(FOLDER.glob("*.json"))]


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the names in braces replaced; a name that stands for nothing in particular stays as it is."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: filled(names[found[1]], names) if found[1] in names else found[0], value)
    if isinstance(value, dict):
        return {name: filled(each, names) for name, each in value.items()}
    return [filled(each, names) for each in value] if isinstance(value, list) else value


def shape(value: Any) -> Any:
    """What is left of a JSON value without its values: names and nesting, the first element of each list."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None
