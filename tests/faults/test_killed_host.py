"""SIGKILL of the real Functions host in the middle of a rotation; another host of the same app goes on.

The cut matrix kills bare workers at every call of every mode, which takes a tenth of the time. Here it is the
platform's own redelivery that brings the message back.
"""

import asyncio
import os
from pathlib import Path

import pytest
from azure.storage.queue.aio import QueueClient

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from local.functions_host.host_json import FAST_POLLING
from local.functions_host.limits import Limits
from shared.adapters.azure_services import NAME
from shared.adapters.storage_queue import StorageQueue
from shared.domain.requests import WorkItem
from tests.faults.case import Findings, arranged, settled
from tests.faults.consumer import Consumer
from tests.faults.kinds import KILLS
from tests.faults.lane import Lane
from tests.faults.modes import MODES
from tests.faults.proxy import Call, Fault
from tests.faults.scale import CHAOS
from tests.world import ROOT

ROTATE = next(mode for mode in MODES if mode.name == "rotate")
SECONDS = 60


async def standby(lane: Lane, folder: Path) -> FunctionsHost:
    """A host that has nothing to do yet. A message that it was killed over comes back after two seconds."""
    env = {**FAST_POLLING, **lane.azure.env, **lane.settings}
    env |= {"PATH": os.environ["PATH"], "ROTATION_SCHEDULE": "0 7 * * * *"}
    limits = Limits(hidden_for=2)
    return await asyncio.to_thread(FunctionsHost.start, ROOT, env, log=folder / "killed.log", limits=limits)


async def ended(lane: Lane, request: WorkItem) -> None:
    """Wait until the rotation's ticket says how it ended."""
    async with asyncio.timeout(SECONDS):
        while not ((ticket := await lane.operations.read(request.rotation_id)) and ticket.final):  # noqa: ASYNC110 - a blob tells nobody that it changed
            await asyncio.sleep(0.1)


async def undisturbed(lane: Lane, queue: StorageQueue, hosts: list[FunctionsHost], folder: Path) -> list[Call]:
    """The calls of a host that has just started, which gives way to another one."""
    request = await arranged(lane, ROTATE)
    await queue.send(request)
    await ended(lane, request)
    await asyncio.to_thread(hosts[0].idle)
    hosts.pop().stop()
    hosts.append(await standby(lane, folder))
    return list(lane.proxy.calls)


def fault_of(call: Call) -> Fault:
    """Before or after the service acts, in turns.

    A regeneration that was never answered is waited for an hour: once the record says that it is sent, ARM has it.
    """
    before, after = KILLS
    if call.what == "record" and b'"unanswered":1' in call.body:
        return before
    return after if call.what == "regenerate" else KILLS[call.n % 2]


async def killed_at(lane: Lane, queue: StorageQueue, hosts: list[FunctionsHost], folder: Path, at: int) -> Findings:
    """Kill the host that works on a message as it makes this call, and let another come."""
    request = await arranged(lane, ROTATE)

    async def kill() -> None:
        hosts.pop().kill()

    lane.proxy.arm(at, fault_of, kill)
    await queue.send(request)
    await asyncio.wait_for(lane.proxy.struck.wait(), SECONDS)
    lane.proxy.disarm()
    await lane.time_passes()
    hosts.append(await standby(lane, folder))
    await ended(lane, request)
    await asyncio.to_thread(hosts[0].idle)
    found = Findings(f"killed at {at}")
    await settled(lane, ROTATE, request, found)
    return found


@pytest.mark.timeout(900)
async def test_a_killed_host_leaves_nothing_half_done(
    azure: AzureEmulator, hosts_storage: Azurite, folder: Path
) -> None:
    async with (
        Lane.open(azure, hosts_storage, folder) as lane,
        QueueClient.from_connection_string(hosts_storage.connection_string, NAME) as client,
    ):
        lane.new_resource()
        lane.proxy.unnumbered = frozenset({"queue"})  # which the host polls all the time
        hosts, queue = [await standby(lane, folder)], StorageQueue(client)
        try:
            calls = await undisturbed(lane, queue, hosts, folder)
            places = [call.n for call in calls if CHAOS or call.what == "publish"]
            with Consumer(azure, [lane.watched]) as consumer:
                found = [await killed_at(lane, queue, hosts, folder, each) for each in places]
        finally:
            for host in hosts:
                host.stop()
        lane.secrecy.hear((folder / "killed.log").read_text())

    assert [] == [each for each in found if each.violations]
    assert 0 == lane.secrecy.leaks
    assert [] == consumer.refused
    assert consumer.calls
    assert places
