"""A SignalR resource, what can be under way with it, and how its regenerations can be made to behave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from local.azure.signalr.connections import Connection

KeyType = Literal["Primary", "Secondary", "Salt"]
KEY_TYPES: Mapping[str, KeyType] = {"primary": "Primary", "secondary": "Secondary", "salt": "Salt"}
ProvisioningState = Literal["Creating", "Updating", "Deleting"]
TYPE = "Microsoft.SignalRService/SignalR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How one resource's renewals behave: what has been seen of the real service, selectable.

    `operation_seconds` bounds how long one takes; `data_plane_lag` is how much later, in seconds, the data plane
    follows what ARM already calls done; `busy_state` is the resource's provisioning state meanwhile. `rejected` has the
    slots whose keys the data plane takes for unknown although ARM lists them.
    `operation_urls` is where an operation can be watched: below the location (api-versions before 2021-06) or below the
    resource (since then), or by one address under operationResults that answers the status.
    """

    body: Literal["keys", "empty-object", "empty"] = "keys"
    accepted_status: Literal[202, 201] = 202
    polls: Literal["normal", "done-at-first", "one-404"] = "normal"
    operation_urls: Literal["by-version", "location", "resource", "results-only"] = "by-version"
    outcome: Literal["Succeeded", "Failed", "unchanged"] = "Succeeded"
    operation_seconds: tuple[float, float] = (13.0, 19.0)
    data_plane_lag: float = 0.0
    rejected: tuple[KeyType, ...] = ()
    busy_state: str = "Succeeded"
    long_poll_urls: bool = False


@dataclass(slots=True, kw_only=True)
class LongRunning:
    """Something that was accepted and takes its time: what its status URL tells, and how often that was looked at."""

    id: str
    started: datetime
    status: Literal["Running", "Succeeded", "Failed"] = "Running"
    ended: datetime | None = None
    polls: int = 0


@dataclass(slots=True, kw_only=True)
class Provisioning(LongRunning):
    """A resource being made, changed or deleted."""

    state: ProvisioningState


@dataclass(slots=True, kw_only=True)
class Regeneration(LongRunning):
    """One accepted renewal. `effective` is when its key became the live one; None while it is not, or never was."""

    key_type: KeyType
    by: str
    key: str = field(repr=False)
    effective: datetime | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """One call that closed connections: which, and the slot of the key that signed it."""

    hub: str
    what: str
    target: str
    reason: str
    excluded: tuple[str, ...]
    signed_with: KeyType
    at: datetime


@dataclass(slots=True)
class SignalR:
    """One resource. `keys` is what ARM shows, `live` what the data plane accepts."""

    subscription: str
    group: str
    name: str
    location: str
    created: datetime
    by: str
    keys: dict[KeyType, str] = field(repr=False)
    live: dict[KeyType, str] = field(repr=False)
    variant: Variant
    tags: dict[str, str] = field(default_factory=dict)
    sku: Mapping[str, object] = field(default_factory=lambda: {"name": "Standard_S1", "capacity": 1})
    disable_local_auth: bool = False
    identity: Mapping[str, str] | None = None
    provisioning_state: str = "Succeeded"
    modified: datetime | None = None
    running: LongRunning | None = None
    regenerations: list[Regeneration] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    connections: dict[str, Connection] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> Mapping[KeyType, str]:
        """The keys that callers are let in with."""
        return {slot: key for slot, key in self.live.items() if slot not in self.variant.rejected}

    def close(self, closing: Closing) -> None:
        """Ask clients to leave: those of a hub, or one connection. Groups and users have none here."""
        self.closings.append(closing)
        for one in self.connections.values():
            whole_hub = closing.what == "hub" and one.id not in closing.excluded
            if one.hub == closing.hub and (whole_hub or (closing.what, closing.target) == ("connection", one.id)):
                one.close(closing.reason)

    @property
    def id(self) -> str:
        """The ARM id."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{TYPE}/{self.name}"

    @property
    def state(self) -> str:
        """The provisioning state as ARM tells it now."""
        return self.variant.busy_state if isinstance(self.running, Regeneration) else self.provisioning_state
