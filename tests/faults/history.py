"""What a history is made of: a cloud in memory, workers with their troubles, the judge of each resource, the oracle.

What is done to it stands in `meddling` and `test_interleavings`; what must hold, in `rules` and `consistency`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from shared.domain.decision import REJECTED_FOR
from shared.domain.errors import RotationError
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.keys import fingerprint
from shared.domain.operation import Operation
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import Resource, ResourceId
from shared.rotation.incoming_events import IncomingEvents
from shared.rotation.inventory import Fleet, Inventory
from shared.rotation.queue_messages import QueueMessages
from shared.rotation.regenerate import MOST_UNANSWERED
from shared.rotation.submit import Rotations, status_by
from shared.rotation.worker import Worker as Engine
from shared.settings import Settings
from tests.faults.consistency import GRACE, Consistency, Told, World
from tests.faults.memory import (
    NEIGHBOUR,
    OTHER_VAULT,
    RESOURCE,
    START,
    VAULT,
    Cloud,
    Killed,
    MemoryResource,
    Place,
    Struck,
    Worker,
)
from tests.faults.memory_ports import LONGEST_OPERATION_SECONDS, services_of
from tests.faults.others import Others
from tests.faults.rules import Judge
from tests.faults.virtual_time import TimelessLoop

EFFECT_SECONDS = 15.0
NO_TROUBLE: Struck = (None, 0)
SWEEP: dict[str, Any] = {"mode": Mode.SWEEP, "tracked": False}
SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "SIGNALR_RESOURCE_IDS": f"{RESOURCE},{NEIGHBOUR}",
    "KEY_VAULT_URL": VAULT,
    "ALLOWED_KEY_VAULT_URLS": f"{VAULT},{OTHER_VAULT}",
    "EVENT_GRID_TOPIC_ENDPOINT": "https://topic",
}
DEFAULTS = {
    template: Settings(**SETTINGS, SECRET_NAME_TEMPLATE=template).policy_defaults  # type: ignore[arg-type]
    for template in ("{name}-connection-string", "signalr-{name}")
}
TEMPLATES = tuple(DEFAULTS)
OF_ITS_OWN = "of-its-own"


class History(RuleBasedStateMachine):
    """One resource with a neighbour, and what is asked for it."""

    @initialize(settled=st.sampled_from((True, True, False)))
    def begin(self, *, settled: bool) -> None:
        """From nothing; `settled`: with keys that were adopted two days ago."""
        self.loop = TimelessLoop()
        self.ahead = timedelta()
        self.template = TEMPLATES[0]
        self.cloud = Cloud(now=lambda: START + self.ahead + timedelta(seconds=self.loop.time()), watch=lambda *_: None)
        self.judges = {
            each: Judge(self.cloud, known, configured=self._configured(each))
            for each, known in self.cloud.resources.items()
        }
        self.cloud.watch = lambda what, worker, resource, detail: self.judges[resource].watch(what, worker, detail)
        self.judge = self.judges[RESOURCE]
        self.oracles = {each: Consistency() for each in self.cloud.resources}
        self.rejected: dict[ResourceId, tuple[str, datetime, bool]] = {}
        self.asked: list[WorkItem] = []
        self.numbers = count()
        if settled:
            for resource in self.judges:
                self.sweep(resource)
            self.time_passes(hours=49)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            if sys.exception() is None:  # else what was found first is what is to be reported
                self.converges()
            self.loop.close()

    # -- what holds

    @invariant()
    def nobody_is_refused(self) -> None:
        if hasattr(self, "judges"):
            for judge in self.judges.values():
                judge.live()

    @invariant()
    def all_tell_the_same(self) -> None:
        if hasattr(self, "oracles"):
            for resource, oracle in self.oracles.items():
                record, now = self.cloud.records.get(resource), self.cloud.now()
                known = (each for each in self.cloud.operations.values() if each.resource == str(resource))
                statuses = {each.rotation_id: status_by(each, record) for each in known}
                found = [*oracle.look(record, statuses, self.world(resource), now)]
                assert [] == found, f"10 Consistent: {'; '.join(found)}"

    def converges(self) -> None:
        """6: with nothing in the way any more, sweeps come to rest where everything holds."""
        self.clear_the_way()
        self.do_what_is_left_to_an_operator()
        self.run(self.others().are_done(self.entries()))
        assert self.cloud.rollout.outbox == (), "9 Unblocked: a hold was never announced"
        for resource, judge in self.judges.items():
            for _ in range(10):
                self.time_passes(hours=26)
                outcome = self.sweep(resource)
                if outcome and outcome.result == "Skipped" and not judge.overdue:
                    break
            else:
                pytest.fail(f"6 Converges: the last sweep still did something: {outcome}")
            record = self.cloud.records[resource]
            assert record.journal is None, "6 Converges: a journal is open"
            assert record.outbox == (), "9 Unblocked: an event was never sent"
            judge.excused = False
            judge.live()
            judge.told()
            judge.kept()
        self.all_tell_the_same()

    def clear_the_way(self) -> None:
        """Whatever somebody else has put in the way goes away."""
        cloud = self.cloud
        cloud.probes, cloud.topic, cloud.blips, cloud.lag = "open", "there", 0, timedelta()
        cloud.rollout = cloud.rollout.model_copy(update={"rollout": None})  # the others are done; a hold ends by itself
        cloud.away.clear()
        for known in cloud.resources.values():
            known.state, known.unchanged, known.missing = "Succeeded", 0, 0
            known.lagging.clear()
            for tag in ("key-rotation", "key-rotation-window"):
                known.tags.pop(tag, None)
        self.cloud.resources[NEIGHBOUR].tags.clear()
        self.judges[NEIGHBOUR].moved()
        if not self.owned:
            self.rename(secret=OF_ITS_OWN, vault=VAULT)
        self.cloud.secrets[self.judge.configured()].disabled = False

    def do_what_is_left_to_an_operator(self) -> None:
        """ARM has answered none of three regenerations: the failure says to regenerate that key in the portal."""
        record = self.cloud.records.get(RESOURCE)
        if record and record.journal and record.journal.slot and record.journal.unanswered >= MOST_UNANSWERED:
            self.cloud.renew_key(record.journal.slot)
            self.judge.meddled()

    @property
    def owned(self) -> bool:
        """Whether the secret that is configured is free, or the resource's own and one that it may write."""
        versions = self.cloud.secrets[self.judge.configured()].versions
        if not versions:
            return True
        newest, mine = versions[-1][0], map(fingerprint, self.cloud.resource.ever)
        return newest.secret_format is not None and (newest.owner == RESOURCE or newest.fingerprint in mine)

    # -- what both halves need

    def time_passes(self, hours: float) -> None:
        """Hours go by; what is held up is carried out when its time comes."""
        # The loop's time stands still between two steps; ARM's operations, which take seconds, must not.
        self.loop.run_until_complete(asyncio.sleep(LONGEST_OPERATION_SECONDS))
        until = self.cloud.now() + timedelta(hours=hours)
        while due := self.cloud.carried_out(until):
            at, begin = due
            self.ahead += max(at - self.cloud.now(), timedelta())
            self.loop.run_until_complete(self._after(begin))
        self.ahead += max(until - self.cloud.now(), timedelta())

    def rename(self, *, secret: str, vault: str) -> None:
        """The resource's tags name another secret."""
        self.cloud.resource.tags |= {"key-rotation-secret": secret, "key-rotation-vault": vault}
        self.judge.moved()

    def sweep(self, resource: ResourceId = RESOURCE, trouble: Struck = NO_TROUBLE) -> Outcome | None:
        """The next sweep of one resource. What its row says after one that nothing was in the way of must be so."""
        cloud, known = self.cloud, self.cloud.resources[resource]
        in_the_way, blips = trouble[0] or cloud.away or cloud.probes != "open" or known.missing, cloud.blips
        [outcome] = self.work([(self.wished(SWEEP, resource), trouble)])
        idle = outcome is not None and outcome.result is not Result.SUCCEEDED
        self._note_rejected(resource, seen=idle and not (in_the_way or blips))
        if outcome and not in_the_way:
            record, now = self.cloud.records.get(resource), self.cloud.now()
            found = [*self.oracles[resource].at_rest(record, outcome, self.world(resource), now)]
            assert [] == found, f"10 Consistent: {'; '.join(found)}"
        return outcome

    def wished(self, wish: dict[str, Any], resource: ResourceId = RESOURCE) -> WorkItem:
        """A request, as its trigger puts it on the queue."""
        trigger = "timer" if wish is SWEEP else "http"
        command = RotationCommand(trigger, deduplication_key=str(next(self.numbers)), **wish)
        item = self.fresh(command.for_resource(resource, self.cloud.now()))
        self.asked.append(item)
        if item.force:
            self.judges[resource].forced.add(item.rotation_id)
        if item.tracked:
            self.cloud.operations.setdefault(item.rotation_id, Operation.of(item))
            self.cloud.accepted.setdefault(item.rotation_id, self.cloud.now())
        return item

    def fresh(self, item: WorkItem) -> WorkItem:
        """A sweep's message, with the conflicts that there are now: what a sweep saw is not long out of date."""
        if item.mode is not Mode.SWEEP:
            return item
        resource = item.resource_id
        others = [each for each in self.judges if each != resource and self._shared(each, resource)]
        return item.model_copy(update={"conflicts": tuple(map(str, others)), "conflict_count": len(others)})

    def work(self, orders: list[tuple[WorkItem, Struck]]) -> list[Outcome | None]:
        """Workers take these messages, all at once."""
        runs = [self._ended(self.engine(Worker(self.cloud, *trouble)).work(item)) for item, trouble in orders]

        async def all_of_them() -> list[Outcome | None]:
            return list(await asyncio.gather(*runs))

        return self.loop.run_until_complete(all_of_them())

    def run(self, coroutine: Awaitable[object]) -> None:
        """Whatever comes of it."""
        self.loop.run_until_complete(self._ended(coroutine))

    def others(self) -> Others:
        """What other workers of the installation do."""
        return Others(Worker(self.cloud))

    def entries(self) -> dict[ResourceId, InventoryEntry | None]:
        """What the records tell of the two resources."""
        known = self.cloud.records
        return {each: InventoryEntry.of(known[each]) if each in known else None for each in self.judges}

    def engine(self, worker: Worker) -> Engine:
        """The engine in one process."""
        services = services_of(worker, effect_seconds=EFFECT_SECONDS)
        return Engine(services, self._fleet(worker))

    def rotations(self, worker: Worker) -> Rotations:
        """What triggers and callers ask."""
        return Rotations(services_of(worker, effect_seconds=EFFECT_SECONDS), self._fleet(worker), grace=GRACE)

    def messages(self, worker: Worker) -> QueueMessages:
        """What the queue's functions ask."""
        services, fleet = services_of(worker, effect_seconds=EFFECT_SECONDS), self._fleet(worker)
        rotations = self.rotations(worker)
        events = IncomingEvents(services, fleet, Inventory(services, fleet), rotations, vaults=(VAULT, OTHER_VAULT))
        return QueueMessages(services, fleet, Engine(services, fleet), events, rotations, installation="test")

    def world(self, resource: ResourceId) -> World:
        """What is really so of one resource."""
        known, secret = self.cloud.resources[resource], self.cloud.secrets[self.judges[resource].configured()]
        newest = secret.versions[-1][0] if secret.versions and not secret.disabled else None
        made = {
            version.rotation_id: version.fingerprint
            for each in self.cloud.secrets.values()
            for version, _ in each.versions
            if version.rotation_id and version.owner == resource
        }
        rejected = self.rejected.get(resource)
        return World(
            live=frozenset(map(fingerprint, {*known.keys.values(), *known.accepted(self.cloud.now())})),
            newest=newest.fingerprint if newest else None,
            made=made,
            sent=[
                Told.of(event.id, event.kind, event.rotation_id, event.data)
                for event in self.cloud.events
                if event.source == str(resource)
            ],
            resting=known.state == "Succeeded" and not known.missing,
            paused=self._paused(known),
            overdue=self.judges[resource].leaked,
            rejected=rejected[0] if rejected and rejected[2] else None,
        )

    # -- how

    def _paused(self, known: MemoryResource) -> bool:
        return known.tags.get("key-rotation", "enabled") != "enabled"

    def _note_rejected(self, resource: ResourceId, *, seen: bool) -> None:
        """Whether two sweeps, a quarter of an hour apart, could see SignalR reject the key that is published."""
        known, secret = self.cloud.resources[resource], self.cloud.secrets[self.judges[resource].configured()]
        listed = secret.key in known.keys.values() and not secret.disabled
        if not listed or secret.key in known.accepted(self.cloud.now()):
            self.rejected.pop(resource, None)
        elif seen and known.state == "Succeeded" and not self._paused(known):
            key, now = fingerprint(secret.key or ""), self.cloud.now()
            before, since, _ = self.rejected.get(resource, ("", now, False))
            since = since if before == key else now
            self.rejected[resource] = (key, since, now >= since + REJECTED_FOR)

    def _fleet(self, worker: Worker) -> Fleet:
        services = services_of(worker, effect_seconds=EFFECT_SECONDS)
        return Fleet(services, named=(RESOURCE, NEIGHBOUR), scopes=(), defaults=DEFAULTS[self.template])

    def _configured(self, resource: ResourceId) -> Callable[[], Place]:
        def place() -> Place:
            known = self.cloud.resources[resource]
            found = Resource(known.id, known.state, local_auth_disabled=False, tags=known.tags)
            policy = DEFAULTS[self.template].policy_of(found)
            return policy.vault_url.lower(), policy.secret_name.lower()

        return place

    def _shared(self, one: ResourceId, other: ResourceId) -> bool:
        return self.judges[one].configured() == self.judges[other].configured()

    async def _after(self, begin: Callable[[], None]) -> None:
        begin()
        await asyncio.sleep(LONGEST_OPERATION_SECONDS)

    async def _ended(self, coroutine: Awaitable[object]) -> Outcome | None:
        with suppress(RotationError, Killed):
            return cast("Outcome | None", await coroutine)
        return None
