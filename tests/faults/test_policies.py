"""Months under every policy at once: no key outlives period and retirement, whatever a sweep meets now and then.

A hold puts it off for as long as it stands, and by one window that it may have missed.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.errors import RotationError
from shared.domain.keys import KeyType, fingerprint
from shared.domain.requests import Mode, RotationCommand
from shared.rotation.inventory import Fleet
from shared.rotation.worker import Worker as Engine
from shared.settings import Settings
from tests.faults.memory import RESOURCE, START, Cloud, Killed, Trouble, Worker
from tests.faults.memory_ports import LONGEST_OPERATION_SECONDS, services_of
from tests.faults.others import Others
from tests.faults.rules import PLACE, watching
from tests.faults.scale import EXAMPLES, PHASES
from tests.faults.virtual_time import TimelessLoop

SWEEPS_EVERY = timedelta(hours=5)
SWEEPS = 110
# Each with the longest time for which it is closed.
WINDOWS = {
    "": timedelta(),
    "Mon-Fri 08:00-18:00 Europe/Berlin": timedelta(hours=62),
    "Sat 22:00-06:00 America/New_York; Wed 00:00-24:00 UTC": timedelta(hours=78),
}
TROUBLES: tuple[Trouble, ...] = ("lost before", "lost after", "throttled", "killed before", "killed after", "late")
WISHES: tuple[dict[str, object], ...] = (
    {"mode": Mode.ROTATE},
    {"mode": Mode.REVOKE},
    {"mode": Mode.ROTATE, "key_type": KeyType.PRIMARY},
    {"mode": Mode.ROTATE, "key_type": KeyType.SECONDARY, "force": True},
)
policies = st.fixed_dictionaries(
    {
        "ROTATION_PERIOD_DAYS": st.sampled_from((5, 9)),
        "RETIRE_PREVIOUS_AFTER_HOURS": st.sampled_from((48, 72)),
        "ROTATION_WINDOW": st.sampled_from(tuple(WINDOWS)),
        "NOTICE_DAYS": st.sampled_from((0, 2)),
        "ROTATION_SPREAD_HOURS": st.sampled_from((0, 24)),
    }
)
steps = st.integers(0, SWEEPS - 1)
wishes = st.dictionaries(steps, st.sampled_from(WISHES), max_size=4)
troubles = st.dictionaries(steps, st.tuples(st.sampled_from(TROUBLES), st.integers(1, 25)), max_size=3)
holds = st.dictionaries(steps, st.sampled_from(("hold", "hold", "resume")), max_size=4)


@dataclass
class Ages:
    """Since when each key is in the world: made, or handed out again."""

    cloud: Cloud
    since: dict[str, datetime] = field(default_factory=dict)
    versions: int = 0

    def look(self, most: timedelta) -> None:
        listed, versions = [*map(fingerprint, self.cloud.resource.keys.values())], self.cloud.secrets[PLACE].versions
        for key in listed:
            self.since.setdefault(key, self.cloud.now())
        for version, _ in versions[self.versions :]:
            self.since[version.fingerprint or ""] = version.since
        self.versions = len(versions)
        oldest = max(self.cloud.now() - self.since[key] for key in listed)
        assert oldest <= most, f"a key is {oldest} old, of {most}"


@settings(
    max_examples=max(8, EXAMPLES // 6),
    phases=PHASES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(policy=policies, wishes=wishes, troubles=troubles, holds=holds)
def test_no_key_is_older_than_its_policy_allows(
    policy: dict[str, object],
    wishes: dict[int, dict[str, object]],
    troubles: dict[int, tuple[Trouble, int]],
    holds: dict[int, str],
) -> None:
    loop, ahead, numbers = TimelessLoop(), timedelta(), count()
    cloud = Cloud(now=lambda: START + ahead + timedelta(seconds=loop.time()), watch=lambda *_: None)
    judge, ages = watching(cloud), Ages(cloud)
    values = Settings(
        AzureWebJobsStorage="UseDevelopmentStorage=true",
        SIGNALR_RESOURCE_IDS=str(RESOURCE),
        KEY_VAULT_URL="https://vault",
        EVENT_GRID_TOPIC_ENDPOINT="https://topic",
        **policy,
    )
    closed = WINDOWS[values.ROTATION_WINDOW]
    most = timedelta(days=values.ROTATION_PERIOD_DAYS, hours=values.RETIRE_PREVIOUS_AFTER_HOURS) + 2 * closed

    def works(trouble: Trouble | None, at: int, **wish: object) -> None:
        services = services_of(Worker(cloud, trouble, at), effect_seconds=15)
        fleet = Fleet(services, named=values.resources, scopes=(), defaults=values.policy_defaults)
        command = RotationCommand(trigger="test", deduplication_key=str(next(numbers)), **wish)
        item = command.for_resource(RESOURCE, cloud.now())
        if item.force:
            judge.forced.add(item.rotation_id)
        with suppress(RotationError, Killed):
            loop.run_until_complete(Engine(services, fleet).work(item))
        loop.run_until_complete(asyncio.sleep(LONGEST_OPERATION_SECONDS))
        judge.live()

    met = held = 0
    for step in range(SWEEPS):
        match holds.get(step):
            case "hold":
                loop.run_until_complete(Others(Worker(cloud)).fail(3))
                most += closed  # it may have missed a window
            case "resume":
                loop.run_until_complete(Others(Worker(cloud)).rollouts.resume(by="test"))
        held += cloud.rollout.held(cloud.now()) is not None
        if wish := wishes.get(step):
            works(None, 0, **wish)
        trouble, at = troubles.get(step, (None, 0))
        works(trouble, at, mode=Mode.SWEEP, tracked=False)
        met += trouble is not None  # one more sweep each may be needed
        ages.look(most + (1 + met + held) * SWEEPS_EVERY)
        ahead += SWEEPS_EVERY
    loop.close()
    noticed = [event for event in cloud.events if event.kind == "RotationUpcoming"]
    assert values.NOTICE_DAYS or not noticed
    assert noticed or wishes or not values.NOTICE_DAYS  # a request puts the due date off, and the notice with it
