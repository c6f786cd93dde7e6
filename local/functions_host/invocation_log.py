"""Log lines as JSON, each naming the function and invocation it came from.

The platform's worker puts its handler on the root logger and passes on INFO and above, DEBUG with the app setting
`PYTHON_ENABLE_DEBUG_LOGGING`; so does this. Every line has `time` (UTC, by the process's own clock), `level`, `logger`
and `message`; then come `function` and `invocation_id`, what was given as `extra`, and `exception` with the traceback.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from azure_functions_runtime import invocation_id_cv  # type: ignore[import-untyped]  # ships no types

log = logging.getLogger("local.functions_host")

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_current: ContextVar[tuple[str, str] | None] = ContextVar("current_invocation", default=None)
_names: dict[str, str] = {}


@contextmanager
def invocation_scope(function: str, invocation_id: str) -> Iterator[None]:
    """Lines logged in the block, in tasks it starts and in the worker's threads for it, name this invocation."""
    token = _current.set((function, invocation_id))
    _names[invocation_id] = function
    try:
        yield
    finally:
        _current.reset(token)
        _names.pop(invocation_id, None)


def configure_logging(file: Path | None) -> None:
    """Send every logger's lines to `file`, or to stderr, from here on."""
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine())
    handler.addFilter(_not_the_hosts_own_requests)
    root = logging.getLogger()
    root.addHandler(handler)
    debug = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").lower() in {"1", "true", "t"}
    root.setLevel(logging.DEBUG if debug else logging.INFO)


def _not_the_hosts_own_requests(record: logging.LogRecord) -> bool:
    # The host polls queues with the same SDK the app may use; on Azure that is another process, whose requests no app
    # ever sees logged. Here the host's part is what runs on the main thread.
    ours = record.threadName == "MainThread" and record.name.startswith("azure.")
    return not ours or record.levelno >= logging.WARNING


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.now(UTC).isoformat(timespec="microseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if invocation := _current.get():
            line["function"], line["invocation_id"] = invocation
        elif (invocation_id := invocation_id_cv.get()) in _names:
            # A sync function on the worker's thread pool: contexts do not cross over, the library's own variable does.
            line["function"], line["invocation_id"] = _names[invocation_id], invocation_id
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in line}
        if record.exc_info:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str)
