"""Connections and retries: what changes something is sent once, and nothing waits for long inside an invocation.

aiohttp repeats a PUT whose connection broke, because HTTP calls PUT idempotent (RFC 9110, 9.2.2). Key Vault's "Set
Secret" is a PUT that adds a version each time: the repetition of one whose answer was lost makes two. azure-core's
`retry_total=0` does not reach that far down.
"""

from typing import Any
from urllib.request import getproxies_environment

from aiohttp import (
    ClientConnectionError,
    ClientHandlerType,
    ClientMiddlewareType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.core.pipeline.transport import AioHttpTransport

LONGEST_WAIT_SECONDS = 20.0
"""What would wait longer than this inside an invocation is retried later: its place in the worker is for others."""
CONNECTIONS = 512
"""For each pool: host.json lets 128 runs of each queue function into one worker. Two functions rotate, and each run has
a call and a token request under way."""


class BoundedRetryPolicy(AsyncRetryPolicy[Any, Any]):
    """azure-core's retries, but an answer that asks for a long wait is told at once: the message can wait instead."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether to repeat it here."""
        wait = self.get_retry_after(response)
        return not (wait and wait > LONGEST_WAIT_SECONDS) and bool(super().is_retry(settings, response))


async def _once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    try:
        return await send(request)
    except (ClientOSError, ServerDisconnectedError) as error:
        if request.method != "PUT":
            raise
        # The same, under a name that aiohttp does not repeat a request for.
        raise ClientConnectionError(str(error)) from error


def proxy_is_set() -> bool:
    """Whether the environment names a proxy.

    Told to heed the environment, aiohttp looks for a netrc file, on another thread, before every single request: a
    quarter of the CPU that a rotation took. So it is told so only where a proxy is set.
    """
    return bool(getproxies_environment())


def plain_session(*middlewares: ClientMiddlewareType, keep_open: bool = True) -> ClientSession:
    """A session for requests without an SDK. `keep_open`: connections outlive their request."""
    connector = TCPConnector(limit=CONNECTIONS, force_close=not keep_open)
    return ClientSession(connector=connector, trust_env=proxy_is_set(), middlewares=middlewares)


def sending_once(*middlewares: ClientMiddlewareType, trust_env: bool, **timeouts: float) -> AioHttpTransport:
    """azure-core's own transport, with a session that sends a PUT once. To be called inside the event loop.

    `trust_env`: look for proxies in the environment. `timeouts` are azure-core's, by name [s].
    """
    session = ClientSession(
        connector=TCPConnector(limit=CONNECTIONS),
        trust_env=trust_env,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        middlewares=(*middlewares, _once),
    )
    return AioHttpTransport(session=session, **timeouts)
