"""Whether SignalR itself accepts a key: one signed request to the data plane.

`HEAD {endpoint}/api/hubs/{hub}/users/{user}`, signed with the key (`signalr_token`), is answered 401 when the key is
rejected; 200, or 404 with the header `x-ms-error-code: Warning.User.NotExisted`, when it is accepted (SignalR REST API
reference, 2022-06-01; the management SDK takes a 404 without that header for somebody else's). A front that answers
everybody alike is found out by a random key.
"""

import logging
import re
import secrets
import socket
import time
import urllib.parse

import aiohttp
from yarl import URL

from shared.adapters.signalr_token import API_VERSION, signed
from shared.adapters.worker_clock import WorkerClock
from shared.domain.keys import AccessKey, Slot
from shared.rotation.ports import Verdict

log = logging.getLogger("rotation")

_HUB, _USER = "keyrotation", "probe"
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_OK, _REJECTED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404
_NOBODY = re.compile(r"Warning\.\w+\.NotExisted")
_UNRESOLVED = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class SignalRProbe:
    """`KeyProbe`: one request for each look. `session` keeps no connection open: each look is one of its own.

    `clock` is what the answers of the other services say of this worker's clock. SignalR's own word goes before it.
    """

    def __init__(self, session: aiohttp.ClientSession, clock: WorkerClock) -> None:
        self._session = session
        self._others_clock = clock
        self._clock = WorkerClock(every_seconds=0)

    @property
    def clock_error_seconds(self) -> float:
        """See `KeyProbe.clock_error_seconds`."""
        return self._clock.error_seconds or self._others_clock.error_seconds

    async def probe(self, key: AccessKey) -> Verdict:
        """See `KeyProbe.probe`."""
        address = f"{key.endpoint}/api/hubs/{_HUB}/users/{_USER}"
        query = urllib.parse.urlencode({"api-version": API_VERSION})
        sent = time.time()
        try:
            async with self._session.head(
                URL(f"{address}?{query}", encoded=True),
                headers=signed(key, address),
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as answer:
                self._clock.read(answer.headers.get("Date", ""), sent=sent, answered=time.time())
                return _verdict(answer)
        except aiohttp.ClientConnectorDNSError as error:
            unresolved = getattr(error.os_error, "errno", None) in _UNRESOLVED
            return Verdict.CLOSED if unresolved else Verdict.UNREACHABLE
        except Exception as error:  # noqa: BLE001 - an endpoint may be any text, and aiohttp does not say what that raises
            log.debug("probe failed", extra={"error": type(error).__name__})
            return Verdict.UNREACHABLE

    async def discriminates(self, endpoint: str) -> bool:
        """See `KeyProbe.discriminates`."""
        stranger = AccessKey(Slot.PRIMARY, endpoint, secrets.token_urlsafe(63))
        return await self.probe(stranger) is Verdict.REJECTED


def _verdict(answer: aiohttp.ClientResponse) -> Verdict:
    if answer.status == _REJECTED:
        return Verdict.REJECTED
    nobody = answer.status == _NOT_FOUND and _NOBODY.fullmatch(answer.headers.get("x-ms-error-code", ""))
    if answer.status == _OK or nobody:
        return Verdict.ACCEPTED
    return Verdict.CLOSED if answer.status == _FORBIDDEN else Verdict.UNREACHABLE
