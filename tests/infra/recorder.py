"""Recorders in place of `az` and `azd`, and what runs hooks and scripts with them.

Azure's command lines have nothing to talk to here. A recorder notes what it was called with and what parameter files
held, and answers from a list: the first pattern that the words fit. An answer may be a failure, or one after another.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
_PROGRAM = f"""#!{sys.executable} -IS
import json, os, pathlib, re, sys
home, words = pathlib.Path(os.environ["RECORDER"]), sys.argv[1:]
program, line = pathlib.Path(sys.argv[0]).name, " ".join(sys.argv[1:])
files = [pathlib.Path(word[1:]) for word in words if word.startswith("@")]
call = {{"program": program, "line": line, "words": words,
        "files": [[str(path), path.read_text(), oct(path.stat().st_mode & 0o777)] for path in files]}}
with (home / "calls").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
answers = json.loads((home / "answers").read_text())
for index, (pattern, answer) in enumerate(answers):
    if re.search(pattern, program + " " + line):
        if isinstance(answer, dict) and "one after the other" in answer:
            queue = answer["one after the other"]
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            (home / "answers").write_text(json.dumps(answers))
        if isinstance(answer, dict) and "failure" in answer:
            sys.exit(answer["failure"])
        print(answer if isinstance(answer, str) else json.dumps(answer))
        break
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
        for name in ("az", "azd"):
            (home / name).write_text(_PROGRAM)
            (home / name).chmod(0o755)

    def answer(self, pattern: str, answer: Any) -> None:
        """Answer calls that fit the pattern, before all that was said earlier."""
        self.answers.insert(0, (pattern, answer))

    def run(self, script: str, *words: str, typed: str = "", **variables: str) -> Done:
        """Run a script of this project."""
        (self.home / "calls").write_text("")
        (self.home / "answers").write_text(json.dumps(self.answers))
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
        calls = [json.loads(line) for line in (self.home / "calls").read_text().splitlines()]
        return Done(done.returncode, done.stdout, done.stderr, calls)
