"""Closing the client connections of a hub, over SignalR's data plane.

`POST {endpoint}/api/hubs/{hub}/:closeConnections?reason=…` is answered 204 without a body, also for a hub that does not
exist (REST API reference, 2022-06-01; Microsoft's emulator, run). The reason is shown to every client, whoever it is:
so it says nothing of why the operator wanted it.
"""

import urllib.parse

import aiohttp
from yarl import URL

from shared.adapters.signalr_token import API_VERSION, signed
from shared.domain.errors import Rejected, Throttled, Unavailable
from shared.domain.keys import AccessKey

_REASON = "An access key was replaced"
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_CLOSED, _UNAUTHORIZED, _REQUEST_TIMEOUT, _THROTTLED, _SERVER_ERROR = 204, 401, 408, 429, 500


class SignalRHubs:
    """`HubConnections`: one request for each hub, sent once."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def close(self, key: AccessKey, hub: str) -> None:
        """See `HubConnections.close`."""
        address = f"{key.endpoint}/api/hubs/{urllib.parse.quote(hub.lower(), safe=',')}/:closeConnections"
        query = urllib.parse.urlencode({"api-version": API_VERSION, "reason": _REASON})
        try:
            async with self._session.post(
                URL(f"{address}?{query}", encoded=True),
                headers=signed(key, address),
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as answer:
                status = answer.status
        except Exception as error:  # noqa: BLE001 - an endpoint may be any text, and aiohttp does not say what that raises
            raise Unavailable(f"SignalR did not answer ({type(error).__name__})", step="close") from None
        if status == _CLOSED:
            return
        message = f"SignalR answered {status}"
        if status == _THROTTLED:
            raise Throttled(message, step="close", service="SignalR")
        # 401: the key was just seen to be accepted; one of the service's instances has yet to learn it.
        if status in {_UNAUTHORIZED, _REQUEST_TIMEOUT} or status >= _SERVER_ERROR:
            raise Unavailable(message, step="close")
        raise Rejected(message, step="close")
