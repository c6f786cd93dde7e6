"""A resource's record while this worker holds its lease: what is known, and how much time is left to act on it.

Every write is fenced: a worker that lost the lease gets `LeaseLost` and stops.
"""

from typing import Protocol

from shared.domain.errors import LeaseLost
from shared.domain.journal import Journal
from shared.domain.record import Record

LEASE_SECONDS = 60  # the longest a blob lease can be, short of forever (Blob service REST API, Lease Blob)
CALL_SECONDS = 30.0  # how long one call to a service may take: half a lease
ANNOUNCING_SECONDS = 10.0  # for all that one attempt announces: a topic that hangs must not cost it the lease
_MARGIN_SECONDS = 5.0


class Lease(Protocol):
    """The lease itself, as the store grants it. Every method raises `LeaseLost` when another worker has it."""

    @property
    def remaining_seconds(self) -> float:
        """How long it lasts for sure, as far as this worker can know."""

    async def renew(self) -> None:
        """Make it last its whole length again."""

    async def write(self, record: Record) -> None:
        """Replace the record."""


class LeasedRecord:
    """The record, as this run last wrote or staged it. `announcing_seconds`: what is left of the time for that."""

    def __init__(self, lease: Lease, record: Record, *, call_seconds: float = CALL_SECONDS) -> None:
        self.announcing_seconds = ANNOUNCING_SECONDS
        self._lease = lease
        self._record = record
        self._staged = False
        self._call_seconds = call_seconds

    @property
    def record(self) -> Record:
        """The record."""
        return self._record

    @property
    def journal(self) -> Journal:
        """The open journal."""
        if self._record.journal is None:
            raise AssertionError("no journal is open")
        return self._record.journal

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log line says of the run: nothing secret."""
        return {"resource": self._record.resource, **self.journal.log_fields}

    async def write(self, record: Record) -> None:
        """Replace the record. Raises `LeaseLost`."""
        self._staged = False  # a write whose answer is lost may have been done: nothing older may follow
        await self._lease.write(record)
        self._record = record

    async def update(self, journal: Journal) -> None:
        """Write the open journal as it is now known. Raises `LeaseLost`."""
        await self.write(self._record.with_journal(journal))

    def stage(self, record: Record) -> None:
        """Hold this record back for the next write: a crash before that loses the change."""
        self._record = record
        self._staged = True

    async def save(self) -> None:
        """Write what is staged, if anything is. Raises `LeaseLost`."""
        if self._staged:
            await self.write(self._record)

    async def prolong(self) -> None:
        """Make the lease outlast a whole call, if it does not. Raises `LeaseLost`."""
        if self._lease.remaining_seconds - _MARGIN_SECONDS < self._call_seconds:
            await self.renew()

    async def renew(self) -> None:
        """Make the lease last its whole length again. Raises `LeaseLost`."""
        await self._lease.renew()

    @property
    def timeout_seconds(self) -> float:
        """How long a call that changes something may take: the lease must outlive it. Raises `LeaseLost`."""
        left = min(self._call_seconds, self._lease.remaining_seconds - _MARGIN_SECONDS)
        if left <= 0:
            raise LeaseLost("the lease of this resource is about to run out", step="ledger")
        return left
