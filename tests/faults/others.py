"""The other resources of an installation, as far as one resource meets them: they fail, and fall due, by the dozen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from shared.domain.errors import KeyUnchanged
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Record
from shared.domain.resources import ResourceId
from shared.domain.rollout import Waves
from shared.http.app_roles import ENABLED
from shared.http.messages import HttpRequest
from shared.http.routes import handle
from shared.rotation.rollout import Rollouts
from shared.settings import Settings
from tests.faults.memory import RESOURCE, Worker
from tests.faults.memory_ports import services_of
from tests.http.test_access import principal

WAVES = Waves.parse("1,10%,100%", timedelta(minutes=15))
ADMIN = "KeyRotation.Admin"
RESUME_SETTINGS = Settings(
    AzureWebJobsStorage="UseDevelopmentStorage=true",
    SIGNALR_RESOURCE_IDS=str(RESOURCE),
    KEY_VAULT_URL="https://vault",
    EVENT_GRID_TOPIC_ENDPOINT="https://topic",
    REQUIRED_ADMIN_ROLE=ADMIN,
)
_OTHERS_FIRST = "a-rollout"  # in the order that this id gives, one of the others comes first
_OTHERS = [ResourceId(RESOURCE.subscription, "live", f"other{number}") for number in range(11)]


def scheduled(resource: ResourceId, now: datetime) -> Journal:
    """A scheduled rotation for which ARM was asked once."""
    return Journal(
        rotation_id=f"of-{resource.name}-{now.isoformat()}",
        kind=Kind.ROTATE,
        slot=Slot.SECONDARY,
        trigger="timer",
        requested_at=now,
        scheduled=True,
        attempts=1,
        overlap_hours=48,
        times={Step.PLANNED: now},
    )


async def fails(rollouts: Rollouts, resource: ResourceId, now: datetime) -> None:
    """It ends in failure, and is counted."""
    failed = KeyUnchanged("the key is what it was", step="regenerate")
    await rollouts.failed(Record(resource=str(resource), journal=scheduled(resource, now)), failed)


@dataclass(frozen=True, slots=True)
class Others:
    """What their workers do to the state that all share, each by the app's own functions."""

    worker: Worker

    @property
    def rollouts(self) -> Rollouts:
        """The rollout, as another worker knows it."""
        return Rollouts(services_of(self.worker, effect_seconds=15))

    async def fail(self, times: int) -> None:
        """Scheduled rotations of so many of them fail, after ARM was asked."""
        now = self.worker.cloud.now()
        for resource in _OTHERS[:times]:
            await fails(self.rollouts, resource, now)

    async def fall_due(self, also: Mapping[ResourceId, InventoryEntry | None]) -> None:
        """More of them are due than are rotated at once, so that a sweep begins waves."""
        fleet, now = {**dict.fromkeys(_OTHERS), **also}, self.worker.cloud.now()
        stored = services_of(self.worker, effect_seconds=15).rollouts
        await stored.change(lambda known: known.planned(fleet, WAVES, now=now, rollout_id=_OTHERS_FIRST))

    async def are_done(self, also: Mapping[ResourceId, InventoryEntry | None]) -> None:
        """A sweep finds nothing due but these, and announces what waits."""
        rollouts = self.rollouts
        await rollouts.plan(also, WAVES)
        await rollouts.announce()


@dataclass(frozen=True, slots=True)
class ResumeApi:
    """What `POST /resume` needs of the app."""

    settings: Settings
    rollouts: Rollouts


async def resume(api: ResumeApi, *, admin: bool) -> tuple[int, dict[str, object]]:
    """Somebody calls it, with an administrator's role or without: status and body of the answer."""
    claims = [("roles", ADMIN)] if admin else []
    request = HttpRequest("POST", "https://app/api/resume", principal(*claims), body=b"{}")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(ENABLED, "true")
        answer = await handle("resume", request, lambda: api)  # type: ignore[arg-type,return-value] - the rest is not asked for
    return answer.status, json.loads(answer.body)
