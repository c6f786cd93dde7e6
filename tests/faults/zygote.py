"""Workers that can be killed at once: `python -m tests.faults.zygote` imports the app, then forks one for each order.

An order is a line of JSON: the app settings and the queue message. The answers are two lines: the worker's process id,
and the status it ended with (`-9` is SIGKILL).
"""

import asyncio
import json
import os
import sys
from typing import Any

from shared.composition import build
from shared.domain.errors import Retryable
from shared.domain.requests import WorkItem
from shared.settings import Settings

PUT_OFF = 3


async def _work(order: dict[str, Any]) -> int:
    app = build(Settings(**order["settings"]), **order["pace"])
    try:
        await app.worker.work(WorkItem.model_validate_json(order["request"]))
    except Retryable:
        return PUT_OFF
    finally:
        await app.close()
    return 0


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Fork for each line of standard input, until it closes."""
    for line in sys.stdin:
        order = json.loads(line)
        worker = os.fork()
        if not worker:
            os._exit(asyncio.run(_work(order)))
        _say(worker)
        _say(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))


if __name__ == "__main__":
    main()
