"""Start one app in the platform's worker library, request a list and a rotation, and say when each was answered.

python -m benchmarks.answer_app APP RESOURCE BEGAN      BEGAN [s since the epoch]: when this process was started
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from benchmarks.index_app import leave_this_folder
from local.functions_host.activity import Activity
from local.functions_host.functions import Function
from local.functions_host.http_message import rpc_request
from local.functions_host.worker import Invocation, Worker


async def _answered(app: Path, resource: str, began: float) -> list[float]:
    worker = Worker(app, Activity())
    functions = {function.name: function for function in await worker.start()}
    took = []
    for name, method, body in (
        ("resources", "GET", b""),
        ("rotate", "POST", json.dumps({"resource": resource}).encode()),
    ):
        await _call(worker, functions[name], method, body)
        took.append(time.time() - began)
    return took


async def _call(worker: Worker, function: Function, method: str, body: bytes) -> None:
    headers = {"content-type": "application/json"} if body else {}
    url = f"https://app.example/api/{function.route}"
    data = rpc_request(worker.protos, method, url, headers=headers, query={}, params={}, body=body)
    outcome = await worker.invoke(Invocation(function, data))
    status = outcome.return_value.http.status_code if outcome.succeeded else outcome.error
    if status not in {"200", "202"}:
        raise SystemExit(f"{function.name} answered {status}")


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    leave_this_folder()
    sys.stdout.write(f"{json.dumps(asyncio.run(_answered(folder, sys.argv[2], float(sys.argv[3]))))}\n")
    sys.stdout.flush()
    os._exit(0)
