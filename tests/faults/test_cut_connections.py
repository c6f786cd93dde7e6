"""The connections of a revoked key are cut whatever becomes of the workers: killed, cut off or refused at any call."""

from contextlib import suppress
from datetime import timedelta

import pytest

from shared.domain.errors import RotationError
from shared.domain.record import Outcome
from shared.domain.requests import Mode, RotationCommand
from shared.rotation.inventory import Fleet
from shared.rotation.worker import Worker as Engine
from tests.faults.history import DEFAULTS, EFFECT_SECONDS, TEMPLATES
from tests.faults.memory import RESOURCE, START, Cloud, Killed, Trouble, Worker
from tests.faults.memory_ports import services_of
from tests.faults.rules import watching
from tests.faults.virtual_time import TimelessLoop


class Site:
    """One resource whose revoked key is due to be invalidated."""

    def __init__(self, *hubs: str) -> None:
        self.loop = TimelessLoop()
        self.hours = 0.0
        self.cloud = Cloud(now=lambda: START + timedelta(hours=self.hours, seconds=self.loop.time()), watch=print)
        watching(self.cloud)
        self.attempt(Worker(self.cloud))
        self.pass_time()
        self.attempt(Worker(self.cloud), mode=Mode.REVOKE, overlap_hours=48, close_connections=hubs)
        self.pass_time()

    def pass_time(self) -> None:
        """Longer than an overlap, a lease, and any operation."""
        self.hours += 49

    def attempt(self, worker: Worker, mode: Mode = Mode.SWEEP, **wish: object) -> Outcome | None:
        services = services_of(worker, effect_seconds=EFFECT_SECONDS)
        fleet = Fleet(services, named=(RESOURCE,), scopes=(), defaults=DEFAULTS[TEMPLATES[0]])
        command = RotationCommand("http", RESOURCE, mode, tracked=False, **wish)  # type: ignore[arg-type]
        item = command.for_resource(RESOURCE, self.cloud.now())
        with suppress(RotationError, Killed):
            return self.loop.run_until_complete(Engine(services, fleet).attempt(item))
        return None


def calls_of_a_retirement() -> int:
    site = Site("chat", "news")
    worker = Worker(site.cloud)
    site.attempt(worker)
    site.loop.close()
    return worker.calls.total()


@pytest.mark.parametrize("trouble", ["killed before", "killed after", "lost before", "lost after", "throttled"])
def test_every_hub_is_cut_whichever_call_goes_wrong(trouble: Trouble) -> None:
    for at in range(1, calls_of_a_retirement() + 1):
        site = Site("chat", "news")

        for worker in (Worker(site.cloud, trouble, at), Worker(site.cloud), Worker(site.cloud)):
            site.attempt(worker)
            site.pass_time()

        site.loop.close()
        assert {"chat", "news"} == set(site.cloud.closings), f"{trouble} at call {at}"


def test_a_hub_that_hangs_and_one_that_refuses_keep_no_other_open() -> None:
    site = Site("hangs", "closed", "chat")

    outcome = site.attempt(Worker(site.cloud))

    site.loop.close()
    assert ["chat"] == site.cloud.closings
    assert {"hangs": False, "closed": False, "chat": True} == {
        each.hub: each.closed for each in (outcome.closings if outcome else ())
    }


def test_a_hub_that_refuses_is_asked_once() -> None:
    site = Site("closed")
    worker = Worker(site.cloud)

    site.attempt(worker)

    site.loop.close()
    assert 1 == worker.calls["close"]


def test_the_cut_costs_two_looks_and_a_request_and_a_write_for_each_hub() -> None:
    """Nothing more is asked of ARM than by a retirement without hubs."""
    with_hubs, without = Site("chat", "news"), Site()
    worker, plain = Worker(with_hubs.cloud), Worker(without.cloud)

    with_hubs.attempt(worker)
    without.attempt(plain)

    with_hubs.loop.close()
    without.loop.close()
    assert {"close": 2, "probe": 2, "write": 2} == dict(worker.calls - plain.calls)
