"""What a monitored timer remembers across restarts: a blob of the app's storage, as the platform's host writes it.

`azure-webjobs-hosts/timers/{host id}/Host.Functions.{function}/status` holds `Last`, `Next` and `LastUpdated`. It is
written at the first start and after each scheduled run; a run by hand only reads it.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from local.functions_host.invocation_log import log

CONTAINER = "azure-webjobs-hosts"
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimerStatus:
    """When it ran last, for which moment it is due next, and when that was written."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        """As the trigger and the blob have it."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


class TimerStatuses:
    """The status blobs of one host's timers. Without storage nothing is remembered: a missed time is lost."""

    def __init__(self, service: BlobServiceClient | None) -> None:
        self._service = service
        given = os.environ.get("AzureFunctionsWebHost__hostid")  # noqa: SIM112 - the platform's spelling
        name = given or os.environ.get("WEBSITE_SITE_NAME") or "local"
        self._host_id = name.lower()[:32]

    async def read(self, function: str) -> TimerStatus | None:
        """What is known of a timer; None where it never started."""
        if self._service is None:
            return None
        try:
            blob = self._service.get_blob_client(CONTAINER, self._path(function))
            content = json.loads(await (await blob.download_blob()).readall())
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            log.warning("timer status cannot be read", extra={"function": function, "error": type(error).__name__})
            return None
        return TimerStatus(*(datetime.fromisoformat(content[name]) for name in ("Last", "Next", "LastUpdated")))

    async def write(self, function: str, status: TimerStatus) -> None:
        """Keep it; where storage is away, a missed time is lost."""
        if self._service is None:
            return
        container = self._service.get_container_client(CONTAINER)
        content = json.dumps(status.as_json())
        try:
            try:
                await container.upload_blob(self._path(function), content, overwrite=True)
            except ResourceNotFoundError:
                await _made(self._service)
                await container.upload_blob(self._path(function), content, overwrite=True)
        except AzureError as error:
            log.warning("timer status cannot be written", extra={"function": function, "error": type(error).__name__})

    async def close(self) -> None:
        """Close the connections."""
        if self._service is not None:
            await self._service.close()

    def _path(self, function: str) -> str:
        return f"timers/{self._host_id}/Host.Functions.{function}/status"


async def _made(service: BlobServiceClient) -> None:
    try:
        await service.create_container(CONTAINER)
    except ResourceExistsError:
        return
