"""Without an Application Insights resource nothing of OpenTelemetry is even imported; with one, all of it is ours."""

import os
import subprocess
import sys

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.world import ROOT, app_settings

_LOOK = "import sys; print(*sorted({n for n in sys.modules if n.startswith(('opentelemetry', 'azure.monitor'))}))"

_START = """
from shared import composition
from shared.observability import telemetry
composition._watch()
print(telemetry.recording())
"""
_CALL = """
async def call():
    from shared import composition
    app = composition.app()
    await app.rotations.status("5b1e0a52-7d3c-4a55-9c6e-2f1d8e4b7a90")
    await app.close()
"""


def _python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_app_imports_nothing_of_opentelemetry_by_itself() -> None:
    assert "" == _python(
        f"import function_app, shared.composition, shared.http.routes, shared.rotation.queue_messages; {_LOOK}"
    )


def test_nothing_is_imported_when_the_app_has_called_a_service_either(
    azure_session: AzureEmulator, storage: Azurite
) -> None:
    environment = app_settings(azure_session, storage)

    assert "" == _python(f"import asyncio\n{_CALL}\nasyncio.run(call())\n{_LOOK}", **environment)


def test_where_the_platform_names_a_resource_everything_is_recorded() -> None:
    """No address is asked: the connection string names a port on this machine where nothing listens."""
    said = _python(
        _START,
        APPLICATIONINSIGHTS_CONNECTION_STRING=(
            "InstrumentationKey=11111111-2222-4333-8444-555555555555;IngestionEndpoint=http://127.0.0.1:9/"
        ),
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
        APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED="true",
    )

    assert "True" == said


def test_a_wrong_connection_string_costs_the_telemetry_and_nothing_else() -> None:
    said = _python(
        _START,
        APPLICATIONINSIGHTS_CONNECTION_STRING="nonsense",
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
        APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED="true",
    )

    assert "False" == said
