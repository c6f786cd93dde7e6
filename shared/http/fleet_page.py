"""The fleet as JSON: one item for each managed resource, in pages (`GET /api/resources`).

Times are ISO 8601, UTC; what is not known, such as everything about a resource that no sweep has met yet, is left out.
"""

from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from pydantic import Field

from shared.domain.inventory_entry import InventoryEntry, Last, Running
from shared.domain.keys import Slot
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire


class FleetMember(Wire):
    """One managed resource, as it was last observed."""

    id: str = Field(description="ARM id of the SignalR resource")
    name: str
    secret_name: str | None = Field(None, description="The secret its connection string or key is published in")
    vault_url: str | None = None
    provisioning_state: str | None = None
    paused: bool | None = Field(None, description="Whether its tag says so")
    local_auth_disabled: bool | None = Field(None, description="Whether access keys are switched off")
    published_slot: Slot | None = Field(
        None, alias="liveSlot", description="Whose key is published; left out when the value is no live key"
    )
    fingerprint: str | None = Field(None, description="The published key: first 12 hex digits of its SHA-256")
    version: str | None = Field(None, description="The secret version that publishes it")
    published_at: datetime | None = None
    age_days: float | None = Field(None, description="How long it has been published", ge=0)
    due_at: datetime | None = Field(None, description="When the next rotation is due")
    overlap_until: datetime | None = Field(None, description="Until when clients may still hold the previous key")
    retire_after: datetime | None = Field(None, description="When a replaced key will be made worthless, if one will")
    last: Last | None = Field(None, description="The newest outcome")
    running: Running | None = Field(None, description="The rotation under way")

    @classmethod
    def of(cls, entry: InventoryEntry, now: datetime) -> Self:
        """Write a summary down."""
        facts: dict[str, object] = {"id": entry.resource, "name": ResourceId.parse(entry.resource).name}
        facts |= {"last": entry.last, "running": entry.running}
        if snapshot := entry.snapshot:
            facts |= snapshot.model_dump()
            if snapshot.published_at:
                facts["age_days"] = round(max((now - snapshot.published_at) / timedelta(days=1), 0.0), 2)
        return cls.model_validate(facts)


class FleetPage(Wire):
    """A page of the fleet, in the order of the ids."""

    value: tuple[FleetMember, ...]
    next_link: str | None = Field(
        None, description="Address of the next page, if there is one; send the key with it too"
    )

    @classmethod
    def of(cls, page: list[InventoryEntry], after: str | None, *, base: str, most: int, now: datetime) -> Self:
        """Write a page down; `after` is the key that the next one goes on from. The link carries no function key."""
        query = urlencode({"maxPageSize": most, "skipToken": after}) if after else None
        return cls(
            value=tuple(FleetMember.of(each, now) for each in page),
            next_link=f"{base}resources?{query}" if query else None,
        )
