"""A Functions host as a test, the demo or a benchmark holds it: started, called, moved in time, stopped or killed."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import requests

from local.functions_host.limits import Limits
from local.functions_host.process import HostProcess

REQUEST_TIMEOUT_SECONDS = 240

_STOP_MARGIN_SECONDS = 15
_IDLE_POLL_SECONDS = 0.05


class FunctionsHost:
    """One host process. A context manager; it also ends when the process that started it ends."""

    def __init__(self, process: HostProcess, ready: dict[str, Any], limits: Limits) -> None:
        self._process = process
        self._ready = ready
        self._limits = limits
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
        limits: Limits | None = None,
    ) -> Self:
        """Start a host for the app in folder `app` and wait until it is ready.

        `env` is the process's whole environment: the app settings and nothing of the caller's. Timers fire by
        themselves only with `schedule`. Log lines go to `log`, or to a file that is gone when this process ends; access
        keys are those of the file `keys`, or new ones. Raises `HostDiedError` with the end of the log when the app
        cannot be started, and `TimeoutError` after a minute.
        """
        limits = limits or Limits()
        arguments = ["--app", str(app), "--port", str(port), "--keys", str(keys or "generated")]
        arguments += ["--answer-within", str(limits.answer_within), "--hidden-for", str(limits.hidden_for)]
        arguments += ["--grace", str(limits.grace)] + ([] if schedule else ["--no-schedule"])
        if limits.function_timeout is not None:
            arguments += ["--function-timeout", str(limits.function_timeout)]
        process = HostProcess(arguments, env, log)
        return cls(process, process.ready(), limits)

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
    def system_keys(self) -> dict[str, str]:
        """The keys of extensions, such as `eventgrid_extension`."""
        return dict(self._ready["keys"]["system"])

    def event_grid_path(self, function: str) -> str:
        """Where Event Grid delivers to one of the app's Event Grid functions, with the extension's key: path and query.

        Event Grid makes this address itself for a subscription with `endpointType: AzureFunction`.
        """
        return f"/runtime/webhooks/EventGrid?functionName={function}&code={self.system_keys['eventgrid_extension']}"

    @property
    def pid(self) -> int:
        """The host's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self._process.alive

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
        """Run a timer or queue function by hand, as the portal does; returns when it is accepted, not when it is done.

        An HTTP function is accepted too, and always fails: the portal's *Test/Run* calls its own URL, and so does
        `request`. Raises `requests.HTTPError` when it is not accepted.
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
        """Wait until nothing runs and no queue it listens on holds a visible message. Raises `TimeoutError`.

        A message that is to appear later does not count: it would keep a delayed retry from ever being idle.
        """
        until = time.monotonic() + timeout
        before: dict[str, int] = {}
        seen = self.activity()
        # Two answers alike: between a look at the queues and the counting, a run may end that has sent a message.
        while seen != before or any(seen[what] for what in ("running", "messages", "waiting")):
            if time.monotonic() > until:
                raise TimeoutError(f"not idle within {timeout} s: {seen}\n{self._process.log_tail()}")
            time.sleep(_IDLE_POLL_SECONDS)
            before, seen = seen, self.activity()

    def logs(self) -> list[dict[str, Any]]:
        """Every log line so far, parsed; a line that is no JSON (printed by the app) comes as `{"message": line}`."""
        return self._process.logs()

    def log_text(self) -> str:
        """The log as it is, for searching it whole."""
        return self._process.log_text()

    def drain(self) -> None:
        """Have it take no more work, as the platform does before it stops an instance; what runs goes on."""
        self.request("POST", "/admin/host/drain", key="master").raise_for_status()

    def stop(self) -> None:
        """Ask it to stop and wait for what runs, for `limits.grace` at most. Harmless when it has gone already."""
        self._process.end(signal.SIGTERM, timeout_seconds=self._limits.grace + _STOP_MARGIN_SECONDS)

    def kill(self) -> None:
        """End it with SIGKILL: no clean-up of any kind, as when a machine goes away."""
        self._process.end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
