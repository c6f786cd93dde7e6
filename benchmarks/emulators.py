"""How many requests a second the emulators answer on one core: `python -m benchmarks.emulators`.

The emulator process is pinned to one core and the callers run in this process on the others; all calls go over TLS with
a token that the service checks. What counts is requests per second of the core's time that the emulator used, so that
other work on the machine does not change the figure; the rate as it was is printed beside it. Exits 1 when an operation
stays under 1,000, because then the emulator and not the app is what our other measurements measure.
"""

import argparse
import asyncio
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import jwt

from local.azure.client import AzureEmulator

ENOUGH = 1_000
"""Requests per core-second under which the emulator would be the bottleneck."""

_CONNECTIONS = 16
_NAME = "chat"


@dataclass(frozen=True, slots=True)
class Question:
    """One operation, and the request that asks for it."""

    operation: str
    method: str
    url: str
    headers: Mapping[str, str]
    expected: int


def main() -> int:
    """Measure each operation once; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emulators", description=__doc__)
    parser.add_argument("--requests", type=int, default=4_000, help="of each operation")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, AzureEmulator.start(Path(name)) as azure:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(azure.pid, {cores[0]})
        if len(cores) > 1:
            os.sched_setaffinity(0, set(cores[1:]))
        slowest = asyncio.run(_measure(azure, arguments.requests))
    _say(f"slowest: {slowest:,.0f} requests per core-second; enough: {ENOUGH:,}")
    return 0 if slowest >= ENOUGH else 1


async def _measure(azure: AzureEmulator, requests: int) -> float:
    trust = ssl.create_default_context(cafile=azure.env["SSL_CERT_FILE"])
    slowest = float("inf")
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=trust)
    async with aiohttp.ClientSession(connector=connector) as session:
        questions = await _questions(azure, session)
        _say(f"{'operation':<24}{'per core-second':>16}{'requests/s':>12}{'median ms':>12}{'99th ms':>10}")
        for question in questions:
            await _ask(session, question, requests // 10)
            busy, started = _cpu_seconds(azure.pid), time.perf_counter()
            latencies = sorted(await _ask(session, question, requests))
            took, used = time.perf_counter() - started, _cpu_seconds(azure.pid) - busy
            capacity = requests / used
            slowest = min(slowest, capacity)
            middle, high = latencies[len(latencies) // 2] * 1000, latencies[len(latencies) * 99 // 100] * 1000
            rates = f"{capacity:>16,.0f}{requests / took:>12,.0f}"
            _say(f"{question.operation:<24}{rates}{middle:>12.1f}{high:>10.1f}")
    return slowest


async def _questions(azure: AzureEmulator, session: aiohttp.ClientSession) -> list[Question]:
    resource = azure.create_signalr(_NAME)
    azure.put_secret(_NAME, "value")
    arm = await _token(azure, session, "https://management.azure.com")
    vault = await _token(azure, session, "https://vault.azure.net")
    hub = f"{azure.connection_endpoint(resource)}/api/hubs/benchmark/users/nobody"
    claims = {"aud": hub, "exp": int(time.time()) + 3600}
    signed = {"Authorization": f"Bearer {jwt.encode(claims, azure.valid_keys(resource)['Primary'])}"}
    one = f"{azure.arm}{resource}"
    return [
        Question("SignalR.get", "GET", f"{one}?api-version=2023-02-01", arm, 200),
        Question("SignalR.listKeys", "POST", f"{one}/listKeys?api-version=2023-02-01", arm, 200),
        Question("KeyVault.getSecret", "GET", f"{azure.vaults[0]}/secrets/{_NAME}/?api-version=7.6", vault, 200),
        Question("DataPlane.exists", "HEAD", f"{hub}?api-version=2022-06-01", signed, 404),
    ]


async def _token(azure: AzureEmulator, session: aiohttp.ClientSession, resource: str) -> dict[str, str]:
    query = {"api-version": "2019-08-01", "resource": resource, "client_id": azure.env["AZURE_CLIENT_ID"]}
    headers = {"X-IDENTITY-HEADER": azure.env["IDENTITY_HEADER"]}
    async with session.get(azure.env["IDENTITY_ENDPOINT"], params=query, headers=headers) as response:
        return {"Authorization": f"Bearer {(await response.json())['access_token']}"}


async def _ask(session: aiohttp.ClientSession, question: Question, requests: int) -> list[float]:
    """Ask so many times over all connections; the latencies in seconds."""
    latencies: list[float] = []

    async def caller(share: int) -> None:
        for _ in range(share):
            started = time.perf_counter()
            async with session.request(question.method, question.url, headers=question.headers) as response:
                await response.read()
            if response.status != question.expected:
                raise SystemExit(f"{question.operation} answered {response.status}, not {question.expected}")
            latencies.append(time.perf_counter() - started)

    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(caller(requests // _CONNECTIONS))
    return latencies


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _cpu_seconds(pid: int) -> float:
    """What the process has used of a core so far: user and system time, fields 14 and 15 of proc(5)'s stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
