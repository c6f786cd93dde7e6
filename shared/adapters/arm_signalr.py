"""ARM: the resource provider `Microsoft.SignalRService`, through azure-mgmt-signalr.

What is surprising here was seen on the wire and in the SDK's source (azure-mgmt-signalr 1.2.0, azure-core 1.41):

- `begin_regenerate_key(...).result()` gives keys that are all None: keys come from `list_keys`.
- Only 202 counts as success to the SDK: it raises on 200 and 201, after the key has changed. Older fronts answer 201.
- The pipeline would retry the POST on 500, 503, 504 and on anything that carries Retry-After: a second regeneration.
- The default pace of polling is 30 s; the operation takes 13-19 s. One 404 among the polls would end it.
- The answer to the POST usually holds the new key, before it takes effect: a claim, which only SignalR can confirm.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientConnectorError, ConnectionTimeoutError
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.polling.base_polling import BadResponse, BadStatus
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling
from azure.mgmt.signalr.aio import SignalRManagementClient
from azure.mgmt.signalr.models import RegenerateKeyParameters, SignalRResource

from shared.adapters.arm_rate_limit import RateLimiter
from shared.adapters.azure_errors import refusal, translated
from shared.domain.errors import Busy, RotationError, Throttled, Unavailable
from shared.domain.keys import AccessKey, KeyPair, KeyType, Slot
from shared.domain.resources import Resource, ResourceId, Scope
from shared.rotation.ports import Ending, Permit, Regenerated

log = logging.getLogger("rotation")

_BUSY_SECONDS = 10.0
_LOST_POLLS_IN_A_ROW = 5
_STEP_SECONDS = 0.5
_NOT_CONNECTED = (ClientConnectorError, ConnectionTimeoutError)
_ACTION = "Microsoft.SignalRService/SignalR"
_SEE_OPERATIONS = "Microsoft.SignalRService/SignalR/operationStatuses/read"


class SameHost(SansIOHTTPPolicy[Any, Any]):
    """Refuses to send a request, and with it the bearer token, to a host other than ARM's own.

    The SDK follows `Azure-AsyncOperation` to wherever an answer names.
    """

    def __init__(self, endpoint: str) -> None:
        self._host, self._port = _place(endpoint)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Raise `AzureError` for any other host. Subdomains count as ARM's own: regional fronts are named so."""
        host, port = _place(request.http_request.url)
        if port != self._port or (host != self._host and not host.endswith(f".{self._host}")):
            raise AzureError(f"ARM's answer points to another host than {self._host}: not followed")


def _place(url: str) -> tuple[str, int]:
    """Host and port. Some of ARM's answers name the port that is meant anyway (`management.azure.com:443`)."""
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or 443


class _Polling(AsyncARMPolling):
    """Polls within the subscription's rate limit, and outlives a few polls that fail (a 404, a 5xx, a lost connection).

    `shortest_seconds` is what an operation takes at least: many are not looked at sooner.
    """

    def __init__(self, limiter: RateLimiter, shortest_seconds: float) -> None:
        self._limiter = limiter
        self._shortest = shortest_seconds
        self._looked = False
        self._lost = 0
        self._answer = ""
        self._said = ""
        # The looks at what was begun go before whatever is about to begin.
        super().__init__(timeout=0, lro_options={"final-state-via": "azure-async-operation"}, urgent=True)

    def initialize(self, client: Any, initial_response: PipelineResponse[Any, Any], callback: Any) -> None:  # noqa: ANN401 - the SDK's own types
        """Keep what the answer to the POST said, before the SDK looks at it."""
        self._answer = initial_response.http_response.text()
        super().initialize(client, initial_response, callback)

    def shown(self, slot: Slot) -> AccessKey | None:
        """The key of this slot as the answer to the POST showed it, if it did."""
        try:
            keys = json.loads(self._answer)
            key = AccessKey(slot, _endpoint(keys["primaryConnectionString"]), str(keys[f"{slot.value.lower()}Key"]))
        except (ValueError, KeyError, TypeError, AttributeError, Unavailable):  # empty, `{}` or nothing that we know
            return None
        return key

    @property
    def ending(self) -> Ending:
        """How the operation ended, as an answer's body said. The SDK calls it failed as well where it knows nothing."""
        if self._said in {"failed", "canceled", "cancelled"}:
            return Ending.FAILED
        return Ending.SUCCEEDED if self._said == "succeeded" else Ending.RUNNING

    async def _poll(self) -> None:
        await self._delay()
        await super()._poll()

    async def _delay(self) -> None:
        now = asyncio.get_running_loop().time
        asked, since = self._extract_delay(), now()
        # In steps: when others have begun meanwhile the next look comes later, and when they have ended it comes soon.
        while (left := max(asked, self._interval) - (now() - since)) > 0:
            await self._sleep(min(left, _STEP_SECONDS))
        self._looked = True

    @property
    def _interval(self) -> float:
        """How long to wait at present [s]; an answer's Retry-After counts where it asks for more."""
        if self._looked:
            return self._limiter.poll_seconds
        # Half an interval after it can be over first: a look right then would find next to none.
        return min(self._limiter.first_poll_seconds, self._shortest + self._limiter.poll_seconds / 2)

    async def update_status(self) -> None:
        try:
            await super().update_status()
        except Throttled:  # by the app's own rate limiter: the operation goes on, and so do the looks
            return
        except (AzureError, RotationError, BadStatus, BadResponse):  # no token; the last is a 200 without a status
            self._lost += 1
            if self._lost >= _LOST_POLLS_IN_A_ROW:
                raise
        else:
            self._lost = 0
            self._said = str(self.status()).lower()


class ArmSignalR:
    """`SignalRKeys` of the subscriptions that `client_for` reaches, within the rate limits of `limiter_for`.

    An operation is polled first after `first_poll_seconds`, which it takes at least; sooner when few of them run.
    `key_read` hears the fingerprint of every key that ARM shows, so that the log can know the key again.
    """

    def __init__(
        self,
        client_for: Callable[[str], SignalRManagementClient],
        limiter_for: Callable[[str], RateLimiter],
        *,
        key_read: Callable[[str], None],
        operation_timeout_seconds: float,
        first_poll_seconds: float,
    ) -> None:
        self._client_for = client_for
        self._limiter_for = limiter_for
        self._key_read = key_read
        self._timeout = operation_timeout_seconds
        self._first_poll_seconds = first_poll_seconds

    async def get(self, resource: ResourceId) -> Resource:
        """See `SignalRKeys.get`."""
        with translated(f"ARM (get {resource.name})", needs=f"{_ACTION}/read", step="observe"):
            found = await self._client_for(resource.subscription).signal_r.get(resource.group, resource.name)
            return _resource(resource, found)

    async def discover(self, scope: Scope) -> AsyncIterator[Resource]:
        """See `SignalRKeys.discover`: page by page."""
        operations, group = self._client_for(scope.subscription).signal_r, scope.group
        with translated(f"ARM (list {scope.name})", needs=f"{_ACTION}/read", step="discover"):
            async for found in operations.list_by_resource_group(group) if group else operations.list_by_subscription():
                yield _resource(ResourceId.parse(str(found.id)), found)

    async def keys(self, resource: ResourceId, *, begun: bool = False) -> KeyPair:
        """See `SignalRKeys.keys`. A POST: it draws on ARM's write budget."""
        operations = self._client_for(resource.subscription).signal_r
        with translated(f"ARM (listKeys {resource.name})", needs=f"{_ACTION}/listKeys/action", step="listKeys"):
            found = await operations.list_keys(resource.group, resource.name, urgent=begun)
            if not found.primary_key or not found.secondary_key:
                raise Unavailable(f"ARM (listKeys {resource.name}) answered without keys", step="listKeys")
            endpoint = _endpoint(found.primary_connection_string or "")
            pair = KeyPair(
                AccessKey(Slot.PRIMARY, endpoint, found.primary_key),
                AccessKey(Slot.SECONDARY, endpoint, found.secondary_key),
            )
            self._key_read(pair.primary.fingerprint)
            self._key_read(pair.secondary.fingerprint)
            return pair

    async def permit(self, resource: ResourceId) -> Permit:
        """See `SignalRKeys.permit`."""
        return await self._limiter_for(resource.subscription).writes.permit(urgent=True)

    async def regenerate(
        self, resource: ResourceId, key_type: KeyType, *, permit: Permit, timeout_seconds: float
    ) -> Regenerated:
        """See `SignalRKeys.regenerate`."""
        operations, limiter = self._client_for(resource.subscription).signal_r, self._limiter_for(resource.subscription)
        polling = _Polling(limiter, self._first_poll_seconds)
        try:
            async with asyncio.timeout(timeout_seconds):
                poller = await operations.begin_regenerate_key(
                    resource.group,
                    resource.name,
                    RegenerateKeyParameters(key_type=key_type.value),
                    polling=polling,
                    permit=permit,
                    retry_total=0,
                    raw_response_hook=_as_accepted,
                    read_timeout=timeout_seconds,
                    connection_timeout=timeout_seconds,
                )
        except HttpResponseError as error:
            if not _refuses(error.status_code):
                return Regenerated(Ending.UNKNOWN)
            with translated(
                f"ARM (regenerateKey {resource.name})", needs=f"{_ACTION}/regenerateKey/action", step="regenerate"
            ):
                _raise_if_busy(error, resource)
                raise
        except (AzureError, TimeoutError, OSError) as error:
            if isinstance(getattr(error, "inner_exception", None), _NOT_CONNECTED):  # so it was never sent
                raise Unavailable(f"ARM (regenerateKey {resource.name}) was not reached", step="regenerate") from None
            return Regenerated(Ending.UNKNOWN)
        ending, needs = Ending.SUCCEEDED, ""
        try:
            with limiter.operation():
                async with asyncio.timeout(self._timeout):
                    await poller.wait()
        except HttpResponseError as error:
            ending, needs = polling.ending, _missing_right(error, resource)
        except (AzureError, RotationError, TimeoutError, OSError):  # it was accepted: none of them is a refusal
            ending = polling.ending
        if ending is not Ending.SUCCEEDED:
            return Regenerated(ending, needs=needs)
        shown = None if key_type is KeyType.SALT else polling.shown(Slot(key_type))
        if shown:
            self._key_read(shown.fingerprint)
        return Regenerated(Ending.SUCCEEDED, shown)


def _as_accepted(response: PipelineResponse[Any, Any]) -> None:
    """Have the SDK follow the operation behind a 200 or 201 as it does behind a 202."""
    if response.http_response.status_code in {200, 201}:
        response.http_response.status_code = 202


def _refuses(status: int | None) -> bool:
    """Whether this answer says that nothing was done. A 408 does not: the service behind the front may still act."""
    return status is not None and 400 <= status < 500 and status != 408  # noqa: PLR2004 - HTTP's own numbers


def _missing_right(error: HttpResponseError, resource: ResourceId) -> str:
    """The right that was missing to read an operation's status, if that was why. Whether a key changed shows anyway."""
    if error.status_code != 403:  # noqa: PLR2004 - HTTP's own number
        return ""
    log.warning("operation status not permitted", extra={"resource": str(resource), "needs": _SEE_OPERATIONS})
    return _SEE_OPERATIONS


def _raise_if_busy(error: HttpResponseError, resource: ResourceId) -> None:
    # A 409 has many meanings: those that stay are in the table. Any other is another operation.
    known = refusal(error, "ARM")
    stays = known.cause.terminal and bool(known.code or known.says)
    if issubclass(known.cause.error, Busy) or (error.status_code == 409 and not stays):  # noqa: PLR2004 - HTTP's own number
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
