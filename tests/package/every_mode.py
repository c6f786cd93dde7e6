"""The engine, in this process and on the emulators, and one resource led through everything it can do."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared import composition
from shared.domain.errors import RotationError
from shared.domain.journal import Kind
from shared.domain.keys import KeyType
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from shared.settings import Settings

ALL = [Kind.PUBLISH, Kind.ROTATE, Kind.PUBLISH, Kind.ROTATE, Kind.RETIRE, Kind.PUBLISH, Kind.SALT]
"""What `lead` does when nothing is missing: adopt, rotate, switch, revoke, retire, repair, salt."""


@dataclass
class Course:
    """One resource, and what came of it: how each request ended, and what was said where one did not succeed."""

    azure: AzureEmulator
    app: composition.App
    resource: str
    outcomes: list[Outcome] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def lead(self, *, until_a_complaint: bool = False) -> None:
        """Everything there is, in an order in which nothing stands in the way of the next."""
        one = ResourceId.parse(self.resource)
        wishes: list[Callable[[], RotationCommand]] = [
            lambda: RotationCommand("timer"),
            lambda: RotationCommand("http", one, Mode.ROTATE, force=True),
            lambda: RotationCommand("http", one, Mode.ROTATE, key_type=KeyType(self.published_slot)),
            lambda: RotationCommand("http", one, Mode.REVOKE, force=True, overlap_hours=0),
            lambda: RotationCommand("timer", one),
            lambda: self._after_somebody_else(RotationCommand("event", one, Mode.RESYNC)),
            lambda: RotationCommand("http", one, Mode.ROTATE, key_type=KeyType.SALT),
        ]
        for wish in wishes:
            await self._fulfil(wish())
            if until_a_complaint and self.complaints:
                return

    @property
    def kinds(self) -> list[Kind | None]:
        """What succeeded, in order."""
        return [outcome.kind for outcome in self.outcomes if outcome.result is Result.SUCCEEDED]

    @property
    def published_slot(self) -> str:
        """The slot whose live key the newest version holds; the one that is adopted, while there is none."""
        versions = self.azure.secrets().get(f"{self.resource.rsplit('/', 1)[1]}-connection-string", [])
        live = self.azure.valid_keys(self.resource)
        return next((slot for slot, key in live.items() if versions and key in versions[-1]["value"]), "Primary")

    def _after_somebody_else(self, wish: RotationCommand) -> RotationCommand:
        self.azure.regenerate_in_portal(self.resource, self.published_slot)
        return wish

    async def _fulfil(self, wish: RotationCommand) -> None:
        try:
            for request in await self.app.rotations.submit(wish):
                if request.resource != self.resource:
                    continue  # the storage account knows what other tests left behind
                outcome = await self.app.worker.work(request)
                assert outcome is not None, "nothing here is put off"
                self.outcomes.append(outcome)
                if outcome.result in {Result.FAILED, Result.UNKNOWN}:
                    self.complaints.append(outcome.message or "")
        except RotationError as error:
            self.complaints.append(error.message)


@asynccontextmanager
async def course(azure: AzureEmulator, storage: Azurite, *, found_in: str = "subscription") -> AsyncIterator[Course]:
    """A course on a resource of its own that the settings name, or whose group or subscription they name."""
    subscription = str(uuid.uuid4())
    resource = azure.create_signalr("chat", subscription=subscription, tags={"key-rotation": "enabled"})
    where = {
        "resource": {"SIGNALR_RESOURCE_IDS": resource},
        "group": {"SIGNALR_RESOURCE_GROUP_IDS": resource.partition("/providers/")[0]},
        "subscription": {"SIGNALR_SUBSCRIPTION_IDS": subscription},
    }[found_in]
    known = {name: value for name, value in azure.env.items() if name in Settings.model_fields}
    settings = Settings.model_validate(
        known
        | where
        | {
            "AzureWebJobsStorage": storage.connection_string,
            "FIRST_POLL_SECONDS": 0.1,
            "KEY_EFFECT_TIMEOUT_SECONDS": 2,
        }
    )
    app = composition.build(settings)
    try:
        yield Course(azure, app, resource)
    finally:
        await app.close()
