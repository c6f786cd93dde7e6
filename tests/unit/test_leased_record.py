"""What a run stages is written with its next write, or as it is put off; never after one that may have been done."""

import pytest

from shared.domain.errors import Unavailable
from shared.domain.record import Record
from shared.rotation.leased_record import LeasedRecord


class Lease:
    """A lease whose writes are kept, and refused at will."""

    def __init__(self) -> None:
        self.written: list[Record] = []
        self.broken = False

    @property
    def remaining_seconds(self) -> float:
        return 60.0

    async def renew(self) -> None:
        raise AssertionError("nothing here takes long")

    async def write(self, record: Record) -> None:
        self.written.append(record)
        if self.broken:
            raise Unavailable("the answer was lost", step="ledger")


FOUND, STAGED, LATER = (Record(resource=f"/subscriptions/s/resourceGroups/g/{name}") for name in ("a", "b", "c"))


@pytest.fixture
def lease() -> Lease:
    return Lease()


@pytest.fixture
def leased(lease: Lease) -> LeasedRecord:
    return LeasedRecord(lease, FOUND)


async def test_nothing_is_saved_where_nothing_was_staged(lease: Lease, leased: LeasedRecord) -> None:
    await leased.save()

    assert [] == lease.written


async def test_what_was_staged_is_saved_once(lease: Lease, leased: LeasedRecord) -> None:
    leased.stage(STAGED)

    await leased.save()
    await leased.save()

    assert [STAGED] == lease.written


async def test_what_was_written_since_is_not_saved_again(lease: Lease, leased: LeasedRecord) -> None:
    leased.stage(STAGED)
    await leased.write(LATER)

    await leased.save()

    assert ([LATER], LATER) == (lease.written, leased.record)


async def test_nothing_older_is_saved_after_a_write_whose_answer_was_lost(lease: Lease, leased: LeasedRecord) -> None:
    leased.stage(STAGED)
    lease.broken = True
    with pytest.raises(Unavailable):
        await leased.write(LATER)
    lease.broken = False

    await leased.save()

    assert [LATER] == lease.written
