"""SignalR resources and where they are found: ARM ids, what ARM says of a resource, subscriptions and groups.

A group is listed as a group. To list its subscription instead, the app's identity would need rights on all of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_ARM_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-fA-F-]{36})/resourceGroups/(?P<group>[-\w.()]{1,90})"
    r"/providers/Microsoft\.SignalRService/SignalR/(?P<name>[a-zA-Z][a-zA-Z0-9-]{1,61}[a-zA-Z0-9])(?=/|$)/?",
    re.IGNORECASE,
)
_GROUP_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})/resourceGroups/(?P<group>[-\w.()]{1,90})/?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The ARM id of one Azure SignalR Service resource. ARM compares ids without regard to case, and so do we."""

    subscription: str
    group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ARM id. Raises `ValueError` that shows the expected form."""
        match = _ARM_ID.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"not the id of an Azure SignalR Service resource: {text[:300]!r}; expected /subscriptions/<guid>/"
                "resourceGroups/<group>/providers/Microsoft.SignalRService/SignalR/<name>"
            )
        return cls(match["subscription"].lower(), match["group"], match["name"])

    @classmethod
    def leading(cls, text: str) -> Self | None:
        """The id that an ARM id of something inside the resource, such as one of its actions, begins with."""
        match = _ARM_ID.match(text.strip())
        return cls(match["subscription"].lower(), match["group"], match["name"]) if match else None

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.SignalRService/SignalR/{self.name}"
        )

    @property
    def key(self) -> str:
        """One spelling for every casing of this id: for blob names, ids and sets."""
        return f"{self.subscription}/{self.group}/{self.name}".lower()

    @property
    def order(self) -> str:
        """Its place in lists of the fleet, which are in the order of the records' blob names: a key and `.json`."""
        return f"{self.key}."

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, slots=True)
class Resource:
    """What ARM says of one SignalR resource, keys apart."""

    id: ResourceId
    provisioning_state: str
    local_auth_disabled: bool
    tags: Mapping[str, str]


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
