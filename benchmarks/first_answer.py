"""9. First answer: from the start of a worker process to the first list and the first accepted request.

Beside our app one that imports only what those answers need: storage's SDK, and with telemetry what configures it.
"""

import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import ROOT, Ground, ground

# Read by the process that is measured, and imported by nothing else.
LEAST = '''
import json
import os
import uuid

import azure.functions as func

app = func.FunctionApp()


def started():
    """Telemetry, where the platform names where to send it, as our app starts it."""
    if os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        from azure.monitor.opentelemetry import configure_azure_monitor

        off = ("azure_sdk", "django", "fastapi", "flask", "psycopg2", "requests", "urllib", "urllib3")
        configure_azure_monitor(
            logger_name="rotation",
            instrumentation_options={name: {"enabled": False} for name in off},
            enable_live_metrics=False,
            enable_performance_counters=False,
            disable_offline_storage=True,
        )


@app.route("resources")
async def resources(req: func.HttpRequest) -> func.HttpResponse:
    from azure.storage.blob.aio import BlobServiceClient

    started()
    async with BlobServiceClient.from_connection_string(os.environ["AzureWebJobsStorage"]) as service:
        container = service.get_container_client("benchmark")
        names = [name async for name in container.list_blob_names()]
        texts = [await (await container.get_blob_client(name).download_blob()).readall() for name in names]
    return func.HttpResponse(json.dumps({"value": [json.loads(text) for text in texts]}), mimetype="application/json")


@app.route("rotate", methods=["POST"])
async def rotate(req: func.HttpRequest) -> func.HttpResponse:
    from azure.storage.blob.aio import BlobServiceClient
    from azure.storage.queue.aio import QueueClient

    known, wanted = os.environ["AzureWebJobsStorage"], req.get_json()
    text = json.dumps({"id": str(uuid.uuid4()), **wanted})
    async with BlobServiceClient.from_connection_string(known) as service:
        await service.get_blob_client("benchmark-requests", str(uuid.uuid4())).upload_blob(text)
    async with QueueClient.from_connection_string(known, "benchmark") as queue:
        await queue.send_message(text)
    return func.HttpResponse(text, status_code=202, mimetype="application/json")
'''
_TELEMETRY = {
    # Nobody listens there: what is sent is not part of what is measured.
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=00000000-0000-4000-8000-000000000000;"
    "IngestionEndpoint=https://127.0.0.1:9/"
}


def measure(*, short: bool) -> Finding:
    """Start both in turn, each time in a new process, without telemetry and with it."""
    rounds = 1 if short else 15
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, ground() as on:
        least = Path(folder)
        (least / "function_app.py").write_text(LEAST)
        (least / "host.json").write_text(json.dumps({"version": "2.0"}))
        [resource] = on.fleet(1)
        _prepare(on)
        for named, extra in (("without telemetry", {}), ("with telemetry", _TELEMETRY)):
            start = partial(_seconds, on, resource, extra)
            for app in (ROOT, least):
                start(app)  # the first time compiles
            pairs = [(start(ROOT), start(least)) for _ in range(rounds)]
            for number, answer in enumerate(("first list", "first accepted request")):
                ours, theirs = zip(*((mine[number], other[number]) for mine, other in pairs), strict=True)
                ratios = tuple(mine / other for mine, other in zip(ours, theirs, strict=True))
                figures += (
                    Figure(f"{answer}, {named}: ours ÷ least", ratios, "", Goal("at most", 1.15)),
                    Figure(f"{answer}, {named}: ours", ours, "s"),
                    Figure(f"{answer}, {named}: least", theirs, "s"),
                )
    return Finding(
        9,
        "First answer",
        tuple(figures),
        (
            (
                "From the start of a worker process: interpreter, the platform's worker library, indexing, then a list "
                "of resources, then a request for one. Bytecode is cached."
            ),
            (
                "Least: an app that imports nothing but `azure.functions` and storage's SDK (and what sends telemetry) "
                "and makes one list, one read, one write and one message of these answers."
            ),
        ),
    )


def _prepare(on: Ground) -> None:
    """What the other app reads and writes."""
    known = on.storage.connection_string
    with BlobServiceClient.from_connection_string(known) as service:
        service.create_container("benchmark-requests")
        service.create_container("benchmark").upload_blob("one", json.dumps({"name": "one"}))
    with QueueClient.from_connection_string(known, "benchmark") as queue:
        queue.create_queue()


def _seconds(on: Ground, resource: str, extra: dict[str, str], app: Path) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.answer_app", str(app), resource, str(time.time())]
    # A resource that the settings name: of any other, ARM is asked whether its tags still say so.
    environment = on.environment | {"SIGNALR_SUBSCRIPTION_IDS": "", "SIGNALR_RESOURCE_IDS": resource} | extra
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    return [float(each) for each in json.loads(done.stdout.splitlines()[-1])]
