"""The cut matrix: every mode, cut at every call, in every way; several lanes at once, because most of it is waiting."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.domain.errors import Unavailable
from tests.faults.case import Cut, Findings, calls_of, play
from tests.faults.consumer import Consumer
from tests.faults.kinds import FEW, KILLS, STOLEN
from tests.faults.lane import Lane
from tests.faults.modes import Mode
from tests.faults.proxy import Fault
from tests.faults.secrecy import Secrecy
from tests.faults.zygote import Zygote

# Long enough to be seen running, short enough to be done at the first poll: a mode then makes the same calls each time.
OPERATION_SECONDS = (0.02, 0.03)
_GONE = {STOLEN, *KILLS}
_UNANSWERED = (Unavailable, ServiceRequestError, ServiceResponseError)


@dataclass(slots=True)
class Tally:
    """What came of it: cases by mode, what was wrong in which, and what the consumer and the watch over keys say."""

    cases: Counter[str] = field(default_factory=Counter)
    wrong: list[Findings] = field(default_factory=list)
    calls: int = 0
    refused: list[str] = field(default_factory=list)
    heard: int = 0
    keys: int = 0
    leaks: int = 0
    killed: int = 0

    @property
    def violations(self) -> int:
        """How many there are in all."""
        return sum(len(found.violations) for found in self.wrong) + len(self.refused) + self.leaks

    def add(self, other: "Tally") -> None:
        """Take in what another process found."""
        self.cases += other.cases
        self.wrong += other.wrong
        self.calls += other.calls
        self.refused += other.refused
        self.heard += other.heard
        self.keys += other.keys
        self.leaks += other.leaks
        self.killed += other.killed

    def lines(self) -> Iterator[str]:
        """The summary: what was wrong, one line a mode, and the sum."""
        for found in self.wrong:
            yield f"{found.case}: {'; '.join(found.violations)}"
        for mode, cases in self.cases.items():
            violations = sum(len(found.violations) for found in self.wrong if found.case.startswith(f"{mode} "))
            yield f"{mode:8} cases: {cases}, violations: {violations}"
        yield f"workers killed: {self.killed}"
        yield f"consumer calls: {self.calls}, refused: {len(self.refused)}"
        yield f"texts heard: {self.heard}, keys known: {self.keys}, leaks: {self.leaks}"
        yield f"cases: {self.cases.total()}, violations: {self.violations}"


async def run(
    azure: AzureEmulator,
    storage: Azurite,
    folder: Path,
    *,
    modes: Sequence[Mode],
    kinds: Sequence[Fault],
    choose: Callable[[list[Cut]], list[Cut]] = list,
    lanes: int = 8,
    progress: Callable[[str], None] = lambda _line: None,
) -> Tally:
    """Number each mode's calls, then play every case that `choose` leaves."""
    azure.configure(None, operation_seconds=OPERATION_SECONDS)
    tally = Tally()
    logging.getLogger("rotation").setLevel(logging.INFO)
    logging.getLogger().addHandler(secrecy := Secrecy())
    async with AsyncExitStack() as stack:
        stack.callback(logging.getLogger().removeHandler, secrecy)
        zygote = await stack.enter_async_context(Zygote(folder))
        opened = [Lane.open(azure, storage, folder, zygote=zygote) for _ in range(lanes)]
        running = [await stack.enter_async_context(lane) for lane in opened]
        cuts = choose([cut for mode in modes for cut in _cuts(mode, kinds, len(await calls_of(running[0], mode)))])
        waiting = iter(cuts)
        begun, told = time.monotonic(), time.monotonic()

        async def drive(lane: Lane) -> None:
            nonlocal told
            for cut in waiting:
                lane.secrecy = secrecy
                found = await _played(lane, cut, progress)
                tally.cases[cut.mode.name] += 1
                if found.violations:
                    tally.wrong.append(found)
                    progress(f"{found.case}: {'; '.join(found.violations)}")
                if time.monotonic() - told > 5:
                    told = time.monotonic()
                    done = tally.cases.total()
                    progress(f"{done}/{len(cuts)} cases in {told - begun:.0f} s, violations: {tally.violations}")

        with Consumer(azure, [lane.watched for lane in running]) as consumer:
            await asyncio.gather(*[drive(lane) for lane in running])
        tally.calls, tally.refused = consumer.calls, consumer.refused
        tally.killed = sum(lane.killed for lane in running)
        tally.heard, tally.keys, tally.leaks = secrecy.heard, len(secrecy.keys), secrecy.leaks
    return tally


async def _played(lane: Lane, cut: Cut, progress: Callable[[str], None]) -> Findings:
    """Play a case, and once more where the harness's own reads, past the proxy, met no service: that tells nothing."""
    try:
        return await play(lane, cut)
    except _UNANSWERED as error:
        progress(f"{cut}: played again, since the harness could not look: {error!r}")
        return await play(lane, cut)


def _cuts(mode: Mode, kinds: Sequence[Fault], calls: int) -> Iterator[Cut]:
    # A worker that is killed is a new process: it has one call more to make, at Key Vault's challenge.
    for at in range(1, calls + 2):
        for number, fault in enumerate(kind for kind in _of(mode, kinds) if at <= calls or kind in KILLS):
            # Each call gets every kind, and each kind both continuations, in turns; a worker that is gone gets both.
            turn = (at + number) % 2
            if turn or fault in _GONE:
                yield Cut(mode, at, fault, "redelivery")
            if not turn or fault in _GONE:
                yield Cut(mode, at, fault, "sweep")


def _of(mode: Mode, kinds: Sequence[Fault]) -> Sequence[Fault]:
    return [kind for kind in kinds if kind in FEW] if mode.renamed or mode.unheard else kinds
