"""Any order of requests, faults, deaths, meddling and time, in the real engine over ports in memory.

In memory and not over the wire: three thousand histories of twenty-five steps are some million calls, and a worker must
be stopped between any two of them, to the microsecond and repeatably, which no wire allows. The wire is tests/faults/
test_cuts.py's. Between them stands nothing but the adapters, which tests/integration speaks to the services with.
"""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from shared.domain.keys import KeyType
from shared.domain.requests import Mode, WorkItem
from tests.faults.history import SWEEP
from tests.faults.meddling import Meddling
from tests.faults.memory import NEIGHBOUR, Struck, Trouble, Worker
from tests.faults.scale import CHAOS, EXAMPLES, PHASES, STEPS

TROUBLES: tuple[Trouble | None, ...] = (
    *(None, None, "lost before", "lost after", "throttled", "forbidden"),
    *("killed before", "killed after", "suspended", "late"),
)
troubles = st.tuples(st.sampled_from(TROUBLES), st.integers(1, 30))
wishes = st.sampled_from(
    (
        SWEEP,
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
# Most that matters is in what comes some time later.
later = st.sampled_from((0, 0.02, 1, 25, 49, 24 * 61))
UNREADABLE = (b"{not json", b'{"rotationId": "of-a-future-version", "schemaVersion": 9}', b"\xff\xfe")


class Interleavings(Meddling):
    """Who asks, and what the queue does with it."""

    @rule(hours=later, wish=wishes, trouble=troubles)
    def ask(self, hours: float, wish: dict[str, Any], trouble: Struck) -> None:
        self.time_passes(hours)
        self.work([(self.wished(wish), trouble)])

    @rule(hours=later, trouble=troubles)
    def sweep_comes(self, hours: float, trouble: Struck) -> None:
        self.time_passes(hours)
        self.sweep(trouble=trouble)

    @rule(hours=later, times=st.integers(1, 3))
    def sweeps_go_on(self, hours: float, times: int) -> None:
        for _ in range(times):
            self.time_passes(hours)
            self.sweep()
            self.nobody_is_refused()
            self.all_tell_the_same()

    @rule(wish=wishes, trouble=troubles)
    def ask_for_the_neighbour(self, wish: dict[str, Any], trouble: Struck) -> None:
        self.work([(self.wished(wish, NEIGHBOUR), trouble)])

    @rule(first=wishes, second=wishes, one=troubles, two=troubles)
    def ask_twice_at_once(
        self,
        first: dict[str, Any],
        second: dict[str, Any],
        one: Struck,
        two: Struck,
    ) -> None:
        self.work([(self.wished(first), one), (self.wished(second), two)])

    @rule(trouble=troubles)
    def sweep_all(self, trouble: Struck) -> None:
        """The timer: what it puts on the queue is delivered some time."""
        self.run(self.rotations(Worker(self.cloud, *trouble)).sweep())

    @rule(which=st.integers(0, 100), trouble=troubles)
    def redeliver(self, which: int, trouble: Struck) -> None:
        """Any message ever sent comes again: the queue delivers at least once."""
        if self.asked:
            self.work([(self.fresh(self.asked[which % len(self.asked)]), trouble)])

    @rule(trouble=troubles)
    def deliver(self, trouble: Struck) -> None:
        """What the app itself put on the queue comes."""
        if self.cloud.queue:
            message = self.cloud.queue.pop(0)
            if isinstance(message, WorkItem):
                self.asked.append(message := self.fresh(message))
            content = message.model_dump_json(by_alias=True).encode()
            self.run(self.messages(Worker(self.cloud, *trouble)).work(content))

    @rule(wish=wishes, trouble=troubles)
    def a_newer_version_asks(self, wish: dict[str, Any], trouble: Struck) -> None:
        """A message with what this version does not know."""
        newer = self.wished(wish).model_copy(update={"schema_version": 9, "canary": True})
        self.run(self.messages(Worker(self.cloud, *trouble)).work(newer.model_dump_json(by_alias=True).encode()))

    @rule(content=st.sampled_from(UNREADABLE))
    def an_unreadable_message_comes(self, content: bytes) -> None:
        messages = self.messages(Worker(self.cloud))
        self.loop.run_until_complete(messages.work(content))
        self.loop.run_until_complete(messages.dead_letter(content))

    @rule(which=st.integers(0, 100))
    def give_up(self, which: int) -> None:
        if self.asked:
            self.run(self.engine(Worker(self.cloud)).dead_letter(self.asked[which % len(self.asked)]))


Interleavings.TestCase.settings = settings(
    max_examples=EXAMPLES,
    phases=PHASES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=not CHAOS,  # `make test` plays the same histories each time, `make chaos` others each time
)
TestInterleavings = Interleavings.TestCase
