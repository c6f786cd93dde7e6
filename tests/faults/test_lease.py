"""A worker whose lease was stolen finds out at its next write, and changes nothing more."""

import asyncio
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.faults.case import arranged, calls_of
from tests.faults.kinds import STOLEN
from tests.faults.lane import Lane
from tests.faults.modes import MODES
from tests.faults.proxy import Call, Fault
from tests.faults.scale import CHAOS
from tests.faults.theft import changed_without_lease

ROTATE = next(mode for mode in MODES if mode.name == "rotate")


def last_before(calls: list[Call], what: str) -> int:
    """The number of the last call that renews the lease or writes under it before `what` is done."""
    done = next(call.n for call in calls if call.what == what)
    return max(call.n for call in calls if call.n < done and call.service == "blob" and call.method == "PUT")


@pytest.mark.parametrize("what", ["regenerate", "publish", "announce"])
async def test_who_lost_the_lease_stops_before(what: str, azure: AzureEmulator, storage: Azurite, folder: Path) -> None:
    """412 or 409 from the storage: nothing is written, nothing published, nothing announced, ARM is not asked."""
    async with Lane.open(azure, storage, folder) as lane:
        at = last_before(await calls_of(lane, ROTATE), what)
        request = await arranged(lane, ROTATE)
        theft = lane.theft()
        lane.proxy.arm(at, STOLEN, theft.strike)

        outcome = await lane.work(request, fresh=True)

        assert outcome is None, "the message is to be delivered again"
        assert await theft.give_back() is True, "the record is as the thief found it"
        assert [] == [str(call) for call in lane.proxy.calls if call.n >= at and call.changed]
        assert what not in {call.what for call in lane.proxy.taken}


async def test_a_theft_slower_than_the_run_is_waited_for(azure: AzureEmulator, storage: Azurite, folder: Path) -> None:
    """Else it would fall into the next case of its lane, and be judged there."""
    async with Lane.open(azure, storage, folder) as lane:
        request = await arranged(lane, ROTATE)
        await lane.work(request, fresh=True)
        theft = lane.theft()

        under_way = asyncio.create_task(theft.strike())
        await asyncio.sleep(0)

        assert await theft.give_back() is True, "it was over before the thief had the lease"
        await under_way


@pytest.mark.skipif(not CHAOS, reason="takes as long as a lease does: part of `make chaos`")
async def test_the_lease_outlives_an_operation_longer_than_itself(
    azure: AzureEmulator, storage: Azurite, folder: Path
) -> None:
    """The shortest lease there is, 15 s, and an operation that takes 17 s: it is renewed meanwhile."""
    async with Lane.open(azure, storage, folder, lease_seconds=15) as lane:
        request = await arranged(lane, ROTATE)
        azure.configure(lane.resource, operation_seconds=(17.0, 17.0))
        lane.overrides = {"OPERATION_TIMEOUT_SECONDS": "30"}

        outcome = await lane.work(request, fresh=True)

        assert outcome is not None
        assert "Succeeded" == outcome.result


async def test_what_was_renewed_a_moment_before_the_theft_is_done_and_nothing_after_it(
    azure: AzureEmulator, storage: Azurite, folder: Path
) -> None:
    """No worker can know that: the call is bounded by the lease, which is long over before the thief's run begins."""
    async with Lane.open(azure, storage, folder) as lane:
        at = last_before(await calls_of(lane, ROTATE), "announce")
        request = await arranged(lane, ROTATE)
        theft = lane.theft()
        lane.proxy.arm(at, Fault("lease lost after", hook="after"), theft.strike)

        await lane.work(request, fresh=True)

        assert await theft.give_back() is True, "the record is as the thief found it"
        assert ["announce"] == [call.what for call in lane.proxy.calls if call.n > theft.at and call.changed]
        assert [] == changed_without_lease(lane.proxy.calls, theft.at)


def lease(n: int, status: int) -> Call:
    return Call(n, "blob", "PUT", "/signalr-rotation/resources/chat.json?comp=lease", status)


def event(n: int) -> Call:
    return Call(n, "eventgrid", "POST", "/api/events", 200)


def token(n: int) -> Call:
    return Call(n, "identity", "GET", "/msi/token", 200)


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([event(1)], []),
        ([token(1), token(2), event(3)], []),
        ([lease(1, 200), event(2)], []),
        ([lease(1, 200), token(2), event(3)], []),
        ([event(1), event(2)], [2]),
        ([token(1), event(2), event(3)], [3]),
        ([lease(1, 200), event(2), event(3)], [3]),
        ([lease(1, 200), lease(2, 200), event(3)], [3]),
        ([lease(1, 409), event(2)], [2]),
        ([lease(1, 409), token(2), event(3)], [3]),
    ],
)
def test_the_judge_of_a_theft_lets_one_call_pass_and_that_after_no_refusal(calls: list[Call], told: list[int]) -> None:
    assert [str(event(n)) for n in told] == changed_without_lease(calls, at=1)


async def test_a_worker_fetches_its_tokens_by_its_own_lane(
    azure: AzureEmulator, storage: Azurite, folder: Path
) -> None:
    """Else its calls are counted elsewhere, and a fault strikes another than the one that is meant."""
    async with Lane.open(azure, storage, folder) as lane, Lane.open(azure, storage, folder) as other:
        request = await arranged(lane, ROTATE)
        worker = lane.app()
        await arranged(other, ROTATE)
        await other.app().close()

        await worker.worker.work(request)
        await worker.close()

        assert [3, 0] == [len([call for call in at.proxy.calls if call.service == "identity"]) for at in (lane, other)]
