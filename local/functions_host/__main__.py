"""`python -m local.functions_host --app DIR`: one JSON line on stdout when it is ready, log lines as JSON on stderr.

The app settings are the process's environment, plus those of `--settings`. SIGTERM and Ctrl-C stop it cleanly.
"""

import argparse
import asyncio
import io
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from local.functions_host.host import Host, Options
from local.functions_host.host_json import ConfigurationError, read_settings
from local.functions_host.invocation_log import configure_logging, log
from local.functions_host.limits import Limits

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    """Run until told to stop. Exit code 1 when the app cannot be started, with the reason as the last log line."""
    arguments = _arguments()
    app = arguments.app.resolve()
    ready = _keep_stdout_for_the_ready_line()
    try:
        if arguments.settings:
            os.environ.update(read_settings(arguments.settings))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    configure_logging(arguments.log.resolve() if arguments.log else None)
    try:
        options = Options(
            app=app,
            port=arguments.port,
            keys=arguments.keys if arguments.keys == "generated" else str(Path(arguments.keys).resolve()),
            schedule=arguments.schedule,
            limits=Limits(arguments.answer_within, arguments.hidden_for, arguments.grace, arguments.function_timeout),
        )
        _leave_only_the_app_importable(app)
        finished = asyncio.run(_serve(options, ready, until_stdin_ends=arguments.until_stdin_ends))
    except (ConfigurationError, OSError) as error:
        log.critical("host could not start", extra={"reason": str(error)})
        return 1
    if not finished:
        # A sync function may still sit on the worker's thread pool, which Python would wait for without end.
        logging.shutdown()
        os._exit(0)
    return 0


async def _serve(options: Options, ready: TextIO, *, until_stdin_ends: bool) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_ends:
        threading.Thread(target=_await_stdin_end, args=(loop, stop), daemon=True).start()
    host = Host(options)
    print(json.dumps(await host.start()), file=ready, flush=True)
    await stop.wait()
    return await host.stop()


def _keep_stdout_for_the_ready_line() -> TextIO:
    # Whatever the app, its libraries or its subprocesses print belongs to the log, not between a caller and the line.
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return kept


def _await_stdin_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Whoever started this host holds the other end: when it is gone, however it went, so is the host.
    # Read below Python's own buffer, whose lock a daemon thread would still hold when the interpreter ends.
    while os.read(0, 1024):
        continue
    loop.call_soon_threadsafe(stop.set)


def _leave_only_the_app_importable(app: Path) -> None:
    # This package was found through the repository's folder, which may hold another function_app.py than the app's.
    # Everything of the host is imported by now; `local` finds the rest of itself through its own path.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() not in {REPOSITORY, app}]
    os.chdir(app)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.functions_host", description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 lets the system choose")
    parser.add_argument("--keys", default="generated", help="JSON file of access keys, made if missing, or 'generated'")
    parser.add_argument("--settings", type=Path, help="local.settings.json, or a JSON object of app settings")
    parser.add_argument("--log", type=Path, help="file for the log lines instead of stderr")
    parser.add_argument("--no-schedule", dest="schedule", action="store_false", help="timers run by hand only")
    parser.add_argument("--answer-within", type=float, default=230, metavar="SECONDS", help="then HTTP callers get 504")
    parser.add_argument("--hidden-for", type=float, default=600, metavar="SECONDS", help="a received queue message")
    parser.add_argument("--grace", type=float, default=10, metavar="SECONDS", help="for what runs when it is stopped")
    parser.add_argument("--function-timeout", type=float, metavar="SECONDS", help="instead of what host.json says")
    parser.add_argument("--until-stdin-ends", action="store_true", help="stop when the process at the other end does")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
