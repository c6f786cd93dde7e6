"""Workers that can be killed at once: `python -m tests.faults.zygote SOCKET` imports the app, then forks one per order.

An order is a line of JSON: the app settings, the variables of the identity and the queue message. The answers are two
lines: the worker's process id, and the status it ended with (`-9` is SIGKILL). Each connection is a lane, and has a
fork of its own that answers it: the app is imported once for all of them.
"""

import asyncio
import json
import os
import select
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from shared.composition import build
from shared.domain.errors import Retryable
from shared.domain.requests import WorkItem
from shared.settings import Settings

PUT_OFF = 3
_ROOT = Path(__file__).parents[2]


class Zygote:
    """The process from the side of its lanes. It is started when one of them first asks for a worker."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "zygote.sock"
        self._starting = asyncio.Lock()
        self._process: Process | None = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for one lane."""
        async with self._starting:
            if self._process is None:
                command = (sys.executable, "-m", "tests.faults.zygote", str(self._socket))
                self._process = await asyncio.create_subprocess_exec(*command, cwd=_ROOT, stdin=PIPE, stdout=PIPE)
                assert self._process.stdout
                await self._process.stdout.readline()
        return await asyncio.open_unix_connection(self._socket)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await self._process.wait()


async def _work(order: dict[str, Any]) -> int:
    os.environ |= order["identity"]
    app = build(Settings(**order["settings"]), **order["pace"])
    try:
        await app.worker.work(WorkItem.model_validate_json(order["request"]))
    except Retryable:
        return PUT_OFF
    finally:
        await app.close()
    return 0


def _serve(connection: socket.socket) -> None:
    """Fork for each order of a lane, until it closes."""
    with connection, connection.makefile("rw") as lane:
        for line in lane:
            worker = os.fork()
            if not worker:
                os._exit(asyncio.run(_work(json.loads(line))))
            _say(lane, worker)
            _say(lane, os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))


def _say(lane: TextIO, number: int) -> None:
    lane.write(f"{number}\n")
    lane.flush()


def main() -> None:
    """Fork for each lane, until standard input closes; the lanes' forks end with their connections."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(sys.argv[1])
        server.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in (ready := select.select([server, sys.stdin], [], [])[0]):
            connection, _ = ready[0].accept()
            if not os.fork():
                server.close()
                _serve(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main()
