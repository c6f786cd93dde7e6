"""The emulators from a test's or the demo's side: start the process, then ask and tell it things through `Remote`.

Standard library only, synchronous, and safe to import before `SSL_CERT_FILE` is set.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.azure.control.remote import EmulatorError, Remote

_STARTUP_SECONDS = 30
_STOP_SECONDS = 10
_ROOT = Path(__file__).parents[2]


class AzureEmulator(Remote):
    """A running local cloud. Ends with its `with` block, with `stop`, or when the process that started it ends."""

    def __init__(self, process: subprocess.Popen[str], ready: Mapping[str, Any]) -> None:
        self._process = process
        super().__init__(ready["control"])
        self.control: str = ready["control"]
        self.env: dict[str, str] = ready["env"]
        self.vaults: list[str] = ready["vaults"]
        self.signalr: str = ready["signalr"]
        self.arm: str = ready["arm"]
        self.login: str = ready["login"]
        self.topic: str = ready["eventgrid"]
        self.identity: str = ready["identity"]
        self.operator: dict[str, str] = ready["operator"]
        self.pid = process.pid

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        seed: int = 0,
        vaults: int = 2,
        operation_seconds: tuple[float, float] = (0.2, 0.4),
        short_keys: bool = False,
    ) -> Self:
        """Start a process and wait until it serves. Raises EmulatorError with its output when it dies instead."""
        folder.mkdir(parents=True, exist_ok=True)
        errors = folder / f"azure-{os.getpid()}-{threading.get_ident()}.log"
        command = [sys.executable, "-m", "local.azure", "--folder", str(folder), "--exit-with-parent"]
        command += ["--seed", str(seed), "--vaults", str(vaults)]
        command += ["--operation-seconds", "-".join(map(str, operation_seconds))]
        command += ["--short-keys"] if short_keys else []
        with errors.open("w") as stream:
            process = subprocess.Popen(  # noqa: S603  # our own module with our own arguments
                command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, text=True
            )
        patience = threading.Timer(_STARTUP_SECONDS, process.kill)
        patience.start()
        line = process.stdout.readline() if process.stdout else ""
        patience.cancel()
        if not line:
            raise EmulatorError(f"The emulators ended with {process.wait()}:\n{errors.read_text()}")
        return cls(process, json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it in order."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.wait()
