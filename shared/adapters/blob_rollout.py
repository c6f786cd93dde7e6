"""Blob storage: one blob with the state of scheduled rotations that all workers of an installation share.

It is changed by its ETag (`If-Match`): a change whose answer was lost is found done, and one that met another is made
again on what that one left. A blob that can't be read may have been a hold, so it counts as one, until it is replaced.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from azure.storage.blob.aio import ContainerClient
from pydantic import ValidationError

from shared.adapters.azure_errors import translated
from shared.adapters.blob_container import PERMISSION, Exists, as_json, load, replace
from shared.domain.errors import Unavailable
from shared.domain.rollout import RolloutState

log = logging.getLogger("rotation.ledger")

_TRIES = 8
_PAUSE_SECONDS = 0.2


class BlobRollouts:
    """`RolloutStore` in the app's own container."""

    def __init__(self, container: ContainerClient, clock: Callable[[], datetime], *, installation: str = "") -> None:
        self._container = container
        self._clock = clock
        self._name = f"rollouts/{installation or 'all'}.json"

    async def read(self) -> RolloutState:
        """See `RolloutStore.read`."""
        return (await self._load())[0]

    async def change(self, change: Callable[[RolloutState], RolloutState]) -> RolloutState:
        """See `RolloutStore.change`."""
        for attempt in range(_TRIES):
            known, etag, readable = await self._load()
            changed = change(known)
            if changed == known and readable:
                return known
            with (
                translated("Blob storage (rollout)", needs=PERMISSION, step="ledger"),
                suppress(Exists),
            ):
                await replace(self._container, self._name, as_json(changed), etag)
                return changed
            await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS * attempt))  # noqa: S311 - no secret
        raise Unavailable("the state of scheduled rotations is changed by others all the time", step="ledger")

    async def _load(self) -> tuple[RolloutState, str | None, bool]:
        """The state, its ETag, and whether it could be read."""
        with translated("Blob storage (rollout)", needs=PERMISSION, step="ledger"):
            content, etag = await load(self._container, self._name)
        if etag is None:
            return RolloutState(), None, True
        try:
            return RolloutState.model_validate_json(content), etag, True
        except ValidationError as error:
            log.error("rollout state unreadable", extra={"blob": self._name, "faults": error.error_count()})  # noqa: TRY400 - pydantic's text quotes it
            return RolloutState.unreadable(self._clock()), etag, False
