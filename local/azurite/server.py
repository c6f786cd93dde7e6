"""One running Azurite: started on ports the system chose, stopped with the process that started it.

The account has a key of its own, made at start and given to Azurite in AZURITE_ACCOUNTS: no key stands in the code.
"""

import base64
import re
import secrets
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import Self

from local.azurite.install import COMPILED, FOLDER, NODE, SCRIPT, AzuriteNotInstalledError, installed

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 10
ACCOUNT = "localrotation"

_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (\S+)")


class AzuriteDiedError(RuntimeError):
    """Azurite ended before it answered. The message holds what it printed."""


class Azurite:
    """A storage account on 127.0.0.1. A context manager; `stop` may be called twice."""

    def __init__(self, process: subprocess.Popen[str], key: str) -> None:
        self._process = process
        self._key = key
        self._addresses: dict[str, str] = {}
        self._said: deque[str] = deque(maxlen=40)
        self._ready = threading.Event()
        threading.Thread(target=self._listen, name="azurite-output", daemon=True).start()

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        persistent: bool = False,
        oauth: bool = False,
        certificates: tuple[Path, Path] | None = None,
    ) -> Self:
        """Start one and wait until all of its services listen.

        It runs in `folder`, which is made if it is missing, and writes there only when `persistent`; else blobs and
        messages live in memory. `certificates` are the PEM files of a certificate chain and its private key, and make
        it speak TLS; `oauth` makes it take bearer tokens, which the SDKs send over TLS only.

        Raises `AzuriteNotInstalledError`; `AzuriteDiedError` with what it printed; `TimeoutError` after a minute.
        """
        if not installed():
            raise AzuriteNotInstalledError("Azurite is not installed: run `python -m local.azurite install`")
        folder.mkdir(parents=True, exist_ok=True)
        key = base64.b64encode(secrets.token_bytes(64)).decode()
        command = [str(NODE), "--require", str(FOLDER / "leave_with_parent.cjs"), str(SCRIPT)]
        for service in ("blob", "queue", "table"):
            # Port 0 lets the system choose; Azurite says the chosen one in its "successfully listening" line.
            command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", "0"]
        # The SDKs send newer API versions than the newest Azurite knows.
        command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        command += ["--location", str(folder)] if persistent else ["--inMemoryPersistence", "--extentMemoryLimit=512"]
        command += ["--oauth", "basic"] if oauth else []
        command += ["--cert", str(certificates[0]), "--key", str(certificates[1])] if certificates else []
        process = subprocess.Popen(  # noqa: S603 - node from the installed wheel; no argument comes from outside
            command,
            cwd=folder,
            env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}", "NODE_COMPILE_CACHE": str(COMPILED)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        azurite = cls(process, key)
        azurite._wait()
        return azurite

    @property
    def account(self) -> str:
        """The storage account's name."""
        return ACCOUNT

    @property
    def blob_url(self) -> str:
        """The blob service's endpoint, account included, without a slash at the end."""
        return f"{self._addresses['Blob']}/{ACCOUNT}"

    @property
    def queue_url(self) -> str:
        """The queue service's endpoint, account included, without a slash at the end."""
        return f"{self._addresses['Queue']}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What `AzureWebJobsStorage` takes. Holds the account's key."""
        scheme = self.blob_url.partition(":")[0]
        account = f"DefaultEndpointsProtocol={scheme};AccountName={ACCOUNT};AccountKey={self._key}"
        return f"{account};BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};"

    @property
    def pid(self) -> int:
        """The process id of Azurite's node."""
        return self._process.pid

    def stop(self) -> None:
        """End it and wait for the end; killed if it does not go within 10 s."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Azurite {self._addresses}>"

    def _listen(self) -> None:
        # Read to the end of its life: a full pipe would stop Azurite at its next line.
        for line in self._process.stdout or ():
            self._said.append(line)
            if found := _LISTENING.search(line):
                self._addresses[found[1]] = found[2]
            if {"Blob", "Queue", "Table"} <= self._addresses.keys():
                self._ready.set()
        self._ready.set()

    def _wait(self) -> None:
        answered = self._ready.wait(START_TIMEOUT_SECONDS)
        if {"Blob", "Queue", "Table"} <= self._addresses.keys():
            return
        self.stop()
        if not answered:
            raise TimeoutError(f"Azurite did not listen within {START_TIMEOUT_SECONDS} s:\n{''.join(self._said)}")
        raise AzuriteDiedError(f"Azurite ended with code {self._process.returncode}:\n{''.join(self._said)}")
