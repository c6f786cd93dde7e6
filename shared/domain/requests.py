"""What somebody asked for one resource: the queue message, and how it gets its rotation id.

The same request always has the same rotation id, so that a message delivered twice, a webhook sent twice and a timer
fired twice are told apart from a second wish.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from shared.domain.keys import KeyType, Slot
from shared.domain.resources import Resource, ResourceId
from shared.domain.wire import Wire

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:signalr-key-rotation")


class Mode(StrEnum):
    """What a request wants."""

    SWEEP = "sweep"  # whatever is due: the timer's wish
    ROTATE = "rotate"  # a new key, published
    REVOKE = "revoke"  # the published key leaked: replace it, then make it worthless
    RESYNC = "resync"  # the published value must be a live key; change no key


def rotation_id(resource: ResourceId, deduplication_key: str) -> str:
    """Name the one rotation of this resource that this deduplication key stands for (UUID version 5)."""
    return str(uuid.uuid5(_NAMESPACE, f"{resource.key}\n{deduplication_key}"))


def _canonical(text: str) -> str:
    return str(ResourceId.parse(text))


@dataclass(frozen=True, slots=True)
class RotationCommand:
    """What a trigger wants, of one resource or (`resource` None) of all. `overlap_hours` None: as the policy says.

    The same `deduplication_key` twice is the same wish; None makes it a wish of its own. `exclusive`: the key was
    chosen by the caller, and is refused for any other wish than the first it came with.
    """

    trigger: str
    resource: ResourceId | None = None
    mode: Mode = Mode.SWEEP
    key_type: KeyType | None = None
    force: bool = False
    overlap_hours: float | None = None
    reason: str = ""
    deduplication_key: str | None = None
    exclusive: bool = False
    ticket: bool = True

    @property
    def meaning(self) -> str:
        """One spelling for all wishes that want the same."""
        resource = self.resource.key if self.resource else None
        wanted = (resource, self.mode, self.key_type, self.force, self.overlap_hours, self.reason)
        return json.dumps(wanted)

    def of(self, resource: ResourceId, now: datetime) -> "WorkItem":
        """The message that says so for one resource."""
        return WorkItem(
            rotation_id=rotation_id(resource, self.deduplication_key or str(uuid.uuid4())),
            resource=str(resource),
            mode=self.mode,
            key_type=self.key_type,
            force=self.force,
            overlap_hours=self.overlap_hours,
            reason=self.reason,
            trigger=self.trigger,
            requested_at=now,
            ticket=self.ticket,
        )


class ListedState(Wire):
    """What ARM's list said of a resource when a sweep passed, so that the look at it need not ask again.

    Of the tags, only those that the app reads.
    """

    provisioning_state: str
    local_auth_disabled: bool
    tags: Mapping[str, str]

    @classmethod
    def of(cls, resource: Resource) -> "ListedState":
        """Take down what a glance needs."""
        own = {name: value for name, value in resource.tags.items() if name.lower().startswith("key-rotation")}
        return cls(
            provisioning_state=resource.provisioning_state,
            local_auth_disabled=resource.local_auth_disabled,
            tags=own,
        )


class WorkItem(Wire):
    """One wish for one resource. As JSON it is the queue message; it holds nothing secret."""

    model_config = ConfigDict(extra="forbid")

    rotation_id: str
    resource: Annotated[str, AfterValidator(_canonical)]
    mode: Mode
    key_type: KeyType | None = None
    force: bool = False
    overlap_hours: float | None = Field(None, ge=0)
    reason: str = ""
    trigger: str
    requested_at: datetime
    traceparent: str | None = Field(None, max_length=100, description="W3C trace context: the trace goes on with it")
    # Somebody may ask for the outcome by its id: it is written down even when there was nothing to do.
    ticket: bool = False
    listed: ListedState | None = None
    expected: bool = Field(False, description="The sweep knows that there is something to do: no glance can be enough")  # noqa: FBT003 - pydantic's default
    rivals: tuple[str, ...] = Field((), description="Other resources that map to the same secret: nobody may write it")

    @property
    def resource_id(self) -> ResourceId:
        """The resource it is about."""
        return ResourceId.parse(self.resource)

    @property
    def slot(self) -> Slot | None:
        """The slot it names, if it names one."""
        return None if self.key_type in {None, KeyType.SALT} else Slot(self.key_type)
