"""What one scheduled rotation says over the wire: docs/reference/calls-of-a-rotation.md has why each call is made."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.domain.requests import ListedState
from tests.faults.case import arranged
from tests.faults.lane import Lane
from tests.faults.modes import MODES, sweep_of
from tests.faults.proxy import Call

PAGE = Path(__file__).parents[2] / "docs/reference/calls-of-a-rotation.md"
ADOPT = next(mode for mode in MODES if mode.name == "adopt")
NAMES = {
    ("blob", "GET", "resources"): "read record",
    ("blob", "PUT", "resources"): "write record",
    ("blob", "PUT", "lease"): "lease",
    ("blob", "GET", "rollouts"): "read rollout",
    ("blob", "PUT", "rotations"): "write operation",
    ("arm", "POST", "listKeys"): "listKeys",
    ("arm", "POST", "regenerateKey"): "regenerateKey",
    ("arm", "GET", "operationStatuses"): "poll",
    ("arm", "GET", "signalR"): "get",
    ("keyvault", "GET", "secrets"): "newest version",
    ("keyvault", "PUT", "secrets"): "set secret",
    ("signalr", "HEAD", "hubs"): "probe",
    ("eventgrid", "POST", "events"): "publish event",
}


def named(call: Call) -> str:
    """The call in the words of the page's table."""
    words = {"lease"} if "comp=lease" in call.path else {*re.findall(r"[A-Za-z]+", call.path.partition("?")[0])}
    known = (
        name
        for (service, method, word), name in NAMES.items()
        if (service, method) == (call.service, call.method) and word in words
    )
    return next(known, str(call))


def documented(table: int) -> list[str]:
    """The calls of one of the page's tables."""
    section = PAGE.read_text().split("\n| | call | why |\n")[1 + table]
    return re.findall(r"^\| \d+ \| ([^|]+?) \|", section, re.MULTILINE)


async def test_a_scheduled_rotation_makes_the_calls_of_the_page_and_no_other(
    azure: AzureEmulator, storage: Azurite, folder: Path
) -> None:
    async with Lane.open(azure, storage, folder) as lane:
        await lane.work(await arranged(lane, ADOPT))
        lane.ahead = timedelta(days=61)
        due = sweep_of(lane.resource).model_copy(
            update={"expected": True, "requested_at": datetime.now(UTC) + lane.ahead}
        )
        lane.proxy.disarm()

        outcome = await lane.work(due)

        calls = [named(call) for call in lane.proxy.calls if call.service != "identity"]
        assert documented(0) == calls
        assert outcome
        assert "Succeeded" == outcome.result


async def test_a_check_of_what_is_not_due_makes_the_calls_of_the_page_and_no_other(
    azure: AzureEmulator, storage: Azurite, folder: Path
) -> None:
    async with Lane.open(azure, storage, folder) as lane:
        await lane.work(await arranged(lane, ADOPT))
        listed = ListedState(
            provisioning_state="Succeeded", local_auth_disabled=False, tags={"key-rotation": "enabled"}
        )
        quiet = sweep_of(lane.resource).model_copy(update={"listed": listed})
        lane.proxy.disarm()

        await lane.work(quiet)

        assert documented(1) == [named(call) for call in lane.proxy.calls if call.service != "identity"]
