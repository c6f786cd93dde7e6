"""Any order of requests, faults, deaths, meddling and time, in the real engine over ports in memory.

In memory and not over the wire: two thousand histories of twenty steps are some million calls, and a worker must be
stopped between any two of them, to the microsecond and repeatably, which no wire allows. The wire is tests/faults/
test_cuts.py's. Between them stands nothing but the adapters, which tests/integration speaks to the services with.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.domain.errors import RotationError
from shared.domain.keys import KeyType, Slot
from shared.domain.observation import PublishedSecret
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.rotation.inventory import Fleet
from shared.rotation.worker import Worker as Engine
from shared.settings import Settings
from tests.faults.memory import RESOURCE, START, Cloud, Killed, Trouble, Worker
from tests.faults.memory_ports import ENDPOINT, LONGEST_OPERATION_SECONDS, services_of
from tests.faults.rules import Judge
from tests.faults.scale import EXAMPLES, PHASES
from tests.faults.virtual_time import TimelessLoop

EFFECT_SECONDS = 15.0
SETTINGS = Settings(
    AzureWebJobsStorage="UseDevelopmentStorage=true",
    SIGNALR_RESOURCE_IDS=str(RESOURCE),
    KEY_VAULT_URL="https://vault",
    EVENT_GRID_TOPIC_ENDPOINT="https://topic",
)
TROUBLES: tuple[Trouble | None, ...] = (
    *(None, None, "lost before", "lost after", "throttled", "forbidden"),
    *("killed before", "killed after", "suspended", "late"),
)
troubles = st.tuples(st.sampled_from(TROUBLES), st.integers(1, 30))
wishes = st.sampled_from(
    (
        {"mode": Mode.SWEEP, "tracked": False},
        {"mode": Mode.ROTATE},
        {"mode": Mode.ROTATE, "key_type": KeyType.PRIMARY},
        {"mode": Mode.ROTATE, "key_type": KeyType.SECONDARY},
        {"mode": Mode.ROTATE, "force": True},
        {"mode": Mode.ROTATE, "force": True, "key_type": KeyType.PRIMARY},
        {"mode": Mode.REVOKE},
        {"mode": Mode.REVOKE, "overlap_hours": 0, "close_connections": ("chat", "news")},
        {"mode": Mode.REVOKE, "overlap_hours": 100, "close_connections": ("chat", "closed")},
        {"mode": Mode.RESYNC},
        {"mode": Mode.ROTATE, "key_type": KeyType.SALT},
    )
)


class Rotations(RuleBasedStateMachine):
    """One resource, and everybody who can do something to it."""

    @initialize()
    def begin(self) -> None:
        self.loop = TimelessLoop()
        self.ahead = timedelta()
        self.cloud = Cloud(now=lambda: START + self.ahead + timedelta(seconds=self.loop.time()), watch=lambda *_: None)
        self.judge = Judge(self.cloud)
        self.cloud.watch = self.judge.watch
        self.asked: list[WorkItem] = []
        self.numbers = count()

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self._converges()
            self.loop.close()

    # -- who asks

    @rule(wish=wishes, trouble=troubles)
    def ask(self, wish: dict[str, object], trouble: tuple[Trouble | None, int]) -> None:
        self._work([(self._wished(wish), trouble)])

    @rule(first=wishes, second=wishes, one=troubles, two=troubles)
    def ask_twice_at_once(
        self,
        first: dict[str, object],
        second: dict[str, object],
        one: tuple[Trouble | None, int],
        two: tuple[Trouble | None, int],
    ) -> None:
        self._work([(self._wished(first), one), (self._wished(second), two)])

    @rule(which=st.integers(0, 100), trouble=troubles)
    def redeliver(self, which: int, trouble: tuple[Trouble | None, int]) -> None:
        """Any message ever sent comes again: the queue delivers at least once."""
        if self.asked:
            self._work([(self.asked[which % len(self.asked)], trouble)])

    @rule(trouble=troubles)
    def deliver(self, trouble: tuple[Trouble | None, int]) -> None:
        """What the app itself put on the queue comes."""
        if self.cloud.queue:
            request = self.cloud.queue.pop(0)
            self.asked.append(request)
            self._work([(request, trouble)])

    @rule(which=st.integers(0, 100))
    def give_up(self, which: int) -> None:
        if self.asked:
            self._run(self._engine(Worker(self.cloud)).dead_letter(self.asked[which % len(self.asked)]))

    # -- who meddles

    @rule(hours=st.sampled_from((0.02, 1, 12, 25, 24 * 31, 24 * 61)))
    def time_passes(self, hours: float) -> None:
        # The loop's time stands still between two steps; ARM's operations, which take seconds, must not.
        self.loop.run_until_complete(asyncio.sleep(LONGEST_OPERATION_SECONDS))
        self.ahead += timedelta(hours=hours)

    @rule(slot=st.sampled_from(Slot))
    def renew_in_portal(self, slot: Slot) -> None:
        self.cloud.renew_key(slot)
        self.judge.meddled()

    @rule(value=st.sampled_from(("primary", "secondary", "dead")))
    def publish_by_hand(self, value: str) -> None:
        key = self.cloud.keys[Slot(value.capitalize())] if value != "dead" else "key-of-nowhere"
        self.judge.overtaken()
        self.cloud.add_version(PublishedSecret("", "", self.cloud.now(), endpoint=ENDPOINT), key)
        self.judge.meddled()

    @rule()
    def lose_the_record(self) -> None:
        self.cloud.record = self.cloud.lease = None
        self.judge.record_lost()

    @rule()
    def lose_the_tickets(self) -> None:
        self.cloud.operations.clear()

    @rule()
    def lose_the_queue(self) -> None:
        self.cloud.queue.clear()

    @rule()
    def switch_the_newest_version(self) -> None:
        self.cloud.disabled = bool(self.cloud.versions) and not self.cloud.disabled

    @rule(paused=st.booleans())
    def tag(self, *, paused: bool) -> None:
        self.cloud.tags = {"key-rotation": "paused" if paused else "enabled"}

    @rule(state=st.sampled_from(("Succeeded", "Succeeded", "Updating")))
    def change_state(self, state: str) -> None:
        self.cloud.state = state

    @rule(times=st.integers(0, 3))
    def succeed_without_a_change(self, times: int) -> None:
        self.cloud.unchanged = times

    @rule(probes=st.sampled_from(("open", "closed")))
    def close_the_network(self, probes: str) -> None:
        self.cloud.probes = "closed" if probes == "closed" else "open"

    # -- what holds

    @invariant()
    def nobody_is_refused(self) -> None:
        if hasattr(self, "judge"):
            self.judge.live()

    def _converges(self) -> None:
        """6: with nothing in the way any more, sweeps come to rest where everything holds."""
        self.cloud.disabled, self.cloud.tags, self.cloud.state, self.cloud.unchanged = False, {}, "Succeeded", 0
        for _ in range(8):
            self.time_passes(hours=26)
            outcome = self._work([(self._wished({"mode": Mode.SWEEP, "tracked": False}), (None, 0))])
            if outcome and outcome.result == "Skipped":
                break
        else:
            pytest.fail(f"6 Converges: the last sweep still did something: {outcome}")
        assert self.cloud.record
        assert self.cloud.record.journal is None, "6 Converges: a journal is open"
        self.judge.excused = False
        self.judge.live()
        self.judge.told()

    # -- how

    def _wished(self, wish: dict[str, object]) -> WorkItem:
        number = next(self.numbers)
        request = RotationCommand(trigger="test", deduplication_key=str(number), **wish).for_resource(
            RESOURCE, self.cloud.now()
        )
        self.asked.append(request)
        if request.force:
            self.judge.forced.add(request.rotation_id)
        return request

    def _work(self, orders: list[tuple[WorkItem, tuple[Trouble | None, int]]]) -> object:
        runs = [self._delivered(request, *trouble) for request, trouble in orders]

        async def all_of_them() -> list[object]:
            return list(await asyncio.gather(*runs))

        outcomes = self.loop.run_until_complete(all_of_them())
        return outcomes[-1]

    async def _delivered(self, request: WorkItem, trouble: Trouble | None, at: int) -> object:
        try:
            return await self._engine(Worker(self.cloud, trouble, at)).work(request)
        except RotationError:
            return None
        except Killed:
            return None

    def _run(self, coroutine: object) -> None:
        with suppress(RotationError):
            self.loop.run_until_complete(coroutine)

    def _engine(self, worker: Worker) -> Engine:
        services = services_of(worker, effect_seconds=EFFECT_SECONDS)
        fleet = Fleet(services, named=SETTINGS.resources, scopes=(), defaults=SETTINGS.policy_defaults)
        return Engine(services, fleet)


Rotations.TestCase.settings = settings(
    max_examples=EXAMPLES,
    phases=PHASES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
TestRotations = Rotations.TestCase
