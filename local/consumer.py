"""Somebody who uses the keys: reads the newest secret version, signs a call with it, and counts who refuses.

`python -m local.consumer` runs until its standard input closes, then prints one JSON line. It stands for every server
and client that must never notice a rotation.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
import jwt
from azure.core.exceptions import ResourceNotFoundError
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient

_ROOT = Path(__file__).parents[1]
_TOKEN_SECONDS = 3600
_REFUSED = 401


@dataclass(frozen=True, slots=True)
class Report:
    """How it went: calls made, calls refused, and how often a secret was seen to change."""

    calls: int
    refused: int
    changes: int


class Consumer:
    """A consumer in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    def start(cls, env: Mapping[str, str], secrets: list[str], *, interval_seconds: float = 0.01) -> Self:
        """Start it. `env` is what the emulators gave: trust, identity and vault."""
        command = [sys.executable, "-m", "local.consumer", "--interval-seconds", str(interval_seconds), *secrets]
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, cwd=_ROOT, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return cls(process)

    def stop(self) -> Report:
        """End it and hear how it went. Raises `ValueError` when it died before."""
        said, _ = self._process.communicate()
        return Report(**json.loads(said))


async def _consume(vault_url: str, secrets: list[str], interval_seconds: float) -> Report:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), done.set)
    counted: Counter[str] = Counter()
    versions: dict[str, str | None] = {}
    async with (
        ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID")) as credential,
        SecretClient(vault_url, credential, verify_challenge_resource=False) as vault,
        aiohttp.ClientSession() as session,
    ):
        while not done.is_set():
            for name in secrets:
                try:
                    secret = await vault.get_secret(name)
                except ResourceNotFoundError:  # not published yet
                    continue
                if versions.get(name) not in {None, secret.properties.version}:
                    counted["changes"] += 1
                versions[name] = secret.properties.version
                counted["calls"] += 1
                counted["refused"] += await _call(session, secret.value or "") == _REFUSED
            await asyncio.sleep(interval_seconds)
    return Report(counted["calls"], counted["refused"], counted["changes"])


async def _call(session: aiohttp.ClientSession, connection_string: str) -> int:
    parts = dict(part.partition("=")[::2] for part in connection_string.split(";") if part)
    url = f"{parts['Endpoint']}/api/hubs/chat/users/someone"
    token = jwt.encode({"aud": url, "exp": int(time.time()) + _TOKEN_SECONDS}, parts["AccessKey"], algorithm="HS256")
    headers = {"Authorization": f"Bearer {token}"}
    async with session.head(url, params={"api-version": "2022-06-01"}, headers=headers) as answer:
        return answer.status


def main() -> None:
    """Consume until standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m local.consumer", description=__doc__)
    parser.add_argument("--interval-seconds", type=float, default=0.01, help="pause between two rounds")
    parser.add_argument("secrets", nargs="+", help="names of the secrets to read")
    arguments = parser.parse_args()
    report = asyncio.run(_consume(os.environ["KEY_VAULT_URL"], arguments.secrets, arguments.interval_seconds))
    print(json.dumps({"calls": report.calls, "refused": report.refused, "changes": report.changes}))


if __name__ == "__main__":
    main()
