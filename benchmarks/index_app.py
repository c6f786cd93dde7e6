"""Load and index one app in the platform's worker library, and say how many seconds it took."""

import asyncio
import os
import sys
import time
from pathlib import Path

from local.functions_host.activity import Activity
from local.functions_host.worker import Worker


async def _seconds(app: Path) -> float:
    worker = Worker(app, Activity())
    began = time.perf_counter()
    await worker.start()
    return time.perf_counter() - began


if __name__ == "__main__":
    app = Path(sys.argv[1]).resolve()
    os.environ.setdefault("ROTATION_SCHEDULE", "0 7 * * * *")
    # This folder is the app's only where the app is measured.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path.cwd()]
    sys.stdout.write(f"{asyncio.run(_seconds(app))}\n")
    sys.stdout.flush()
    os._exit(0)
