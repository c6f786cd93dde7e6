"""Recorders in place of `az` and `azd`, and what runs hooks and scripts with them.

Azure's command lines have nothing to talk to here. A recorder notes what it was called with, and answers from a list:
the first pattern that the words fit. An answer may be a failure, or one after another. The programs themselves are five
lines of shell that pass their words to this process: a script calls them often, and a Python for each call is dear.
"""

import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
_PROGRAM = """#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' "$#" "$RECORDER" "${{0##*/}}" "$@" >&3
IFS= read -r code <&3
if [ "$code" = 0 ]; then cat <&3; else cat <&3 >&2; fi
exit "$code"
"""


@dataclass
class Done:
    """How a run ended, and what was asked of Azure."""

    code: int
    out: str
    err: str
    calls: list[dict[str, Any]] = field(default_factory=list)

    def lines(self, *starts: str) -> list[str]:
        """The calls that begin with one of these."""
        lines = [f"{call['program']} {call['line']}" for call in self.calls]
        return [line for line in lines if line.startswith(starts or ("az", "azd"))]


class Recorder:
    """The home of `az` and `azd`."""

    def __init__(self, home: Path) -> None:
        """Put both on a path of their own."""
        self.home = home
        self.answers: list[tuple[str, Any]] = []
        self._left: list[list[Any]] = []
        self._calls: list[dict[str, Any]] = []
        port = _server().server_address[1]
        _HOMES[str(home)] = self
        for name in ("az", "azd"):
            (home / name).write_text(_PROGRAM.format(port=port))
            (home / name).chmod(0o755)

    def answer(self, pattern: str, answer: Any) -> None:
        """Answer calls that fit the pattern, before all that was said earlier."""
        self.answers.insert(0, (pattern, answer))

    def run(self, script: str, *words: str, typed: str = "", **variables: str) -> Done:
        """Run a script of this project."""
        self._calls, self._left = [], json.loads(json.dumps(self.answers))
        environment = {"PATH": f"{self.home}:/usr/bin:/bin", "RECORDER": str(self.home), "TMPDIR": str(self.home)}
        done = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / script), *words],
            env={**environment, "RETRY_SECONDS": "0", "PYTHONDONTWRITEBYTECODE": "1", **variables},
            cwd=(ROOT / "scripts" / script).parent,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Done(done.returncode, done.stdout, done.stderr, self._calls)

    def called(self, program: str, words: list[str]) -> tuple[int, str]:
        """Note a call; its exit code and what it prints."""
        line = " ".join(words)
        self._calls.append({"program": program, "line": line, "words": words})
        for pattern, answer in self._left:
            if re.search(pattern, f"{program} {line}"):
                return _told(answer)
        return 0, ""


def _told(answer: Any) -> tuple[int, str]:
    if isinstance(answer, dict) and "one after the other" in answer:
        queue = answer["one after the other"]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
    if isinstance(answer, dict) and "failure" in answer:
        return 1, f"{answer['failure']}\n"
    return 0, f"{answer if isinstance(answer, str) else json.dumps(answer)}\n"


_HOMES: dict[str, Recorder] = {}


class _Call(StreamRequestHandler):
    def handle(self) -> None:
        count, home, program = (self._word() for _ in range(3))
        code, text = _HOMES[home].called(program, [self._word() for _ in range(int(count))])
        self.wfile.write(f"{code}\n{text}".encode())

    def _word(self) -> str:
        word = bytearray()
        while (byte := self.rfile.read(1)) != b"\0":
            if not byte:
                raise EOFError
            word += byte
        return word.decode()


@cache
def _server() -> ThreadingTCPServer:
    """The one that all programs of this process call."""
    server = ThreadingTCPServer(("127.0.0.1", 0), _Call)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
