"""The app's managed identity: its failures have their own code, and a rejected token is replaced by a new one.

azure-identity keeps a token until it expires, also one that ARM has rejected. A request for a token with claims is
never answered from that cache (azure-identity 1.27, `get_cached_token`): that is how a new one is had. Halfway to its
end a token is renewed, and azure-identity then no longer gives the old one, though it is valid for hours.
"""

import asyncio
import time
from types import TracebackType
from typing import Any, Protocol, Self

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncSupportsTokenInfo, AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy

from shared.adapters.azure_errors import translated
from shared.domain.errors import IdentityMissing, RotationError, Unavailable

_UNAUTHORIZED = 401
_ANY_CLAIMS = '{"access_token":{}}'
_PAUSE_SECONDS = 30.0  # after an endpoint that did not answer
_LEAST_SECONDS = 60.0  # a token that expires sooner is not used in place of a new one
_NEW_TOKEN_SECONDS = 60.0  # how often a new token is asked for at most: one that is rejected too will not get better


class _Credential(AsyncTokenCredential, AsyncSupportsTokenInfo, Protocol):
    """What azure-identity's credentials offer."""


class AppIdentity:
    """A credential for the SDKs. It raises `IdentityMissing` or `Unavailable`: the service was never asked.

    `seconds` bounds each request for a token: an SDK's client holds all its other calls back meanwhile, those that
    renew a lease among them. While none is to be had, the token before is used for as long as it is valid.
    """

    def __init__(self, credential: _Credential, *, seconds: float) -> None:
        self._credential = credential
        self._seconds = seconds
        self._kept: dict[tuple[str | None, ...], AccessTokenInfo] = {}
        self._ask_again_at = 0.0

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        **more: Any,  # noqa: ANN401 - the SDK's own protocol
    ) -> AccessToken:
        """A token for these scopes."""
        with translated("Managed identity"):
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._credential.get_token(*scopes, claims=claims, tenant_id=tenant_id, **more)
            except ClientAuthenticationError as error:
                raise _told(error) from None

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """The same, with all that is known of the token."""
        about = options or {}
        key = (*scopes, about.get("tenant_id"))
        kept = None if about.get("claims") else self._valid(key)
        if kept and time.monotonic() < self._ask_again_at:
            return kept
        try:
            self._kept[key] = await self._renewed(*scopes, options=options)
        except Unavailable:
            if kept is None:
                raise
            self._ask_again_at = time.monotonic() + _PAUSE_SECONDS
            return kept
        return self._kept[key]

    async def _renewed(self, *scopes: str, options: TokenRequestOptions | None) -> AccessTokenInfo:
        with translated("Managed identity"):
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._credential.get_token_info(*scopes, options=options)
            except ClientAuthenticationError as error:
                raise _told(error) from None

    def _valid(self, key: tuple[str | None, ...]) -> AccessTokenInfo | None:
        kept = self._kept.get(key)
        return kept if kept and kept.expires_on > time.time() + _LEAST_SECONDS else None

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self._credential.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


def _told(error: ClientAuthenticationError) -> ClientAuthenticationError | RotationError:
    """An answer of the endpoint as it is; what azure-identity says without having asked, as a missing identity."""
    if error.response is not None:
        return error
    return IdentityMissing(
        "the platform offers the app no managed identity, and no user is signed in: assign an identity to the function "
        "app and set AZURE_CLIENT_ID to its client id (on a developer's machine: az login)"
    )


class NewTokenPolicy(AsyncBearerTokenCredentialPolicy[Any, Any]):
    """Sends a request once more, with a new token, after the service rejected the one that was kept."""

    def __init__(self, credential: AsyncTokenCredential, *scopes: str) -> None:
        super().__init__(credential, *scopes)
        self._new_token = asyncio.Lock()
        self._new_token_at = -_NEW_TOKEN_SECONDS

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Authorize and send it."""
        response = await super().send(request)
        if response.http_response.status_code == _UNAUTHORIZED and await self._authorized_anew(request):
            response = await self.next.send(request)
        return response

    async def _authorized_anew(self, request: PipelineRequest[Any]) -> bool:
        """Whether the request now carries another token than the rejected one, or a newly issued one."""
        headers = request.http_request.headers
        rejected = headers.get("Authorization")
        async with self._new_token:
            await self.on_request(request)
            if headers.get("Authorization") != rejected:  # another request was rejected before, and has fetched it
                return True
            if time.monotonic() < self._new_token_at + _NEW_TOKEN_SECONDS:
                return False
            self._new_token_at = time.monotonic()
            try:
                await self.authorize_request(request, *self._scopes, claims=_ANY_CLAIMS)
            except RotationError:  # no new one to be had: the rejection is what there is to tell
                return False
            return True
