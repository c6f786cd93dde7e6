"""What is requested: the command of a trigger, and the queue message that says it for one resource.

The same request always has the same rotation id, so that a message delivered twice, a webhook sent twice and a timer
fired twice are told apart from a second request.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from shared.domain.hubs import HubNames
from shared.domain.keys import KeyType, Slot
from shared.domain.resources import Resource, ResourceId
from shared.domain.wire import Wire

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:signalr-key-rotation")


class Mode(StrEnum):
    """What a request wants."""

    SWEEP = "sweep"  # whatever is due: what the timer asks for
    ROTATE = "rotate"  # a new key, published
    REVOKE = "revoke"  # the published key leaked: replace it, then invalidate it
    RESYNC = "resync"  # the published value must be a valid key; change no key


def rotation_id(resource: ResourceId, deduplication_key: str) -> str:
    """Name the one rotation of this resource that this deduplication key stands for (UUID version 5)."""
    return str(uuid.uuid5(_NAMESPACE, f"{resource.key}\n{deduplication_key}"))


def _canonical(text: str) -> str:
    return str(ResourceId.parse(text))


class ListedState(Wire):
    """What ARM said of a resource during a sweep, so that the look at it need not ask again.

    Of the tags, only those that the app reads.
    """

    provisioning_state: str
    local_auth_disabled: bool
    tags: Mapping[str, str]

    @classmethod
    def of(cls, resource: Resource) -> Self:
        """What a pre-check needs of it."""
        own = {name: value for name, value in resource.tags.items() if name.lower().startswith("key-rotation")}
        return cls(
            provisioning_state=resource.provisioning_state,
            local_auth_disabled=resource.local_auth_disabled,
            tags=own,
        )


class Standstill(Wire):
    """Why a scheduled rotation of the resource has to wait: a code of `decision.Code`, and until when, if known."""

    code: Literal["OnHold", "LaterWave"]
    until: AwareDatetime | None = None


class QueuedMessage(Wire):
    """What every message on the queue carries. A field that a newer version has added is kept, and ignored.

    `installation`: who put it on the queue; empty in messages of versions that named none. `attempts`: how often it was
    scheduled again after an error. `returned`: how often an installation that it is not meant for has put it back.
    `throttled_at`: when it last waited for a rate limit; patience with any other error begins there.
    """

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    installation: str = ""
    attempts: int = Field(0, ge=0)
    returned: int = Field(0, ge=0)
    throttled_at: AwareDatetime | None = None


class WorkItem(QueuedMessage):
    """One request for one resource. As JSON it is the queue message; it holds nothing secret.

    `tracked`: a caller may ask for the outcome by its id, so it is stored even when there was nothing to do.
    `expected`: the sweep knows that there is something to do, so no pre-check can be enough. `standstill`: the resource
    is due, and had to wait when the sweep looked.
    `close_connections`: hubs whose connections are closed once the revoked key is rejected.
    `conflicts`: other resources that map to the same secret; only its owner may write it. Three at most of
    `conflict_count`: a whole fleet on one secret would not fit into a message. Messages of the first version name all.
    """

    rotation_id: str
    resource: Annotated[str, AfterValidator(_canonical)]
    mode: Mode
    key_type: KeyType | None = None
    force: bool = False
    overlap_hours: float | None = Field(None, ge=0)
    close_connections: HubNames = ()
    reason: str = ""
    trigger: str
    requested_at: AwareDatetime
    traceparent: str | None = Field(None, max_length=100, description="W3C trace context: the trace goes on with it")
    tracked: bool = Field(False, alias="ticket")  # noqa: FBT003 - pydantic's default
    listed: ListedState | None = None
    expected: bool = False
    standstill: Standstill | None = None
    conflicts: tuple[str, ...] = Field((), alias="rivals")
    conflict_count: int = 0

    @property
    def resource_id(self) -> ResourceId:
        """The resource it is about."""
        return ResourceId.parse(self.resource)

    @property
    def resource_as_listed(self) -> Resource | None:
        """The resource as it was when the sweep looked; None where no sweep sent this, or ARM did not tell."""
        if (listed := self.listed) is None:
            return None
        return Resource(self.resource_id, listed.provisioning_state, listed.local_auth_disabled, listed.tags)

    @property
    def urgent(self) -> bool:
        """Whether no sweep may be in front of it: a leaked key, or a person who says force."""
        return self.mode is Mode.REVOKE or self.force

    @property
    def slot(self) -> Slot | None:
        """The slot it names, if it names one."""
        return None if self.key_type in {None, KeyType.SALT} else Slot(self.key_type)


class NextWave(QueuedMessage):
    """It is time for the wave after this one of a rollout. A copy that comes late, or twice, finds another wave."""

    rollout: str = Field(min_length=1, max_length=64)
    wave: int


@dataclass(frozen=True, slots=True)
class RotationCommand:
    """What a trigger asks for, of one resource or (`resource` None) of all. `overlap_hours` None: as the policy says.

    The same `deduplication_key` twice is the same command; None makes it a command of its own. `exclusive`: the caller
    chose the key, and it is refused for any other command than the first it came with.
    """

    trigger: str
    resource: ResourceId | None = None
    mode: Mode = Mode.SWEEP
    key_type: KeyType | None = None
    force: bool = False
    overlap_hours: float | None = None
    close_connections: tuple[str, ...] = ()
    reason: str = ""
    deduplication_key: str | None = None
    exclusive: bool = False
    tracked: bool = True

    @property
    def meaning(self) -> str:
        """One spelling for all commands that ask for the same."""
        resource = self.resource.key if self.resource else None
        meant = (resource, self.mode, self.key_type, self.force, self.overlap_hours, self.reason)
        # Versions that knew no hubs have stored the same commands without them.
        hubs = sorted({hub.lower() for hub in self.close_connections})
        return json.dumps((*meant, hubs) if hubs else meant)

    def for_resource(self, resource: ResourceId, now: datetime) -> WorkItem:
        """The message that says so for one resource."""
        return WorkItem(
            rotation_id=rotation_id(resource, self.deduplication_key or str(uuid.uuid4())),
            resource=str(resource),
            mode=self.mode,
            key_type=self.key_type,
            force=self.force,
            overlap_hours=self.overlap_hours,
            close_connections=self.close_connections,
            reason=self.reason,
            trigger=self.trigger,
            requested_at=now,
            tracked=self.tracked,
        )
