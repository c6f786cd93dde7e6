"""Where resources are discovered by their tag: in a whole subscription, or in one resource group.

A group is listed as a group. To list its subscription instead, the app's identity would need rights on all of it.
"""

import re
from dataclasses import dataclass
from typing import Self

from shared.model import ResourceId

_GROUP_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})/resourceGroups/(?P<group>[-\w.()]{1,90})/?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A subscription, or one resource group of it. Both in lower case: ARM compares ids so."""

    subscription: str
    group: str | None = None

    @classmethod
    def of_group(cls, arm_id: str) -> Self:
        """Read the ARM id of a resource group. Raises `ValueError` that shows the expected form."""
        match = _GROUP_ID.fullmatch(arm_id.strip())
        if match is None:
            raise ValueError(
                f"not the id of a resource group: {arm_id[:300]!r}; "
                "expected /subscriptions/<guid>/resourceGroups/<group>"
            )
        return cls(match["subscription"].lower(), match["group"].lower())

    @property
    def name(self) -> str:
        """Its ARM id from the subscription's GUID on."""
        return self.subscription if self.group is None else f"{self.subscription}/resourceGroups/{self.group}"

    def covers(self, resource: ResourceId) -> bool:
        """Whether the resource is in it."""
        return self.subscription == resource.subscription and self.group in {None, resource.group.lower()}
