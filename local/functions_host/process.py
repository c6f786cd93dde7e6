"""The host's operating system process, as its parent process sees it: ready, its log, its end."""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

START_TIMEOUT_SECONDS = 60

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_TAIL_CHARACTERS = 4000


class HostDiedError(RuntimeError):
    """The host ended before it was ready. The message holds the end of its log."""


class HostProcess:
    """`python -m local.functions_host` with `arguments`; it ends by itself when this process does."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path | None) -> None:
        if log is None:
            handle, name = tempfile.mkstemp(prefix="functions-host-", suffix=".jsonl")
            os.close(handle)
            log = Path(name)
            atexit.register(log.unlink, missing_ok=True)
        self._log = log
        command = [sys.executable, "-m", "local.functions_host", "--until-stdin-ends", "--log", str(log), *arguments]
        pipe = subprocess.PIPE
        with log.open("a") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter, arguments from the caller's own code
                command, cwd=_REPOSITORY, env=env, stdin=pipe, stdout=pipe, stderr=errors, text=True
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ready(self) -> dict[str, Any]:
        """Wait for the ready line and return it. Raises `HostDiedError`, and `TimeoutError` after a minute."""
        # The pipe ends by itself when the host dies; the timer only catches one that hangs.
        hung = threading.Timer(START_TIMEOUT_SECONDS, self._process.kill)
        # It must not keep the process of whoever waits from ending, wherever the waiting is interrupted.
        hung.daemon = True
        hung.start()
        line = self._process.stdout.readline() if self._process.stdout else ""
        timed_out = hung.finished.is_set()
        hung.cancel()
        if line:
            return dict(json.loads(line))
        self.end(signal.SIGKILL)
        if timed_out:
            raise TimeoutError(f"the host was not ready within {START_TIMEOUT_SECONDS} s:\n{self.log_tail()}")
        raise HostDiedError(f"the host ended with code {self._process.returncode}:\n{self.log_tail()}")

    def end(self, number: signal.Signals, *, timeout_seconds: float | None = None) -> None:
        """Send the signal and wait for the end; SIGKILL after `timeout_seconds`. Harmless when it has ended already."""
        if self.alive:
            self._process.send_signal(number)
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def log_text(self) -> str:
        """Everything logged or printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def logs(self) -> list[dict[str, Any]]:
        """Every log line so far, parsed; a line that is no JSON (printed by the app) comes as `{"message": line}`."""
        return [_parsed(line) for line in self.log_text().splitlines()]

    def log_tail(self) -> str:
        """The end of the log in plain words, for an error message."""
        told = [str(line.get("reason") or line.get("exception") or line.get("message")) for line in self.logs()]
        return "\n".join(told)[-_TAIL_CHARACTERS:]


def _parsed(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        return {"message": line}
    return parsed if isinstance(parsed, dict) else {"message": line}
