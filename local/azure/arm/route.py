"""One thing ARM can be asked: which path and method, under which role action, and what is done."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.azure.call import Call, Reply

Where = Mapping[str, str]
"""The named parts of the path."""


@dataclass(frozen=True, slots=True)
class Route:
    """`action` empty means that a token alone is enough. `versions` empty means any api-version."""

    path: re.Pattern[str]
    method: str
    operation: str
    action: str
    act: Callable[[Call, Where], Reply]
    versions: tuple[str, ...] = ()


def path(*parts: str) -> re.Pattern[str]:
    """The whole path, in any case. What the role is checked against is the part named `scope`."""
    return re.compile(f"^{''.join(parts)}/?$", re.IGNORECASE)
