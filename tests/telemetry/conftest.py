"""The engine in this process, its messages taken from the real queue, and everything it tells kept in memory."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared import composition
from shared.adapters import azure_services
from shared.domain.errors import RotationError
from shared.domain.record import Outcome
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.observability import telemetry
from shared.settings import Settings

_numbers = count(1)


@dataclass
class Told:
    """The spans and figures of one test."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        """All that ended, in that order."""
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of a name."""
        return [span for span in self.spans if span.name == name]

    def tree(self, trace_id: int) -> list[str]:
        """A trace, one line for each span in the order of their start, indented below its parent."""
        of_trace = sorted((s for s in self.spans if s.context.trace_id == trace_id), key=lambda s: s.start_time or 0)

        def below(parent: int | None, depth: int) -> list[str]:
            lines = []
            for span in of_trace:
                if (span.parent.span_id if span.parent else None) == parent:
                    lines += ["  " * depth + span.name, *below(span.context.span_id, depth + 1)]
            return lines

        return below(None, 0)

    def figure(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """The points of a metric: attributes, and value or count."""
        data = self.reader.get_metrics_data()
        metrics: list[Metric] = [
            metric
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        return [
            (dict(point.attributes or {}), point.count if hasattr(point, "count") else point.value)
            for metric in metrics
            for point in metric.data.data_points
        ]


@dataclass
class Engine:
    """The app, and its queue from the platform's side."""

    azure: AzureEmulator
    app: composition.App
    queue: QueueClient
    urgent: QueueClient
    subscription: str

    def resource(self) -> str:
        """A resource that is managed: its ARM id."""
        return self.azure.create_signalr(
            f"traced{next(_numbers)}", subscription=self.subscription, tags={"key-rotation": "enabled"}
        )

    async def ask(self, resource: str, **wish: Any) -> WorkItem:
        """Ask for a rotation; the message as it lies on the queue."""
        await self.app.rotations.submit(RotationCommand("http", ResourceId.parse(resource), Mode.ROTATE, **wish))
        return self.message()

    def message(self) -> WorkItem:
        """Take the next message off the queue."""
        for queue in (self.urgent, self.queue):
            with suppress(ResourceNotFoundError):
                if message := queue.receive_message():
                    queue.delete_message(message)
                    return WorkItem.model_validate_json(message.content)
        raise AssertionError("no message")

    async def work(self, request: WorkItem) -> Outcome | None:
        """One attempt at it, as the worker makes it. What is to be attempted again gives None."""
        with suppress(RotationError):
            return await self.app.worker.attempt(request)
        return None


@pytest.fixture
def told() -> Iterator[Told]:
    """A recorder in memory, for this test alone."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.start(tracers, MeterProvider([reader]))
    yield Told(exporter, reader)
    telemetry.stop()


@pytest.fixture(scope="session")
def telemetry_storage(folder: Path) -> Iterator[Azurite]:
    with Azurite.start(folder / "storage-telemetry") as azurite:
        yield azurite


@pytest.fixture
async def engine(
    azure_session: AzureEmulator, telemetry_storage: Azurite, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setitem(os.environ, name, azure_session.env[name])
    subscription = str(uuid.uuid4())
    known: Mapping[str, Any] = {
        name: value for name, value in azure_session.env.items() if name in Settings.model_fields
    }
    settings = Settings(
        **{
            "AzureWebJobsStorage": telemetry_storage.connection_string,
            "SIGNALR_SUBSCRIPTION_IDS": subscription,
            "FIRST_POLL_SECONDS": 0.1,
            "KEY_EFFECT_TIMEOUT_SECONDS": 1,
            **known,
        }
    )
    app = composition.build(settings)
    names = (azure_services.NAME, azure_services.URGENT)
    queue, urgent = (QueueClient.from_connection_string(telemetry_storage.connection_string, name) for name in names)
    with queue, urgent:
        for each in (queue, urgent):
            with suppress(ResourceNotFoundError):
                each.clear_messages()
        yield Engine(azure_session, app, queue, urgent, subscription)
    azure_session.clear_faults()
    await app.close()
