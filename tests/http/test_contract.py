"""The served OpenAPI document against the app in its host: schemathesis, all checks on.

By default the examples and every boundary that the document defines; with `FUZZ` set (`make fuzz`) generated and
chained calls on top, at least 2,000 in all.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from shared.domain.resources import ResourceId
from shared.http.rotate_request import EXAMPLE_ID
from tests.world import running_host

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
FUZZ = bool(os.environ.get("FUZZ"))
HOW = ["--max-examples", "150"] if FUZZ else ["--phases", "examples,coverage"]
LEAST_CALLS = 2000 if FUZZ else 300


@pytest.fixture(scope="module")
def host(folder: Path, cloud: AzureEmulator) -> Iterator[FunctionsHost]:
    """A host that manages one resource, the one of the document's examples: they really rotate it.

    It has swept: an app that never has is not healthy, and says so (503).
    """
    example = ResourceId.parse(EXAMPLE_ID)
    tags = {"key-rotation": "enabled", "key-rotation-overlap-hours": "0"}
    cloud.create_signalr(example.name, group=example.group, subscription=example.subscription, tags=tags)
    with (
        Azurite.start(folder / "storage-contract") as storage,
        running_host(cloud, storage, folder, SIGNALR_SUBSCRIPTION_IDS=example.subscription) as host,
    ):
        assert 202 == host.request("POST", "/api/rotate").status_code
        yield host


@pytest.mark.timeout(900)
def test_every_answer_is_as_documented(host: FunctionsHost, cloud: AzureEmulator, tmp_path: Path) -> None:
    report = schemathesis(host, tmp_path)

    cases, failures = report["test_cases"], report["failures"]
    sys.stdout.write(f"\nschemathesis: {cases['generated']} calls, {len(failures)} failures\n")
    assert [] == [(failure["title"], failure["operations"]) for failure in failures], report["output"]
    assert ("completed", 0) == (report["stop_reason"], cases["errored"]), json.dumps(report.get("errors"))[:2000]
    assert cases["generated"] >= LEAST_CALLS
    assert [] == [line for line in host.logs() if line.get("message") == "request failed" and "exception" in line]
    assert cloud.regenerations(EXAMPLE_ID), "not one of the calls rotated anything"


def schemathesis(host: FunctionsHost, folder: Path) -> dict[str, Any]:
    """Run it in a folder of its own; its report. The key goes by the environment, not on the command line."""
    path = folder / "report.json"
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION), "run"]
    command += [f"{host.url}/api/openapi.json", "--checks", "all", *HOW, "--report-json-path", str(path)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "FUNCTION_KEY": host.function_key}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert path.exists(), done.stdout[-4000:] + done.stderr[-4000:]
    # What was called and answered stands there alone, in a form that can be called again.
    output = (done.stdout + done.stderr).replace(host.function_key, "…")
    return {**json.loads(path.read_text()), "output": output[-20_000:]}
