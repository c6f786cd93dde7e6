"""1. Cold start: what the platform's worker takes to load and index the app, against an app with one empty function."""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import ROOT

EMPTY = """import azure.functions as func

app = func.FunctionApp()


@app.route("empty")
def empty(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse()
"""


def measure(*, short: bool) -> Finding:
    """Index both in turn, each time in a new process, so that a slow moment hits both alike."""
    rounds = 2 if short else 25
    ours, empties = [], []
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "function_app.py").write_text(EMPTY)
        (empty / "host.json").write_text(json.dumps({"version": "2.0"}))
        for app in (empty, ROOT):
            _seconds(app)  # the first time compiles
        for _ in range(rounds):
            empties.append(_seconds(empty))
            ours.append(_seconds(ROOT))
    ratio = tuple(mine / theirs for mine, theirs in zip(ours, empties, strict=True))
    return Finding(
        1,
        "Cold start",
        (
            Figure("our app ÷ empty app", ratio, "", Goal("at most", 1.15)),
            Figure("our app", tuple(1000 * each for each in ours), "ms", digits=0),
            Figure("empty app", tuple(1000 * each for each in empties), "ms", digits=0),
        ),
        (
            (
                "Worker init, indexing and loading of all functions by azure-functions-runtime in a new process. "
                "Bytecode is cached for both."
            ),
            f"The difference of the medians is {1000 * (statistics.median(ours) - statistics.median(empties)):.0f} ms.",
        ),
    )


def _seconds(app: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.index_app", str(app)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    return float(done.stdout.splitlines()[-1])
