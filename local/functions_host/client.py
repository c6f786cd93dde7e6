"""A Functions host as a test, the demo or a benchmark holds it: started, called, moved in time, stopped or killed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import requests

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 45
REQUEST_TIMEOUT_SECONDS = 240

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_IDLE_POLL_SECONDS = 0.05
_LOG_TAIL = 4000


class HostDiedError(RuntimeError):
    """The host ended before it was ready. The message holds the end of its log."""


class FunctionsHost:
    """One host process. A context manager; it also ends when the process that started it ends."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self._ready: dict[str, Any] = {}
        self._offset_seconds = 0.0

    @classmethod
    def start(
        cls,
        app: Path,
        env: dict[str, str],
        *,
        schedule: bool = False,
        log: Path | None = None,
        port: int = 0,
        keys: Path | None = None,
        answer_within_seconds: float = 230,
        hidden_seconds: float = 600,
        grace_seconds: float = 30,
    ) -> Self:
        """Start a host for the app in folder `app` and wait until it is ready.

        `env` is the process's whole environment: the app settings and nothing of the caller's. Timers fire by themselves
        only with `schedule`. Log lines go to `log`, or to a file of its own. `hidden_seconds` is how long a received
        queue message stays hidden without renewal, the time after which a killed host's work comes back.

        Raises `HostDiedError` with the end of the log when the app cannot be started, `TimeoutError` after a minute.
        """
        if log is None:
            handle, name = tempfile.mkstemp(prefix="functions-host-", suffix=".jsonl")
            os.close(handle)
            log = Path(name)
        command = [sys.executable, "-m", "local.functions_host", "--until-stdin-ends"]
        command += ["--app", str(app), "--log", str(log), "--port", str(port), "--keys", str(keys or "generated")]
        command += ["--answer-within", str(answer_within_seconds), "--hidden-for", str(hidden_seconds)]
        command += ["--grace", str(grace_seconds)] + ([] if schedule else ["--no-schedule"])
        process = subprocess.Popen(  # noqa: S603 - this very interpreter, arguments from the caller's own code
            command,
            cwd=_REPOSITORY,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("a"),
            text=True,
        )
        host = cls(process, log)
        host._await_ready()
        return host

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return str(self._ready["url"])

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """The app's functions by name: their type, and route, schedule or queue."""
        return dict(self._ready["functions"])

    @property
    def master_key(self) -> str:
        """Opens everything."""
        return str(self._ready["keys"]["master"])

    @property
    def function_key(self) -> str:
        """The default host key: opens every function of level `function`."""
        return str(self._ready["keys"]["default"])

    @property
    def function_keys(self) -> dict[str, str]:
        """Each HTTP function's own key."""
        return dict(self._ready["keys"]["functions"])

    @property
    def pid(self) -> int:
        """The host's process id."""
        return self._process.pid

    def request(
        self,
        method: str,
        path: str,
        *,
        key: str | None = "function",
        json: object = None,
        data: bytes | str | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        timeout: float = REQUEST_TIMEOUT_SECONDS,
    ) -> requests.Response:
        """Call `path`, such as `/api/rotate`. `key` is "function", "master", a key itself, or None for no key."""
        known = {"function": self.function_key, "master": self.master_key}
        key_header = {} if key is None else {"x-functions-key": known.get(key, key)}
        return requests.request(
            method,
            self.url + path,
            json=json,
            data=data,
            headers=key_header | dict(headers or {}),
            timeout=timeout,
            allow_redirects=False,
        )

    def run(self, name: str, input: str = "") -> None:  # noqa: A002 - the field's name in the platform's API
        """Run any function by hand, as the portal does, and return when it is accepted, not when it is done.

        Raises `requests.HTTPError` when it is not accepted.
        """
        self.request("POST", f"/admin/functions/{name}", key="master", json={"input": input}).raise_for_status()

    def travel(self, seconds: float) -> None:
        """Move the host's clock `seconds` further ahead of the real time; earlier journeys add up."""
        offset_seconds = self._offset_seconds + seconds
        moved = self.request("POST", "/admin/local/clock", key="master", json={"offset_seconds": offset_seconds})
        moved.raise_for_status()
        self._offset_seconds = offset_seconds

    def activity(self) -> dict[str, int]:
        """`running`, `messages` held, `waiting` (visible on its queues), `completed` and `failed` since the start."""
        answer = self.request("GET", "/admin/local/activity", key="master")
        answer.raise_for_status()
        return dict(answer.json())

    def idle(self, timeout: float = 60) -> None:
        """Wait until nothing runs and no queue it listens on holds a visible message. Raises `TimeoutError`."""
        until = time.monotonic() + timeout
        while any((seen := self.activity())[what] for what in ("running", "messages", "waiting")):
            if time.monotonic() > until:
                raise TimeoutError(f"not idle within {timeout} s: {seen}\n{self._tail()}")
            time.sleep(_IDLE_POLL_SECONDS)

    def logs(self) -> list[dict[str, Any]]:
        """Every log line so far, parsed; a line that is no JSON (printed by the app) comes as `{"message": line}`."""
        return [_parsed(line) for line in self.log_text().splitlines()]

    def log_text(self) -> str:
        """The log as it is, for searching it whole."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Ask it to stop, wait for running functions, kill it if it does not go. Harmless when it has gone already."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._close()

    def kill(self) -> None:
        """End it with SIGKILL: no clean-up of any kind, as when a machine goes away."""
        self._process.kill()
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _await_ready(self) -> None:
        # The pipe ends by itself when the host dies; the timer only catches one that hangs.
        hung = threading.Timer(START_TIMEOUT_SECONDS, self._process.kill)
        hung.start()
        line = self._process.stdout.readline() if self._process.stdout else ""
        timed_out = hung.finished.is_set()
        hung.cancel()
        if line:
            self._ready = json.loads(line)
            # What the app prints goes here too; a full pipe would block it.
            threading.Thread(target=self._drain, daemon=True).start()
            return
        self.kill()
        if timed_out:
            raise TimeoutError(f"the host was not ready within {START_TIMEOUT_SECONDS} s:\n{self._tail()}")
        raise HostDiedError(f"the host ended with code {self._process.returncode}:\n{self._tail()}")

    def _drain(self) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            for line in self._process.stdout or ():
                log.write(line)
                log.flush()

    def _close(self) -> None:
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _tail(self) -> str:
        return "\n".join(str(line.get("reason") or line.get("exception") or line["message"]) for line in self.logs())[
            -_LOG_TAIL:
        ]


def _parsed(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        return {"message": line}
    return parsed if isinstance(parsed, dict) else {"message": line}
