"""The engine's ports to `memory.Cloud`: ARM, the data plane, Key Vault, Event Grid and the queue."""
# ruff: noqa: ARG002 - a port takes what its adapter takes

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Self

from shared.domain.errors import Busy, NotFound, NotPermitted, Rejected, Throttled, Unavailable
from shared.domain.keys import AccessKey, KeyPair, KeyType, Slot
from shared.domain.observation import PublishedSecret
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.requests import QueuedMessage
from shared.domain.resources import Resource, ResourceId, Scope
from shared.rotation.ports import Ending, NewSecretVersion, Permit, Regenerated, Services, Verdict
from tests.faults.memory import RESOURCE, Killed, MemoryResource, MemorySecret, Regeneration, Worker
from tests.faults.memory_records import MemoryOperations, MemoryRecords, MemoryRollouts, MemorySweptFleet

_LATE_SECONDS = 8  # how long a request can be held up before ARM acts on it, its answer lost long since
LATE = (_LATE_SECONDS, 50 * 60, 12 * 60 * 60)
_OPERATION_SECONDS = 4
LONGEST_OPERATION_SECONDS = _LATE_SECONDS + _OPERATION_SECONDS


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
            known = self.worker.cloud.resources[resource]
            if known.missing:
                known.missing -= 1
                raise NotFound("404", step="observe")
            return Resource(known.id, known.state, local_auth_disabled=False, tags=dict(known.tags))

    async def discover(self, scope: Scope) -> AsyncIterator[Resource]:
        for known in self.worker.cloud.resources:
            if scope.covers(known):
                yield await self.get(known)

    async def permit(self, resource: ResourceId) -> Permit:
        return MemoryPermit()

    async def keys(self, resource: ResourceId, *, begun: bool = False) -> KeyPair:
        async with self.worker.call("keys"):
            known = self.worker.cloud.resources[resource]
            return KeyPair(*(AccessKey(slot, known.endpoint, known.keys[slot]) for slot in Slot))

    async def regenerate(
        self, resource: ResourceId, key_type: KeyType, *, permit: Permit, timeout_seconds: float
    ) -> Regenerated:
        """ARM takes it and is done some seconds later, whoever waits for it or not."""
        cloud, known, asked = self.worker.cloud, self.worker.cloud.resources[resource], Regeneration(key_type)
        if known.running_until > cloud.now():
            raise Busy("another operation runs", retry_after=10)
        try:
            async with self.worker.call("regenerate"):
                cloud.watch("regenerate", self.worker, resource, asked)
                if self.worker.trouble == "late":
                    self.worker.trouble = None
                    late = LATE[self.worker.calls.total() % len(LATE)]
                    if late <= _LATE_SECONDS:
                        asyncio.get_running_loop().call_later(late, self._begin, known, asked)
                    else:
                        due, too_late = cloud.now() + timedelta(seconds=late), late > LATE[1]
                        cloud.held.append((due, partial(self._begin, known, asked, too_late=too_late)))
                    return Regenerated(Ending.UNKNOWN)
                self._begin(known, asked)
        except Unavailable:
            return Regenerated(Ending.UNKNOWN)
        await asyncio.sleep(5)
        if self.worker.dead:
            raise Killed
        if key_type is KeyType.SALT:
            return Regenerated(Ending.SUCCEEDED)
        return Regenerated(Ending.SUCCEEDED, AccessKey(Slot(key_type), known.endpoint, known.keys[Slot(key_type)]))

    def _begin(self, known: MemoryResource, asked: Regeneration, *, too_late: bool = False) -> None:
        cloud = self.worker.cloud
        if known.running_until <= cloud.now():
            known.running_until = cloud.now() + timedelta(seconds=_OPERATION_SECONDS)
            what = "changed too late" if too_late else "changed"
            asyncio.get_running_loop().call_later(_OPERATION_SECONDS - 0.1, self._done, known, asked, what)

    def _done(self, known: MemoryResource, asked: Regeneration, what: str) -> None:
        cloud = self.worker.cloud
        if asked.key_type is KeyType.SALT:
            known.salts += 1
        elif known.unchanged:
            known.unchanged -= 1
        else:
            cloud.watch(what, self.worker, known.id, asked)
            cloud.renew_key(asked.slot, known.id)


@dataclass
class MemoryProbe:
    """`KeyProbe`."""

    worker: Worker

    async def probe(self, key: AccessKey) -> Verdict:
        try:
            async with self.worker.call("probe"):
                verdict = self._verdict(key)
        except (Unavailable, Throttled, NotPermitted):
            verdict = Verdict.UNREACHABLE
        cloud = self.worker.cloud
        cloud.unanswered = cloud.unanswered + 1 if verdict in {Verdict.UNREACHABLE, Verdict.CLOSED} else 0
        return verdict

    async def discriminates(self, endpoint: str) -> bool:
        return await self.probe(AccessKey(Slot.PRIMARY, endpoint, "a-random-key")) is Verdict.REJECTED

    @property
    def clock_error_seconds(self) -> float:
        return 0.0

    def _verdict(self, key: AccessKey) -> Verdict:
        cloud = self.worker.cloud
        if cloud.blips:
            cloud.blips -= 1
            return Verdict.UNREACHABLE
        match cloud.probes:
            case "closed":  # no answer, a 503, or a 404 that is not SignalR's own: the adapter gives the same for each
                return Verdict.UNREACHABLE
            case "denied":
                return Verdict.CLOSED
            case "everybody":
                return Verdict.ACCEPTED
            case "open":
                known = (each for each in cloud.resources.values() if each.endpoint == key.endpoint)
                accepted = {one for each in known for one in each.accepted(cloud.now())}
                return Verdict.ACCEPTED if key.reveal() in accepted else Verdict.REJECTED


@dataclass
class MemoryConnections:
    """`HubConnections`. The hub named "closed" refuses, and "hangs" does not answer."""

    worker: Worker

    async def close(self, key: AccessKey, hub: str) -> None:
        async with self.worker.call("close"):
            if hub == "closed":
                raise Rejected("SignalR answered 400")
            cloud = self.worker.cloud
            if hub == "hangs" or cloud.probes == "closed" or not self._accepts(key):
                raise Unavailable("SignalR did not answer")
            cloud.watch("close", self.worker, self._of(key), key)
            cloud.closings.append(hub.lower())

    def _of(self, key: AccessKey) -> ResourceId:
        known = self.worker.cloud.resources.values()
        return next((each.id for each in known if each.endpoint == key.endpoint), RESOURCE)

    def _accepts(self, key: AccessKey) -> bool:
        cloud = self.worker.cloud
        return key.reveal() in cloud.resources[self._of(key)].accepted(cloud.now())


@dataclass
class MemorySecrets:
    """`SecretStore`."""

    worker: Worker

    async def newest(self, vault_url: str, name: str) -> PublishedSecret | None:
        async with self.worker.call("newest"):
            secret = self._secret(vault_url, name)
            if secret.disabled and secret.versions:
                return PublishedSecret("", f"{vault_url}/secrets/{name}", datetime.max.replace(tzinfo=UTC))
            return secret.versions[-1][0] if secret.versions else None

    async def newest_with_key(self, vault_url: str, name: str) -> tuple[PublishedSecret | None, AccessKey | None]:
        newest = await self.newest(vault_url, name)
        key = self._secret(vault_url, name).key
        if newest is None or not newest.enabled or not key:
            return newest, None
        return newest, AccessKey(newest.slot_hint or Slot.PRIMARY, newest.endpoint, key)

    async def made_by(self, vault_url: str, name: str, rotation_id: str) -> PublishedSecret | None:
        try:
            async with self.worker.call("made_by"):
                versions = (version for version, _ in self._secret(vault_url, name).versions)
                return next((version for version in versions if version.rotation_id == rotation_id), None)
        except NotPermitted:
            self.worker.cloud.unheard.add(rotation_id)
            raise

    async def publish(self, version: NewSecretVersion, *, now: datetime, timeout_seconds: float) -> PublishedSecret:
        async with self.worker.call("publish"):
            self.worker.cloud.watch("publish", self.worker, version.resource, version)
            made = PublishedSecret(
                "",
                "",
                now,
                slot_hint=version.key.slot,
                owner=version.resource,
                rotation_id=version.rotation_id,
                kind_hint=version.kind,
                retirement=version.retirement,
            )
            place = (version.policy.vault_url.lower(), version.policy.secret_name.lower())
            return self.worker.cloud.add_version(place, made, version.secret_value())

    def _secret(self, vault_url: str, name: str) -> MemorySecret:
        return self.worker.cloud.secrets[(vault_url.lower(), name.lower())]


@dataclass
class MemoryEvents:
    """`EventPublisher`."""

    worker: Worker
    refusal: str = ""

    async def publish(self, event: OutgoingEvent) -> None:
        async with self.worker.call("announce"):
            match self.worker.cloud.topic:
                case "gone":
                    raise NotFound("404", step="announce")
                case "refusing":
                    raise Rejected("400", step="announce")
                case "there":
                    self.worker.cloud.events.append(event)

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
