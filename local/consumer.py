"""Clients of SignalR: ask a negotiate server for a token, use it at the service, and count what is rejected.

`python -m local.consumer URL…` runs until its standard input closes, then prints one JSON line. The servers are the
sample of docs/consumers/python: what is counted here is what users copy.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import aiohttp
from yarl import URL

_ROOT = Path(__file__).parents[1]
_NOT_YET, _ACCEPTED = 503, 200


@dataclass(frozen=True, slots=True)
class Report:
    """Tokens used, tokens that SignalR answered anything but 200, and what servers failed to give.

    `unanswered`: negotiations that failed after a server's first that succeeded. `unserved`: servers of whose tokens
    SignalR accepted none.
    """

    calls: int
    rejected: int
    unanswered: int
    unserved: int


class Consumer:
    """The clients, in a process of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    def start(cls, env: Mapping[str, str], servers: Sequence[str], *, interval_seconds: float = 0.01) -> Self:
        """Start them. `env` is what the emulators gave, `servers` the addresses of negotiate servers."""
        command = [sys.executable, "-m", "local.consumer", "--interval-seconds", str(interval_seconds), *servers]
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, cwd=_ROOT, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return cls(process)

    def stop(self) -> Report:
        """End them and read the report. Raises `ValueError` when the process died before."""
        said, _ = self._process.communicate()
        return Report(**json.loads(said))


async def _consume(servers: Sequence[str], interval_seconds: float) -> Report:
    done = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), done.set)
    counted: Counter[str] = Counter()
    served: set[str] = set()
    accepted: set[str] = set()
    async with aiohttp.ClientSession() as session:
        while not done.is_set():
            for server in servers:
                status = await _connect(session, server)
                if status is not None:
                    served.add(server)
                    counted["calls"] += 1
                    counted["rejected"] += status != _ACCEPTED
                    if status == _ACCEPTED:
                        accepted.add(server)
                elif server in served:
                    counted["unanswered"] += 1
            await asyncio.sleep(interval_seconds)
    return Report(counted["calls"], counted["rejected"], counted["unanswered"], len({*servers} - accepted))


async def _connect(session: aiohttp.ClientSession, server: str) -> int | None:
    """What SignalR says to the token that the server gives; None while the server gives none."""
    async with session.post(f"{server}/negotiate") as answer:
        if answer.status == _NOT_YET:
            return None
        answer.raise_for_status()
        given = await answer.json()
    # As `@microsoft/signalr` does: `negotiate` goes behind the path, the query stays.
    url = URL(given["url"])
    url = url.with_path(f"{url.path.rstrip('/')}/negotiate", keep_query=True)
    async with session.post(url, headers={"Authorization": f"Bearer {given['accessToken']}"}) as answer:
        return answer.status


def main() -> None:
    """Consume until standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m local.consumer", description=__doc__)
    parser.add_argument("--interval-seconds", type=float, default=0.01, help="pause between two rounds")
    parser.add_argument("servers", nargs="+", help="addresses of negotiate servers")
    arguments = parser.parse_args()
    print(json.dumps(asdict(asyncio.run(_consume(arguments.servers, arguments.interval_seconds)))))


if __name__ == "__main__":
    main()
