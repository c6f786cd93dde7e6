"""Requests that are sent once, and never again by themselves.

aiohttp repeats a PUT whose connection broke, because HTTP calls PUT idempotent (RFC 9110, 9.2.2). Key Vault's "Set
Secret" is a PUT that adds a version each time: the repetition of one whose answer was lost makes two. azure-core's
`retry_total=0` does not reach that far down.
"""

from aiohttp import (
    ClientConnectionError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    ServerDisconnectedError,
)
from azure.core.pipeline.transport import AioHttpTransport


async def _once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    try:
        return await send(request)
    except (ClientOSError, ServerDisconnectedError) as error:
        if request.method != "PUT":
            raise
        # The same, under a name that aiohttp does not repeat a request for.
        raise ClientConnectionError(str(error)) from error


def sending_once(*, trust_env: bool, **timeouts: float) -> AioHttpTransport:
    """azure-core's own transport, with a session that sends a PUT once. To be called inside the event loop.

    `trust_env`: look for proxies in the environment. `timeouts` are azure-core's, by name [s].
    """
    session = ClientSession(
        trust_env=trust_env, cookie_jar=DummyCookieJar(), auto_decompress=False, middlewares=(_once,)
    )
    return AioHttpTransport(session=session, **timeouts)
