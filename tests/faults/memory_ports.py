"""The engine's ports to `memory.Cloud`: ARM, the data plane, Key Vault, Event Grid and the queue."""
# ruff: noqa: ARG002 - a port takes what its adapter takes

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from shared.domain.errors import Busy, NotPermitted, Rejected, Throttled, Unavailable
from shared.domain.keys import AccessKey, KeyPair, KeyType, Slot
from shared.domain.observation import PublishedSecret
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.requests import QueuedMessage
from shared.domain.resources import Resource, ResourceId, Scope
from shared.rotation.ports import Ending, NewSecretVersion, Permit, Regenerated, Services, Verdict
from tests.faults.memory import RESOURCE, Killed, Worker
from tests.faults.memory_records import MemoryOperations, MemoryRecords, MemoryRollouts, MemorySweptFleet

_LATE_SECONDS = 8  # how long a request can be held up before ARM acts on it, its answer lost long since
_OPERATION_SECONDS = 4
LONGEST_OPERATION_SECONDS = _LATE_SECONDS + _OPERATION_SECONDS
ENDPOINT = "https://chat.service.signalr.net"


class MemoryPermit:
    """`Permit`: in memory there is always one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


@dataclass
class MemorySignalR:
    """`SignalRKeys`."""

    worker: Worker

    async def get(self, resource: ResourceId) -> Resource:
        async with self.worker.call("get"):
            cloud = self.worker.cloud
            return Resource(resource, cloud.state, local_auth_disabled=False, tags=dict(cloud.tags))

    async def discover(self, scope: Scope) -> AsyncIterator[Resource]:
        if scope.covers(RESOURCE):
            yield await self.get(RESOURCE)

    async def permit(self, resource: ResourceId) -> Permit:
        return MemoryPermit()

    async def keys(self, resource: ResourceId, *, begun: bool = False) -> KeyPair:
        async with self.worker.call("keys"):
            keys = self.worker.cloud.keys
            return KeyPair(*(AccessKey(slot, ENDPOINT, keys[slot]) for slot in Slot))

    async def regenerate(
        self, resource: ResourceId, key_type: KeyType, *, permit: Permit, timeout_seconds: float
    ) -> Regenerated:
        """ARM takes it and is done some seconds later, whoever waits for it or not."""
        cloud = self.worker.cloud
        if cloud.running_until > cloud.now():
            raise Busy("another operation runs", retry_after=10)
        try:
            async with self.worker.call("regenerate"):
                cloud.watch("regenerate", self.worker, key_type)
                if self.worker.trouble == "late":
                    self.worker.trouble = None
                    asyncio.get_running_loop().call_later(_LATE_SECONDS, self._begin, key_type)
                    return Regenerated(Ending.UNKNOWN)
                self._begin(key_type)
        except Unavailable:
            return Regenerated(Ending.UNKNOWN)
        await asyncio.sleep(5)
        if self.worker.dead:
            raise Killed
        if key_type is KeyType.SALT:
            return Regenerated(Ending.SUCCEEDED)
        return Regenerated(Ending.SUCCEEDED, AccessKey(Slot(key_type), ENDPOINT, cloud.keys[Slot(key_type)]))

    def _begin(self, key_type: KeyType) -> None:
        cloud = self.worker.cloud
        if cloud.running_until <= cloud.now():
            cloud.running_until = cloud.now() + timedelta(seconds=_OPERATION_SECONDS)
            asyncio.get_running_loop().call_later(_OPERATION_SECONDS - 0.1, self._done, key_type)

    def _done(self, key_type: KeyType) -> None:
        cloud = self.worker.cloud
        if key_type is KeyType.SALT:
            cloud.salts += 1
        elif cloud.unchanged:
            cloud.unchanged -= 1
        else:
            cloud.watch("changed", self.worker, Slot(key_type))
            cloud.renew_key(Slot(key_type))


@dataclass
class MemoryProbe:
    """`KeyProbe`."""

    worker: Worker

    async def probe(self, key: AccessKey) -> Verdict:
        try:
            async with self.worker.call("probe"):
                return self._verdict(key)
        except (Unavailable, Throttled, NotPermitted):
            return Verdict.UNREACHABLE

    async def discriminates(self, endpoint: str) -> bool:
        return await self.probe(AccessKey(Slot.PRIMARY, endpoint, "a-random-key")) is Verdict.REJECTED

    @property
    def clock_error_seconds(self) -> float:
        return 0.0

    def _verdict(self, key: AccessKey) -> Verdict:
        match self.worker.cloud.probes:
            case "closed":
                return Verdict.UNREACHABLE
            case "everybody":
                return Verdict.ACCEPTED
            case "open":
                return Verdict.ACCEPTED if key.reveal() in self.worker.cloud.keys.values() else Verdict.REJECTED


@dataclass
class MemoryConnections:
    """`HubConnections`. The hub named "closed" refuses, and "hangs" does not answer."""

    worker: Worker

    async def close(self, key: AccessKey, hub: str) -> None:
        async with self.worker.call("close"):
            if hub == "closed":
                raise Rejected("SignalR answered 400")
            cloud = self.worker.cloud
            if hub == "hangs" or cloud.probes == "closed" or key.reveal() not in cloud.keys.values():
                raise Unavailable("SignalR did not answer")
            cloud.watch("close", self.worker, key)
            cloud.closings.append(hub.lower())


@dataclass
class MemorySecrets:
    """`SecretStore`."""

    worker: Worker

    async def newest(self, vault_url: str, name: str) -> PublishedSecret | None:
        async with self.worker.call("newest"):
            cloud = self.worker.cloud
            if cloud.disabled:
                return PublishedSecret("", "", datetime.max.replace(tzinfo=UTC))
            return cloud.versions[-1][0] if cloud.versions else None

    async def newest_with_key(self, vault_url: str, name: str) -> tuple[PublishedSecret | None, AccessKey | None]:
        newest = await self.newest(vault_url, name)
        if newest is None or not newest.enabled:
            return newest, None
        return newest, AccessKey(newest.slot_hint or Slot.PRIMARY, ENDPOINT, self.worker.cloud.versions[-1][1])

    async def made_by(self, vault_url: str, name: str, rotation_id: str) -> PublishedSecret | None:
        async with self.worker.call("made_by"):
            versions = (version for version, _ in self.worker.cloud.versions)
            return next((version for version in versions if version.rotation_id == rotation_id), None)

    async def publish(self, version: NewSecretVersion, *, now: datetime, timeout_seconds: float) -> PublishedSecret:
        async with self.worker.call("publish"):
            self.worker.cloud.watch("publish", self.worker, version)
            made = PublishedSecret(
                "",
                "",
                now,
                slot_hint=version.key.slot,
                owner=version.resource,
                endpoint=version.key.endpoint,
                rotation_id=version.rotation_id,
                kind_hint=version.kind,
                retirement=version.retirement,
            )
            return self.worker.cloud.add_version(made, version.key.reveal())


@dataclass
class MemoryEvents:
    """`EventPublisher`."""

    worker: Worker

    async def publish(self, event: OutgoingEvent) -> None:
        async with self.worker.call("announce"):
            self.worker.cloud.events.append((event.rotation_id, event.id))

    async def reach(self) -> None:
        async with self.worker.call("reach"):
            return


@dataclass
class MemoryQueue:
    """`WorkQueue`. Delays are the machine's to choose: a message may come early, late, and twice."""

    worker: Worker

    async def send(
        self,
        message: QueuedMessage,
        *,
        delay: timedelta = timedelta(),
        urgent: bool = False,
        expires_after: timedelta | None = None,
    ) -> None:
        async with self.worker.call("send"):
            self.worker.cloud.queue.append(message)

    async def given_up(self) -> Mapping[str, int]:
        return {}


@dataclass(frozen=True)
class MemoryServices:
    """`Services` of one worker: mypy holds every port to its Protocol here."""

    signalr: MemorySignalR
    probe: MemoryProbe
    connections: MemoryConnections
    secrets: MemorySecrets
    events: MemoryEvents
    records: MemoryRecords
    swept: MemorySweptFleet
    operations: MemoryOperations
    rollouts: MemoryRollouts
    queue: MemoryQueue
    clock: Callable[[], datetime]
    effect_seconds: float


def services_of(worker: Worker, *, effect_seconds: float) -> Services:
    """All ports of a worker of its own."""
    return MemoryServices(
        signalr=MemorySignalR(worker),
        probe=MemoryProbe(worker),
        connections=MemoryConnections(worker),
        secrets=MemorySecrets(worker),
        events=MemoryEvents(worker),
        records=MemoryRecords(worker),
        swept=MemorySweptFleet(worker),
        operations=MemoryOperations(worker),
        rollouts=MemoryRollouts(worker),
        queue=MemoryQueue(worker),
        clock=worker.cloud.now,
        effect_seconds=effect_seconds,
    )
