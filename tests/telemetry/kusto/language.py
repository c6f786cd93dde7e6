"""Microsoft's own Kusto language service: parses and binds a query as the portal's editor does, and says what is wrong.

It knows the columns that the queries may use, from the table reference of Azure Monitor Logs.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.azurite.install import NODE, NPM

HERE = Path(__file__).parent
_STAMP = HERE / "node_modules" / ".pins"
_AUDIT = "TimeGenerated: datetime, ResourceProvider: string, Category: string, OperationName: string, Resource: string"
_ALL = "TimeGenerated: datetime, AppRoleName: string, Properties: dynamic, OperationId: string"
TABLES = {
    "AppTraces": f"({_ALL}, Message: string, SeverityLevel: int)",
    "AppMetrics": f"({_ALL}, Name: string, Sum: real, Min: real, Max: real, ItemCount: int)",
    "AppRequests": f"({_ALL}, Name: string, DurationMs: real, Success: bool)",
    "AzureDiagnostics": f"({_AUDIT}, CallerIPAddress: string, ResultType: string, ResultSignature: string)",
    "AppDependencies": f"({_ALL}, Name: string, DurationMs: real, Success: bool)",
}


def install() -> None:
    """Put the language service into node_modules, as pinned, unless it is there. Raises `CalledProcessError`."""
    pins = (HERE / "package-lock.json").read_bytes()
    if _STAMP.exists() and _STAMP.read_bytes() == pins:
        return
    command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=HERE, check=True, timeout=300)  # constants
    _STAMP.write_bytes(pins)


def complaints(queries: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong with each query; nothing is an empty list."""
    asked = json.dumps({"tables": TABLES, "queries": queries})
    done = subprocess.run([str(NODE), "check.cjs"], cwd=HERE, input=asked, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found
