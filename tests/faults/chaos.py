"""`make chaos`: all of the cut matrix in several shares, two at once, with a line of progress every few seconds.

Each share has a process and services of its own. Azurite collects what is unused ten minutes after its start, and
answers nothing meanwhile: for minutes where some ten thousand blobs were written, so a share is done before.

Ends with the number of cases of each mode and `cases: N, violations: 0`; with status 1 if there was any, or a share
that did not come to its end.
"""

import argparse
import asyncio
import atexit
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.azure.certificates import authority

# aiohttp builds its TLS context when it is imported, so this must stand before anything that imports it.
_FOLDER = Path(tempfile.mkdtemp(prefix="signalr-rotation-chaos-"))
os.environ["SSL_CERT_FILE"] = str(authority(_FOLDER))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)

from local.azure.client import AzureEmulator  # noqa: E402
from local.azurite.server import Azurite  # noqa: E402
from tests.faults import matrix  # noqa: E402
from tests.faults.kinds import KINDS  # noqa: E402
from tests.faults.modes import MODES  # noqa: E402

_ROOT = Path(__file__).parents[2]


def main() -> int:
    """Play the matrix; 1 if an invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--shares", type=int, default=8, help="how many the cases are divided into")
    parser.add_argument("--processes", type=int, default=2, help="shares under way at once")
    parser.add_argument("--lanes", type=int, default=8, help="cases under way at once in each process")
    parser.add_argument("--only", default="", help="the cases that have this in their name, as a violation shows it")
    parser.add_argument("--share", help=argparse.SUPPRESS)
    parser.add_argument("--tally", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.share:
        mine, shares = map(int, arguments.share.split("/"))
        arguments.tally.write_bytes(pickle.dumps(asyncio.run(_play(mine, shares, arguments.lanes, arguments.only))))
        return 0
    return _divide(arguments.shares, arguments.processes, arguments.lanes, arguments.only)


def _divide(shares: int, processes: int, lanes: int, only: str) -> int:
    begun = time.monotonic()
    with ThreadPoolExecutor(processes) as pool:
        tallies = [*pool.map(lambda mine: _in_a_process(mine, shares, lanes, only), range(shares))]
    whole, failed = matrix.Tally(), [f"[{mine + 1}/{shares}]" for mine, tally in enumerate(tallies) if tally is None]
    for tally in filter(None, tallies):
        whole.add(tally)
    _say(*whole.lines(), f"in {time.monotonic() - begun:.0f} s")
    if failed:
        _say(f"not to their end: {' '.join(failed)}")
    return 1 if failed or whole.violations else 0


def _in_a_process(mine: int, shares: int, lanes: int, only: str) -> matrix.Tally | None:
    tally = _FOLDER / f"tally-{mine}"
    command = [sys.executable, "-m", "tests.faults.chaos", "--share", f"{mine}/{shares}", "--lanes", str(lanes)]
    ended = subprocess.run([*command, "--only", only, "--tally", str(tally)], cwd=_ROOT, check=False)
    return pickle.loads(tally.read_bytes()) if ended.returncode == 0 else None  # noqa: S301 - by our own process


async def _play(mine: int, shares: int, lanes: int, only: str) -> matrix.Tally:
    with (
        AzureEmulator.start(_FOLDER, operation_seconds=matrix.OPERATION_SECONDS) as azure,
        Azurite.start(_FOLDER / "storage") as storage,
    ):
        return await matrix.run(
            azure,
            storage,
            _FOLDER,
            modes=MODES,
            kinds=KINDS,
            choose=lambda cuts: [cut for cut in cuts if only in str(cut)][mine::shares],
            lanes=lanes,
            progress=lambda line: _say(f"[{mine + 1}/{shares}] {line}"),
        )


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
