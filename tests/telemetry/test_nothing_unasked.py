"""Without an Application Insights resource nothing of OpenTelemetry is even imported; with one, all of it is ours."""

import os
import subprocess
import sys

from tests.world import ROOT

_LOOK = "import sys; print(*sorted({n for n in sys.modules if n.startswith(('opentelemetry', 'azure.monitor'))}))"


def _python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_app_imports_nothing_of_opentelemetry_by_itself() -> None:
    assert "" == _python(f"import function_app, shared.wiring, shared.endpoints, shared.messages; {_LOOK}")


def test_where_the_platform_names_a_resource_everything_is_recorded() -> None:
    """No address is asked: the connection string names a port on this machine where nothing listens."""
    said = _python(
        "from shared import telemetry, wiring; wiring._watch(); print(telemetry.recording())",
        APPLICATIONINSIGHTS_CONNECTION_STRING=(
            "InstrumentationKey=11111111-2222-4333-8444-555555555555;IngestionEndpoint=http://127.0.0.1:9/"
        ),
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
        APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED="true",
    )

    assert "True" == said


def test_a_wrong_connection_string_costs_the_telemetry_and_nothing_else() -> None:
    said = _python(
        "from shared import telemetry, wiring; wiring._watch(); print(telemetry.recording())",
        APPLICATIONINSIGHTS_CONNECTION_STRING="nonsense",
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
        APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED="true",
    )

    assert "False" == said
