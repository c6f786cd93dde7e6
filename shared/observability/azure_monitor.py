"""Where telemetry goes: Application Insights, through the Azure Monitor distribution of OpenTelemetry.

Imported only where the platform names an Application Insights resource. The distribution would also watch every SDK
and HTTP client; all of that is off: their spans carry whole addresses, and ARM's poll addresses are signed.
"""

import logging
import os
import traceback
from collections.abc import Callable

from azure.core.credentials import TokenCredential
from azure.monitor.opentelemetry import configure_azure_monitor
from opentelemetry import metrics, trace

from shared.observability import log_redaction, telemetry

CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
AUTHENTICATION = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"

# Library names as the distribution knows them (README of azure-monitor-opentelemetry, "instrumentation_options").
_INSTRUMENTED = ("azure_sdk", "django", "fastapi", "flask", "psycopg2", "requests", "urllib", "urllib3")

log = logging.getLogger("rotation")
_LONGEST = 8 * 1024  # of a property: the exporter cuts off the end, which says what happened


def start(credential_of: Callable[[str | None], TokenCredential]) -> None:
    """Send spans, figures and the log of `rotation` from here on.

    `credential_of` makes the credential of a client id, for a resource that takes Entra tokens only. Whatever the
    distribution raises is logged: it costs the telemetry, never a rotation.
    """
    # The name of the function app as the telemetry's role: the Functions worker sets the same when it configures this.
    os.environ.setdefault("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "azure_functions")
    try:
        configure_azure_monitor(
            credential=_credential(credential_of),
            logger_name="rotation",
            instrumentation_options={name: {"enabled": False} for name in _INSTRUMENTED},
            sampling_ratio=1.0,
            enable_live_metrics=False,
            enable_performance_counters=False,
            disable_offline_storage=True,
        )
    except Exception as error:  # noqa: BLE001 - whatever the distribution and its exporters raise
        log.warning("telemetry not configured", extra={"setting": CONNECTION, "kind": type(error).__name__})
        return
    for handler in log.handlers:
        handler.addFilter(_keep_as_event)
    log_redaction.install(log)
    telemetry.start(trace.get_tracer_provider(), metrics.get_meter_provider())


def _credential(credential_of: Callable[[str | None], TokenCredential]) -> TokenCredential | None:
    """The identity that the platform's own authentication string names; None where none is asked for."""
    parts = dict(part.partition("=")[::2] for part in os.environ.get(AUTHENTICATION, "").split(";") if part)
    return credential_of(parts.get("ClientId")) if parts.get("Authorization") == "AAD" else None


def _keep_as_event(record: logging.LogRecord) -> logging.LogRecord:
    """The record with its exception as a property.

    The exporter sends a record that has an exception to AppExceptions, where neither alerts nor workbook look.
    """
    if not record.exc_info or record.exc_info[1] is None:
        return record
    text = "".join(traceback.format_exception(record.exc_info[1]))[-_LONGEST:]
    return logging.makeLogRecord(vars(record) | {"exc_info": None, "exc_text": None, "exception": text})
