"""The one clock of all emulators: real time plus however far a test has travelled."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Real time with an offset. Nothing that takes place in the background (operations, deliveries) waits for it."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._clients_ahead = timedelta()

    def reset(self) -> None:
        """Back to real time."""
        self._ahead = self._clients_ahead = timedelta()

    def now(self) -> datetime:
        """What the services stamp on everything they write."""
        return datetime.now(UTC) + self._ahead

    def seconds(self) -> float:
        """The same as seconds since 1970."""
        return self.now().timestamp()

    def expiry_seconds(self) -> float:
        """What token expiries are judged by, in seconds since 1970.

        Differs from `seconds()` only after a journey the clients did not make: a token that their own clock calls valid
        must then stay valid, or no client could sign in again without being told what day it is.
        """
        return (datetime.now(UTC) + min(self._ahead, self._clients_ahead)).timestamp()

    def latest_seconds(self) -> float:
        """What the beginnings of tokens are judged by, in seconds since 1970.

        Differs from `seconds()` as `expiry_seconds()` does, to the other side: a token is dated by the services'
        calendar or by the clients', and neither may call it one of the future.
        """
        return (datetime.now(UTC) + max(self._ahead, self._clients_ahead)).timestamp()

    def travel(self, seconds: float, *, clients_too: bool = True) -> datetime:
        """Move by so many seconds, back with a negative number; the new time."""
        self._ahead += timedelta(seconds=seconds)
        if clients_too:
            self._clients_ahead += timedelta(seconds=seconds)
        return self.now()


def timestamp(moment: datetime) -> str:
    """As ARM writes it: ISO 8601 with seven fractional digits, of which Python knows six."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
