"""`make chaos`: all of the cut matrix, shared between processes, with a line of progress every few seconds.

Ends with the number of cases of each mode and `cases: N, violations: 0`; with status 1 if there was any.
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
    parser.add_argument("--processes", type=int, default=2, help="how many share the cases")
    parser.add_argument("--lanes", type=int, default=8, help="cases under way at once in each process")
    parser.add_argument("--only", default="", help="the cases that have this in their name, as a violation shows it")
    parser.add_argument("--share", help=argparse.SUPPRESS)
    parser.add_argument("--tally", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.share:
        mine, shares = map(int, arguments.share.split("/"))
        arguments.tally.write_bytes(pickle.dumps(asyncio.run(_play(mine, shares, arguments.lanes, arguments.only))))
        return 0
    return _divide(arguments.processes, arguments.lanes, arguments.only)


def _divide(processes: int, lanes: int, only: str) -> int:
    begun = time.monotonic()
    tallies = [_FOLDER / f"tally-{number}" for number in range(processes)]
    shares = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.faults.chaos", "--share", f"{number}/{processes}"),
                *("--lanes", str(lanes), "--only", only, "--tally", str(tally)),
            ],
            cwd=_ROOT,
        )
        for number, tally in enumerate(tallies)
    ]
    failed = [share for share in shares if share.wait()]
    if failed:
        return 1
    whole = matrix.Tally()
    for path in tallies:
        whole.add(pickle.loads(path.read_bytes()))  # noqa: S301 - written by our own processes, a moment ago
    _say(*whole.lines(), f"in {time.monotonic() - begun:.0f} s")
    return 1 if whole.violations else 0


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
