"""What the engine needs of the services, in its own words. Adapters fulfil it, and so do the tests' ports in memory.

Every method raises errors of `domain.errors` alone: `NotPermitted`, `Throttled` or `Unavailable` from any of them, and
what its docstring names besides. Durations are in seconds unless a type says otherwise; times are UTC.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, Self

from shared.domain.connection_strings import Shape
from shared.domain.heartbeat import Finding, Heartbeat
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.keys import AccessKey, KeyPair, KeyType, SecretFormat
from shared.domain.observation import PublishedSecret, Retirement
from shared.domain.operation import Operation
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.policy import Policy
from shared.domain.record import Outcome, Record
from shared.domain.requests import QueuedMessage, RotationCommand, WorkItem
from shared.domain.resources import Resource, ResourceId, Scope
from shared.domain.rollout import RolloutState
from shared.domain.swept_fleet import SweptFleet
from shared.rotation.leased_record import LeasedRecord


class Ending(StrEnum):
    """What ARM said of a regeneration. Whether the key changed is for the keys to tell."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    RUNNING = "Running"  # it was accepted, and is not known to have ended
    UNKNOWN = "Unknown"  # no answer: ARM may or may not have acted, now or later


@dataclass(frozen=True, slots=True)
class Regenerated:
    """How a regeneration ended, and the new key if ARM's answer showed it: not verified by anything yet.

    `needs` names the permission that was missing to see the end.
    """

    ending: Ending
    shown: AccessKey | None = None
    needs: str = ""


class Permit(Protocol):
    """One token of ARM's rate limit: in flight until its `with` block ends."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class SignalRKeys(Protocol):
    """ARM's SignalR resources and their keys."""

    async def get(self, resource: ResourceId) -> Resource:
        """What ARM knows of the resource. Raises `NotFound`."""

    def discover(self, scope: Scope) -> AsyncIterator[Resource]:
        """Every SignalR resource of a subscription or a resource group."""

    async def keys(self, resource: ResourceId, *, begun: bool = False) -> KeyPair:
        """Both keys as they are now. Those of a run that has `begun` go before others. Raises `NotFound`."""

    async def permit(self, resource: ResourceId) -> Permit:
        """Wait until the subscription's rate limit has a write left, and take it: `regenerate` must not wait."""

    async def regenerate(
        self, resource: ResourceId, key_type: KeyType, *, permit: Permit, timeout_seconds: float
    ) -> Regenerated:
        """Ask for a new key once, never twice, and wait for the operation to end.

        `timeout_seconds` bounds the request itself: what is left of the lease. `Ending.UNKNOWN` means that ARM may or
        may not have acted. Raises only when it was not sent or ARM refused it: also `NotFound`, `Rejected`, and `Busy`
        when another operation runs on the resource.
        """


class Verdict(StrEnum):
    """What the data plane said of a key."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"  # throttled, no answer, or one that is not SignalR's: it says nothing about the key
    CLOSED = "closed"  # a network rule, or a name that does not resolve: asking again in a moment would not help


class KeyProbe(Protocol):
    """SignalR's data plane."""

    async def probe(self, key: AccessKey) -> Verdict:
        """Whether SignalR accepts this key now, asked on a connection of its own. Changes nothing and never raises."""

    async def discriminates(self, endpoint: str) -> bool:
        """Whether a key that is none of its own is rejected there: else an acceptance says nothing. Never raises."""

    @property
    def clock_error_seconds(self) -> float:
        """How far this worker's clock is ahead of Azure's (behind: negative), where probes can't bear it; else 0."""


class HubConnections(Protocol):
    """The client connections of SignalR's hubs."""

    async def close(self, key: AccessKey, hub: str) -> None:
        """Close every connection of this hub, signed with this key. Clients that reconnect by themselves come back.

        It may be done twice. A hub that does not exist is closed as well as any. Raises `Rejected`.
        """


@dataclass(frozen=True, slots=True)
class NewSecretVersion:
    """A secret version to be added: whose key, made by which rotation, and what is to be said of it.

    `kind` becomes the tag RotationKind: `rotate` where a key was regenerated for it, `publish` where none was.
    `replaces` is the newest version, if that is the resource's own.
    """

    resource: ResourceId
    rotation_id: str
    kind: str
    key: AccessKey
    policy: Policy
    retirement: Retirement | None = None
    replaces: PublishedSecret | None = None

    @property
    def secret_format(self) -> SecretFormat:
        """The format of the version it replaces, unless the resource's tag asks for another."""
        existing = self.replaces.secret_format if self.replaces else None
        return existing if existing and self.policy.keeps_format else self.policy.secret_format

    def secret_value(self) -> str:
        """What it holds, for Key Vault only: the string it replaces with another key, or a new one.

        `Port`, `ClientEndpoint`, `ServerEndpoint` and what else an operator wrote there stay. A value that consumers
        refuse is written anew.
        """
        before = self.replaces
        kept = self.secret_format is SecretFormat.CONNECTION_STRING and before is not None and not before.fault
        if kept and before and before.shape is Shape.CONNECTION_STRING:
            return before.with_key(self.key)
        return self.key.secret_value(self.secret_format)


class SecretStore(Protocol):
    """The vaults."""

    async def newest(self, vault_url: str, name: str) -> PublishedSecret | None:
        """The newest version of a secret, or None where there is none. A disabled one has no fingerprint.

        Raises `SecretSoftDeleted`.
        """

    async def newest_with_key(self, vault_url: str, name: str) -> tuple[PublishedSecret | None, AccessKey | None]:
        """The same, and the key that it holds, at the endpoint that it names: for probing it."""

    async def made_by(self, vault_url: str, name: str, rotation_id: str) -> PublishedSecret | None:
        """The version that this rotation added, newest or not, with its fingerprint; None when it added none."""

    async def publish(self, version: NewSecretVersion, *, now: datetime, timeout_seconds: float) -> PublishedSecret:
        """Add a version. Never repeated by itself: an answer that was lost may hide a version that was made.

        `timeout_seconds` bounds the call: what is left of the lease. Raises `SecretSoftDeleted`, `Rejected`.
        """


class EventPublisher(Protocol):
    """The Event Grid topic. `refusal`: why it did not take what this worker sent last; empty where it did."""

    refusal: str

    async def publish(self, event: OutgoingEvent) -> None:
        """Send the event, at least once. Raises `Rejected`."""

    async def reach(self) -> None:
        """Raise `Unavailable` unless the topic's endpoint answers. It is asked without a token."""


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Some records, by `ResourceId.order`, looked for up to `last`. `marker`: where the next page begins, or None."""

    entries: tuple[InventoryEntry, ...]
    last: str
    marker: str | None


class RecordStore(Protocol):
    """The records: one for each resource, which is its lock as well; and the record of the last sweep."""

    def lease(self, resource: ResourceId) -> AbstractAsyncContextManager[LeasedRecord]:
        """Take the resource's lease, keep it alive, and give it back. Raises `Busy` when another run has it."""

    async def read(self, resource: ResourceId) -> Record | None:
        """The record as it is now, without its lease; None where there is none."""

    def entries(self) -> AsyncIterator[InventoryEntry]:
        """Every resource that was ever worked on, and has not left the fleet."""

    async def page(self, *, most: int, marker: str = "") -> RecordPage:
        """The same, looking at no more than `most` records, from the marker of another page on. Raises `Rejected`."""

    async def write_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Store what a sweep came to."""

    async def heartbeat(self) -> Heartbeat | None:
        """What the last sweep came to; None when there was none."""

    async def other_installations(self) -> Mapping[str, datetime]:
        """Who else keeps records in this storage, by name, and when each last swept."""

    async def unwritable(self) -> Sequence[Finding]:
        """What storage does not let the app write: records that this worker could not, or all of them, by policy."""


class SweptFleetStore(Protocol):
    """What the last sweep of this installation found to be managed."""

    async def read(self) -> SweptFleet | None:
        """What was stored last; None where nothing was, or nothing that this version can read."""

    async def write(self, fleet: SweptFleet) -> bool:
        """Store it in place of an earlier look. False: a later one is stored already, or others write all the time."""


class OperationStore(Protocol):
    """The operations: one for each rotation id that a caller may ask for; and the idempotency keys of callers."""

    async def open(self, item: WorkItem) -> Operation:
        """Store that this was asked for; the same request again gives the operation it already has."""

    async def accepted(self, operation: Operation) -> None:
        """Its message is on the queue: from now on `unfinished` lists it until it has ended."""

    async def close(self, resource: ResourceId, outcome: Outcome, *, opened: bool = True) -> Operation:
        """Store how it ended, and give what is stored: an operation that has ended is never changed.

        `opened`: whether one is likely to be stored. A wrong guess costs a call and nothing else.
        """

    async def revise(self, rotation_id: str, change: Callable[[Operation], Operation]) -> Operation | None:
        """Change one that has not ended, and give what is stored; None when nothing was asked under this id."""

    def unfinished(self, *, before: datetime) -> AsyncIterator[Operation]:
        """What this installation accepted before then, and has not ended: one listing, and a read of each."""

    async def read(self, rotation_id: str) -> Operation | None:
        """What was asked under this id; None when nothing was."""

    async def claim(self, idempotency_key: str, command: RotationCommand) -> None:
        """Take the key for this command; the same command may take it again. Raises `KeyReused` for another one."""


class RolloutStore(Protocol):
    """The state of scheduled rotations that all workers of this installation share."""

    async def read(self) -> RolloutState:
        """The state as it is now; an empty one where none is stored. One that can't be read counts as a hold."""

    async def change(self, change: Callable[[RolloutState], RolloutState]) -> RolloutState:
        """Store what `change` makes of the state, and give what is stored. After a writer in between it is made again.

        What `change` leaves as it is, is not written.
        """


class WorkQueue(Protocol):
    """The queue that the platform turns into invocations of the worker."""

    async def send(
        self,
        message: QueuedMessage,
        *,
        delay: timedelta = timedelta(),
        urgent: bool = False,
        expires_after: timedelta | None = None,
    ) -> None:
        """Put a message on the queue, to be seen after `delay`, a week at most. One without a name gets this app's.

        `urgent`: on the queue that no sweep uses. `expires_after` (from when it is seen on): nobody misses it then.
        """

    async def given_up(self) -> Mapping[str, int]:
        """How many messages each poison queue holds, about, by its name; hidden ones count, as those that fail are."""


class Services(Protocol):
    """All ports, and the clock that everything stored is dated by. An adapter is made when it is first asked for."""

    @property
    def signalr(self) -> SignalRKeys:
        """ARM."""

    @property
    def probe(self) -> KeyProbe:
        """SignalR's data plane."""

    @property
    def connections(self) -> HubConnections:
        """SignalR's data plane."""

    @property
    def secrets(self) -> SecretStore:
        """Key Vault."""

    @property
    def events(self) -> EventPublisher:
        """Event Grid."""

    @property
    def records(self) -> RecordStore:
        """Blob storage."""

    @property
    def swept(self) -> SweptFleetStore:
        """Blob storage."""

    @property
    def operations(self) -> OperationStore:
        """Blob storage."""

    @property
    def rollouts(self) -> RolloutStore:
        """Blob storage."""

    @property
    def queue(self) -> WorkQueue:
        """Queue storage."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time, UTC."""

    @property
    def effect_seconds(self) -> float:
        """How long a new key may take to show and to work."""


def look_again_seconds(services: Services) -> float:
    """How often to look for a new key meanwhile."""
    return min(3.0, services.effect_seconds / 10)
