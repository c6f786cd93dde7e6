"""Load and index one app in the platform's worker library, and say how many seconds it took."""

import asyncio
import os
import sys
import time
from pathlib import Path

from local.functions_host.activity import Activity
from local.functions_host.worker import Worker


def leave_this_folder() -> None:
    """Import nothing from here any more: this folder is the app's only where the app is measured."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path.cwd()]


async def _seconds(app: Path) -> float:
    worker = Worker(app, Activity())
    began = time.perf_counter()
    await worker.start()
    return time.perf_counter() - began


if __name__ == "__main__":
    app = Path(sys.argv[1]).resolve()
    os.environ.setdefault("ROTATION_SCHEDULE", "0 7 * * * *")
    leave_this_folder()
    sys.stdout.write(f"{asyncio.run(_seconds(app))}\n")
    sys.stdout.flush()
    os._exit(0)
