"""Whether this worker's clock can be trusted: it is compared with the `Date` header of the answers that come anyway.

Every answer of Azure says what time it is (RFC 9110, 6.6.1). It was made after the request was sent and before the
answer was read, so a slow answer, or a worker that slept meanwhile, is no error of the clock. One odd answer is none
either: two in a row must say the same.
"""

import logging
import time
from email.utils import parsedate_to_datetime

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

log = logging.getLogger("rotation")

TOKEN_SECONDS, BACKDATED_SECONDS = 300, 60
"""Until when a token for SignalR lives, and from when on: what the clock may be off without a token being rejected."""
READ_EVERY_SECONDS = 30.0
"""How often a header is read while the clock is right: parsing one takes longer than all else that is done here."""


class WorkerClock:
    """What answers say of the clock. `every_seconds`: how often one is read while nothing is wrong."""

    def __init__(self, *, every_seconds: float = READ_EVERY_SECONDS) -> None:
        self.error_seconds = 0.0
        self._every_seconds = every_seconds
        self._next_reading = 0.0
        self._last_error = 0.0

    async def compared(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        """A middleware of aiohttp: send the request, and read the clock off its answer."""
        sent = time.time()
        answer = await send(request)
        if time.monotonic() >= self._next_reading:
            self.read(answer.headers.get("Date", ""), sent=sent, answered=time.time())
        return answer

    def read(self, date: str, *, sent: float, answered: float) -> None:
        """Compare with an answer's date. `error_seconds` is by how much the clock is ahead (behind: negative), or 0.

        It is one that tokens can't bear: they are dated a minute back, and live for five.
        """
        try:
            said = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        ahead, behind = sent - said, said - answered
        error = ahead if ahead >= BACKDATED_SECONDS else -behind if behind >= TOKEN_SECONDS else 0.0
        seen_twice = error * self._last_error > 0
        self._last_error = error
        if error and not seen_twice:
            return
        if error and not self.error_seconds:
            log.warning("worker clock is off", extra={"seconds_ahead": round(error)})
        self.error_seconds = float(round(error))
        self._next_reading = 0.0 if error else time.monotonic() + self._every_seconds
