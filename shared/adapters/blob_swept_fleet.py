"""Blob storage: what the last sweep found to be managed, as one blob of compressed JSON for each installation.

A sweep writes it in a single `Put Blob`: one that is killed leaves what was there. Of two sweeps at once the one that
began later wins, whichever ends first (`If-Match`). A reader downloads it only when it has changed (`If-None-Match`).
"""

import gzip
import logging
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient
from pydantic import ValidationError

from shared.adapters.azure_errors import translated
from shared.adapters.blob_container import PERMISSION, Exists, as_json, replace
from shared.domain.swept_fleet import FORMAT, SweptFleet

log = logging.getLogger("rotation.fleet")

_TRIES = 3
_NOT_MODIFIED = 304
_LEVEL = 6


class BlobSweptFleet:
    """`SweptFleetStore` in the app's own container."""

    def __init__(self, container: ContainerClient, clock: Callable[[], datetime], *, installation: str = "") -> None:
        self._container = container
        self._clock = clock
        self._name = f"fleet/{installation}.json.gz" if installation else "fleet.json.gz"
        self._etag: str | None = None
        self._stored: SweptFleet | None = None

    async def read(self) -> SweptFleet | None:
        """See `SweptFleetStore.read`."""
        with translated("Blob storage (fleet)", needs=PERMISSION, step="sweep"):
            await self._refresh()
        return self._stored

    async def write(self, fleet: SweptFleet) -> bool:
        """See `SweptFleetStore.write`."""
        content = gzip.compress(as_json(fleet), _LEVEL, mtime=0)
        with translated("Blob storage (fleet)", needs=PERMISSION, step="sweep"):
            for _ in range(_TRIES):
                await self._refresh()
                if self._stored and not fleet.replaces(self._stored, self._clock()):
                    return False
                with suppress(Exists):  # another sweep was faster, or the answer to what was written here was lost
                    await replace(self._container, self._name, content, self._etag)
                    return True
        return False

    async def _refresh(self) -> None:
        """Read it if it has changed since it was read last."""
        condition: dict[str, Any] = (
            {"etag": self._etag, "match_condition": MatchConditions.IfModified} if self._etag else {}
        )
        try:
            stream = await self._container.get_blob_client(self._name).download_blob(**condition)
            content = await stream.readall()
        except ResourceNotFoundError:
            self._etag = self._stored = None
        except HttpResponseError as error:
            if error.status_code != _NOT_MODIFIED:
                raise
        else:
            self._etag, self._stored = stream.properties.etag, _parsed(content)


def _parsed(content: bytes) -> SweptFleet | None:
    """What is stored; None where it can't be read, or a newer version wrote it: then the fleet is surveyed."""
    try:
        fleet = SweptFleet.model_validate_json(gzip.decompress(content))
    except (ValidationError, OSError, EOFError, ValueError, zlib.error) as error:
        log.warning("fleet unreadable", extra={"kind": type(error).__name__})
        return None
    return fleet if fleet.format <= FORMAT else None
