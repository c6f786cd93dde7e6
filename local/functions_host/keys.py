"""Access keys of the host: who may call what.

As on the platform: a function key opens its function, the default host key opens every function of level `function`,
and the master key opens everything, the admin routes included. A key comes in the header `x-functions-key` or as
`?code=`.
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from local.functions_host.functions import AuthLevel, Function
from local.functions_host.host_json import ConfigurationError

EVENT_GRID = "eventgrid_extension"
"""The name of the system key that the Event Grid extension makes for its webhook."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one host; `functions` holds one per HTTP function, `system` those of extensions. Not in a repr."""

    master: str = field(repr=False)
    default: str = field(repr=False)
    functions: dict[str, str] = field(repr=False)
    system: dict[str, str] = field(repr=False)

    @classmethod
    def load(cls, source: str, functions: list[Function]) -> Self:
        """Take the keys from the JSON file `source`; make those it lacks, or all where `source` is "generated".

        What was made is written back to the file, readable by its owner only, so that the next start has the same keys.
        """
        kept: dict[str, object] = {}
        file = None if source == "generated" else Path(source)
        if file and file.exists():
            try:
                kept = dict(json.loads(file.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as error:
                raise ConfigurationError(f"{file} is no JSON object of keys: {error}") from error
        by_function = _named(kept.get("functions"))
        for function in functions:
            if function.type == "httpTrigger":
                by_function.setdefault(function.name, secrets.token_urlsafe(40))
        keys = cls(
            master=str(kept.get("master") or secrets.token_urlsafe(40)),
            default=str(kept.get("default") or secrets.token_urlsafe(40)),
            functions=by_function,
            system={EVENT_GRID: secrets.token_urlsafe(40)} | _named(kept.get("system")),
        )
        if file and kept != keys.as_json():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
                json.dump(keys.as_json(), out, indent=2)
        return keys

    def as_json(self) -> dict[str, object]:
        """All keys, for the key file and the ready line."""
        return {"master": self.master, "default": self.default, "functions": self.functions, "system": self.system}

    def opens(self, function: Function, key: str) -> bool:
        """Whether `key` may call `function`; no key is the empty string."""
        if function.auth_level is AuthLevel.ANONYMOUS or self.is_master(key):
            return True
        if function.auth_level is AuthLevel.ADMIN:
            return False
        return _same(key, self.default) or _same(key, self.functions.get(function.name, ""))

    def opens_extension(self, extension: str, key: str) -> bool:
        """Whether `key` may call the webhook of an extension: its own key, or the master key."""
        return self.is_master(key) or _same(key, self.system.get(extension, ""))

    def is_master(self, key: str) -> bool:
        """Whether `key` is the master key."""
        return _same(key, self.master)

    def knows(self, key: str) -> bool:
        """Whether `key` is a host-wide key at all: too weak a key is 403 on the admin routes, an unknown one 401."""
        return any(_same(key, known) for known in (self.master, self.default, *self.system.values()))


def _named(keys: object) -> dict[str, str]:
    return {str(name): str(key) for name, key in keys.items()} if isinstance(keys, dict) else {}


def _same(key: str, known: str) -> bool:
    return bool(known) and secrets.compare_digest(key.encode(), known.encode())
