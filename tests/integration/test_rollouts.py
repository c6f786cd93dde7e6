"""The state that all workers share, in its blob: answers that are lost, and a worker that has read nothing yet.

And the announcement of a hold, by a topic that hangs.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace as with_fields
from datetime import timedelta
from typing import Any, cast

import pytest

from shared.adapters import blob_rollout
from shared.adapters.blob_container import Exists, replace
from shared.domain.errors import Rejected
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.resources import ResourceId
from shared.domain.rollout import ALL_AT_ONCE
from shared.rotation.leased_record import ANNOUNCING_SECONDS
from shared.rotation.rollout import Rollouts
from tests.faults.memory import START, Cloud, Worker
from tests.faults.memory_ports import MemoryServices, services_of
from tests.faults.others import Others, fails, scheduled
from tests.faults.virtual_time import TimelessLoop
from tests.integration.engine import Engine


def named(name: str) -> ResourceId:
    return ResourceId("0e0e0e0e-0000-4000-8000-0000000000aa", "live", name)


async def others_fail(engine: Engine, times: int) -> None:
    """Scheduled rotations of other resources fail on another worker."""
    for number in range(times):
        await fails(Rollouts(engine.app.services), named(f"other{number}"), engine.app.services.clock())


async def test_a_resume_whose_answer_was_lost_says_that_it_ended_the_hold(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blob is written and the answer lost: azure-core sends it again, and is told that the ETag is another one."""
    await others_fail(engine, 3)
    lost = iter([True])

    async def answered(*args: Any) -> None:
        await replace(*args)
        if next(lost, False):
            raise Exists

    monkeypatch.setattr(blob_rollout, "replace", answered)

    ended = await Rollouts(engine.app.services).resume(by="an operator")

    assert ended is not None
    assert 3 == len(ended.failures)
    state = await engine.app.services.rollouts.read()
    assert state.held(engine.app.services.clock() + timedelta(minutes=1)) is None


async def test_a_resumed_run_counts_its_success_though_its_worker_knew_of_no_failure(engine: Engine) -> None:
    worker = Rollouts(engine.app.services)
    await worker.read()
    await others_fail(engine, 2)

    await worker.succeeded(scheduled(named("mine"), engine.app.services.clock()), resumed=True)

    assert () == (await engine.app.services.rollouts.read()).failures


# -- the announcement of a hold


class Topic:
    """`EventPublisher` that hangs until it is told to answer, and then refuses some."""

    refusal = ""

    def __init__(self) -> None:
        self.asked, self.answers = asyncio.Event(), asyncio.Event()
        self.refused, self.calls = set[str](), list[str]()
        self.taken: list[str] = []

    async def publish(self, event: OutgoingEvent) -> None:
        self.calls.append(event.id)
        self.asked.set()
        await self.answers.wait()
        if event.id in self.refused:
            raise Rejected("400", step="announce")
        self.taken.append(event.id)

    async def reach(self) -> None:
        return


@pytest.fixture
def loop() -> Iterator[TimelessLoop]:
    made = TimelessLoop()
    yield made
    made.close()


class Held:
    """Two holds, the second after an operator ended the first: an event of each waits. One worker knows of them."""

    def __init__(self, loop: TimelessLoop) -> None:
        self.loop, self.topic = loop, Topic()
        self.cloud = Cloud(now=lambda: START + timedelta(seconds=loop.time()), watch=lambda *_: None)
        known = cast("MemoryServices", services_of(Worker(self.cloud), effect_seconds=15))
        self.services = with_fields(known, events=self.topic)  # type: ignore[arg-type] - a publisher as well
        self.worker = Rollouts(self.services)
        self.run(self._hold())
        self.run(self.worker.resume(by="an operator"))
        self.run(self._hold())
        self.run(self.worker.read())

    def run(self, what: Coroutine[Any, Any, object]) -> float:
        """Seconds that it took."""
        began = self.loop.time()
        self.loop.run_until_complete(what)
        return self.loop.time() - began

    async def _hold(self) -> None:
        await Others(Worker(self.cloud)).fail(3)

    @property
    def waiting(self) -> list[str]:
        return [each.id for each in self.cloud.rollout.outbox]


async def test_nobody_stands_in_line_while_the_topic_hangs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    services, topic = engine.app.services, Topic()
    monkeypatch.setattr(services, "events", topic)
    await others_fail(engine, 3)
    worker = Rollouts(services)
    await worker.read()
    first = asyncio.create_task(worker.announce())
    await topic.asked.wait()

    async with asyncio.timeout(ANNOUNCING_SECONDS / 2):
        await asyncio.gather(*(worker.announce() for _ in range(5)))

    still_waiting = not first.done()
    topic.answers.set()
    await first
    assert (True, 1) == (still_waiting, len(topic.taken))
    assert () == (await services.rollouts.read()).outbox


def test_the_first_event_that_a_topic_keeps_waiting_ends_the_announcement(loop: TimelessLoop) -> None:
    held = Held(loop)

    seconds = [held.run(held.worker.announce()) for _ in range(3)]

    assert (2, 1) == (len(held.waiting), len(held.topic.calls))
    assert ANNOUNCING_SECONDS <= seconds[0] < ANNOUNCING_SECONDS + 1
    assert [0, 0] == seconds[1:]


def test_what_was_not_announced_is_tried_again_after_a_minute(loop: TimelessLoop) -> None:
    held = Held(loop)
    held.run(held.worker.announce())
    waiting = held.waiting
    held.topic.answers.set()
    held.run(held.worker.announce())
    at_once = list(held.topic.taken)

    held.run(asyncio.sleep(61))
    held.run(held.worker.announce())

    assert ([], waiting, []) == (at_once, held.topic.taken, held.waiting)


def test_a_sweep_tries_again_whatever_failed_just_before(loop: TimelessLoop) -> None:
    held = Held(loop)
    held.run(held.worker.announce())
    held.topic.answers.set()

    held.run(held.worker.plan({}, ALL_AT_ONCE))
    held.run(held.worker.announce())

    assert (2, []) == (len(held.topic.taken), held.waiting)


def test_a_process_that_starts_anew_announces_what_waits(loop: TimelessLoop) -> None:
    held = Held(loop)
    held.run(held.worker.announce())
    held.topic.answers.set()
    anew = Rollouts(held.services)

    held.run(anew.read())
    held.run(anew.announce())

    assert (2, []) == (len(held.topic.taken), held.waiting)


def test_an_event_that_is_refused_for_what_it_holds_keeps_back_none_behind_it(loop: TimelessLoop) -> None:
    held = Held(loop)
    first, second = held.waiting
    held.topic.refused, _ = {first}, held.topic.answers.set()

    held.run(held.worker.announce())

    assert ([second], [first]) == (held.topic.taken, held.waiting)


def test_what_is_added_during_an_announcement_is_sent_by_it(loop: TimelessLoop) -> None:
    held = Held(loop)
    events = held.cloud.rollout.outbox
    held.cloud.rollout = held.cloud.rollout.announced(events[1])

    async def meanwhile() -> None:
        announcing = asyncio.create_task(held.worker.announce())
        await held.topic.asked.wait()
        await held.services.rollouts.change(lambda known: known.announcing(events[1]))
        await held.worker.announce()
        held.topic.answers.set()
        await announcing

    held.run(meanwhile())

    assert ([each.id for each in events], []) == (held.topic.taken, held.waiting)
