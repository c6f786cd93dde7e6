"""SignalR hubs whose connections are to be cut: how they are named, and what came of it."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from shared.domain.wire import Wire

MOST_HUBS = 20
HUB_NAME = r"^[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}$"
"""What a hub may be called (data plane specification 2020-10-01; Microsoft's emulator refuses other names)."""


def distinct(hubs: Iterable[str]) -> tuple[str, ...]:
    """Each hub once, in the order given. SignalR compares names without regard to case."""
    first: dict[str, str] = {}
    for hub in hubs:
        first.setdefault(hub.lower(), hub)
    return tuple(first.values())


type HubName = Annotated[str, StringConstraints(pattern=HUB_NAME)]
type HubNames = Annotated[tuple[HubName, ...], Field(max_length=MOST_HUBS), AfterValidator(distinct)]


class HubClosing(Wire):
    """One hub whose connections are to be closed. `message`: why that has not succeeded, if it was tried."""

    hub: str
    closed: bool = False
    message: str | None = None

    def succeeded(self) -> Self:
        """SignalR has closed them."""
        return self.model_copy(update={"closed": True, "message": None})

    def failed(self, why: str) -> Self:
        """SignalR has not, or is not known to have."""
        return self.model_copy(update={"message": why})


def to_close(*hubs: str) -> tuple[HubClosing, ...]:
    """These hubs, each still to be done."""
    return tuple(HubClosing(hub=hub) for hub in distinct(hubs))


def still_open(closings: Sequence[HubClosing]) -> tuple[HubClosing, ...]:
    """Those that are not known to be closed."""
    return tuple(each for each in closings if not each.closed)
