"""All communication with ARM's SignalR resource provider (`Microsoft.SignalRService`, through azure-mgmt-signalr).

What is surprising here was seen on the wire and in the SDK's source (azure-mgmt-signalr 1.2.0, azure-core 1.41):

- `begin_regenerate_key(...).result()` gives keys that are all None: keys come from `list_keys`.
- Only 202 counts as success to the SDK: it raises on 200 and 201, after the key has changed. Older fronts answer 201.
- The pipeline would retry the POST on 500, 503, 504 and on anything that carries Retry-After: a second regeneration.
- The default pace of polling is 30 s; the operation takes 13-19 s. One 404 among the polls would end it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.polling.base_polling import BadStatus
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling
from azure.mgmt.signalr.aio import SignalRManagementClient
from azure.mgmt.signalr.models import RegenerateKeyParameters, SignalRResource

from shared.answers import translated
from shared.errors import Busy, Unavailable
from shared.model import AccessKey, KeyPair, KeyType, Resource, ResourceId, Slot

NEXT_POLL_SECONDS = 2.0
_BUSY_SECONDS = 10.0
_LOST_POLLS_IN_A_ROW = 5
_ACTION = "Microsoft.SignalRService/SignalR"


class Ending(StrEnum):
    """What ARM said of a regeneration. Whether the key changed is for the keys to tell."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


class SameHost(SansIOHTTPPolicy[Any, Any]):
    """Refuses to send a request, and with it the bearer token, to a host other than ARM's own.

    The SDK follows `Azure-AsyncOperation` to wherever an answer names.
    """

    def __init__(self, endpoint: str) -> None:
        self._host = urlsplit(endpoint).netloc.lower()

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Raise `AzureError` for any other host. Subdomains count as ARM's own: regional fronts are named so."""
        host = urlsplit(request.http_request.url).netloc.lower()
        if host != self._host and not host.endswith(f".{self._host}"):
            raise AzureError(f"ARM's answer points to another host than {self._host}: not followed")


class _Polling(AsyncARMPolling):
    """Polls late, then closely, and outlives a few polls that fail (a 404, a 5xx, a lost connection)."""

    def __init__(self, first_seconds: float) -> None:
        self._wait = first_seconds
        self._then = min(NEXT_POLL_SECONDS, first_seconds)
        super().__init__(timeout=self._then, lro_options={"final-state-via": "azure-async-operation"})
        self._lost = 0

    async def _poll(self) -> None:
        await self._delay()
        await super()._poll()

    async def _delay(self) -> None:
        # An answer's Retry-After counts where it asks for more than our own pace.
        await self._sleep(max(self._wait, self._extract_delay()))
        self._wait = self._then

    async def update_status(self) -> None:
        try:
            await super().update_status()
        except (AzureError, BadStatus):
            self._lost += 1
            if self._lost >= _LOST_POLLS_IN_A_ROW:
                raise
        else:
            self._lost = 0


class SignalR:
    """The SignalR resources of the subscriptions that `client_for` reaches.

    An operation is polled first after `first_poll_seconds`, then every two seconds: the operation never ended sooner
    than 13 s, and polls draw on the read budget that a whole fleet shares.
    """

    def __init__(
        self,
        client_for: Callable[[str], SignalRManagementClient],
        *,
        operation_timeout_seconds: float,
        first_poll_seconds: float,
    ) -> None:
        self._client_for = client_for
        self._timeout = operation_timeout_seconds
        self._first_poll_seconds = first_poll_seconds

    async def get(self, resource: ResourceId) -> Resource:
        """What ARM knows of the resource. Raises `NotFound`, `NotPermitted`, `Throttled`, `Unavailable`."""
        with translated(f"ARM (get {resource.name})", needs=f"{_ACTION}/read", step="observe"):
            found = await self._client_for(resource.subscription).signal_r.get(resource.group, resource.name)
            return _resource(resource, found)

    async def discover(self, subscription: str) -> AsyncIterator[Resource]:
        """Every SignalR resource of a subscription, page by page."""
        with translated(f"ARM (list {subscription})", needs=f"{_ACTION}/read", step="discover"):
            async for found in self._client_for(subscription).signal_r.list_by_subscription():
                yield _resource(ResourceId.parse(str(found.id)), found)

    async def keys(self, resource: ResourceId) -> KeyPair:
        """Both keys as they are now. A POST: it draws on ARM's write budget."""
        with translated(f"ARM (listKeys {resource.name})", needs=f"{_ACTION}/listKeys/action", step="listKeys"):
            found = await self._client_for(resource.subscription).signal_r.list_keys(resource.group, resource.name)
            if not found.primary_key or not found.secondary_key:
                raise Unavailable(f"ARM (listKeys {resource.name}) answered without keys", step="listKeys")
            endpoint = _endpoint(found.primary_connection_string or "")
            return KeyPair(
                AccessKey(Slot.PRIMARY, endpoint, found.primary_key),
                AccessKey(Slot.SECONDARY, endpoint, found.secondary_key),
            )

    async def regenerate(self, resource: ResourceId, key_type: KeyType, *, answer_within: float) -> Ending:
        """Ask for a new key once, never twice, and wait for the operation to end.

        `answer_within` [s] bounds the POST itself: what is left of the lease. `UNKNOWN` means that ARM may or may not
        have acted. Raises only when ARM refused: `NotPermitted`, `NotFound`, `Throttled`, `Rejected`, and `Busy` when
        another operation runs on the resource.
        """
        operations = self._client_for(resource.subscription).signal_r
        try:
            async with asyncio.timeout(answer_within):
                poller = await operations.begin_regenerate_key(
                    resource.group,
                    resource.name,
                    RegenerateKeyParameters(key_type=key_type.value),
                    polling=_Polling(self._first_poll_seconds),
                    retry_total=0,
                    raw_response_hook=_as_accepted,
                    read_timeout=answer_within,
                    connection_timeout=answer_within,
                )
        except HttpResponseError as error:
            if not _refuses(error.status_code):
                return Ending.UNKNOWN
            with translated(
                f"ARM (regenerateKey {resource.name})", needs=f"{_ACTION}/regenerateKey/action", step="regenerate"
            ):
                _raise_if_busy(error, resource)
                raise
        except (AzureError, TimeoutError, OSError):
            return Ending.UNKNOWN
        try:
            async with asyncio.timeout(self._timeout):
                await poller.wait()
        except HttpResponseError:
            return Ending.FAILED if poller.status() in {"Failed", "Canceled"} else Ending.UNKNOWN
        except (AzureError, TimeoutError, OSError):
            return Ending.UNKNOWN
        return Ending.SUCCEEDED


def _as_accepted(response: PipelineResponse[Any, Any]) -> None:
    """Have the SDK follow the operation behind a 200 or 201 as it does behind a 202."""
    if response.http_response.status_code in {200, 201}:
        response.http_response.status_code = 202


def _refuses(status: int | None) -> bool:
    """Whether this answer says that nothing was done. A 408 does not: a front gave up waiting for whoever may act."""
    return status is not None and 400 <= status < 500 and status != 408  # noqa: PLR2004 - HTTP's own numbers


def _raise_if_busy(error: HttpResponseError, resource: ResourceId) -> None:
    # The status of this refusal is not known, only its words ("Service must be active state").
    if error.status_code == 409 or "active state" in str(error.message):  # noqa: PLR2004 - HTTP's own number
        raise Busy(f"another operation runs on {resource.name}", step="regenerate", retry_after=_BUSY_SECONDS) from None


def _resource(resource: ResourceId, found: SignalRResource) -> Resource:
    return Resource(
        id=resource,
        provisioning_state=str(found.provisioning_state or "Unknown"),
        local_auth_disabled=bool(found.disable_local_auth),
        tags=dict(found.tags or {}),
    )


def _endpoint(connection_string: str) -> str:
    for part in connection_string.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "endpoint":
            return value.rstrip("/")
    raise Unavailable("ARM (listKeys) answered a connection string without Endpoint", step="listKeys")
