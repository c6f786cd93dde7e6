"""Rotations as OpenTelemetry sees them: the span tree and the metrics. `azure_monitor` says where they go.

    ask                         producer: the trigger; a trace of its own, linked to the invocation that asked
    └── work                    consumer: a worker takes the message; again for every redelivery
        └── rotate Secondary    one journal carried out; what another message resumes stays in this trace
            ├── regenerate      ARM's operation, until the key has changed
            ├── verify          SignalR accepts it
            ├── publish         Key Vault has it
            └── announce        the topic has the event

Attributes name keys by fingerprint. No exception is recorded, only its code: its text belongs to the log, which is
redacted. Names are in docs/reference/telemetry.md.

Until `start` is called nothing is recorded, and nothing of OpenTelemetry is imported: that costs a cold start.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain.errors import RotationError, Throttled
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.journal import Journal
from shared.domain.record import Outcome, Record, Result
from shared.domain.requests import WorkItem
from shared.observability.log_redaction import redacted

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Link, Span, TracerProvider
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE = "signalr-key-rotation"
_BAD = frozenset({Result.FAILED, Result.UNKNOWN})

type _Attributes = Mapping[str, str | float | bool | None]


class _Instruments:
    """The tracer and the instruments, made once the app is told where spans and measurements go."""

    def __init__(self, tracers: "TracerProvider", meters: "MeterProvider") -> None:
        self.tracer = tracers.get_tracer(SCOPE)
        meter = meters.get_meter(SCOPE)
        self.outcomes = meter.create_counter("rotation.outcomes", "{outcome}", "Requests that ended")
        self.duration = meter.create_histogram("rotation.duration", "s", "From asking to the end, what changed keys")
        self.throttles = meter.create_counter("rotation.throttles", "{answer}", "Answers of 429")
        self.since = meter.create_gauge("rotation.since_success", "s", "Since a resource's last success")
        self.overdue = meter.create_gauge("rotation.overdue", "{resource}", "Resources past due by more than the grace")
        self.managed = meter.create_gauge("rotation.resources", "{resource}", "Resources that were ever looked at")


_instruments: _Instruments | None = None


def start(tracers: "TracerProvider", meters: "MeterProvider") -> None:
    """Record from now on, with these providers."""
    global _instruments  # noqa: PLW0603 - one set of instruments per process, like the loggers
    _instruments = _Instruments(tracers, meters)


def stop() -> None:
    """Record nothing from now on."""
    global _instruments  # noqa: PLW0603 - likewise
    _instruments = None


def recording() -> bool:
    """Whether anything is recorded."""
    return _instruments is not None


def traced(item: WorkItem) -> WorkItem:
    """The item, carrying the trace that begins with it: a thousand rotations asked at once get a thousand traces.

    One that carries a trace keeps it.
    """
    if _instruments is None or item.traceparent:
        return item
    from opentelemetry.context import Context  # noqa: PLC0415 - see the module's docstring
    from opentelemetry.trace import Link, SpanKind, get_current_span, set_span_in_context  # noqa: PLC0415

    asking = get_current_span().get_span_context()
    links = [Link(asking)] if asking.is_valid else []
    span = _instruments.tracer.start_span("ask", Context(), SpanKind.PRODUCER, _known(_asked(item)), links)
    span.end()
    carrier: dict[str, str] = {}
    _propagator().inject(carrier, set_span_in_context(span, Context()))
    return item.model_copy(update={"traceparent": carrier.get("traceparent")})


@contextmanager
def working(item: WorkItem) -> Iterator[None]:
    """A span for the time in which a worker has this message in hand, in the trace that it carries."""
    if _instruments is None:
        yield
        return
    with _span("work", _asked(item), parent=_remote(item.traceparent), consumer=True):
        yield


@contextmanager
def rotating(journal: Journal, record: Callable[[], Record]) -> Iterator[None]:
    """A span for the run of a journal, in the trace of the request it was opened for. `record`: as it is at the end."""
    if _instruments is None:
        yield
        return
    from opentelemetry.trace import Link, get_current_span  # noqa: PLC0415 - see the module's docstring

    here = get_current_span().get_span_context()
    home = get_current_span(_remote(journal.traceparent)).get_span_context()
    resumed = home.is_valid and home.trace_id != here.trace_id
    name = f"{journal.kind.value} {journal.slot.value}" if journal.slot else journal.kind.value
    parent = _remote(journal.traceparent) if resumed else None
    links = [Link(here)] if resumed and here.is_valid else []
    with _span(name, _done(journal) | {"rotation.resumed": resumed}, parent=parent, links=links) as span:
        try:
            yield
        finally:
            _close(span, record(), journal.rotation_id)


@contextmanager
def step(name: str, journal: Callable[[], Journal]) -> Iterator[None]:
    """A span for one step of the open journal. `journal`: as it is known at the step's end."""
    if _instruments is None:
        yield
        return
    with _span(name, _done(journal())) as span:
        try:
            yield
        finally:
            span.set_attributes(_known(_done(journal())))


def ended(outcome: Outcome) -> None:
    """Count an outcome; time it if it was about a key."""
    if _instruments is None:
        return
    attributes = _known(
        {
            "rotation.result": outcome.result.value,
            "rotation.kind": outcome.kind.value if outcome.kind else "none",
            "rotation.code": outcome.code,
            "rotation.trigger": outcome.trigger,
        }
    )
    _instruments.outcomes.add(1, attributes)
    if outcome.times:
        _instruments.duration.record((outcome.ended_at - outcome.requested_at).total_seconds(), attributes)


def count_throttle(error: RotationError) -> None:
    """Count an answer of 429, by service. Any other error is none."""
    if _instruments and isinstance(error, Throttled) and error.service:
        _instruments.throttles.add(1, {"rotation.service": error.service})


def fleet(entries: Iterable[InventoryEntry], *, overdue: int, now: datetime) -> None:
    """Set the gauges of the whole fleet: the last value stands until the next sweep of this worker."""
    if _instruments is None:
        return
    count = 0
    for count, entry in enumerate(entries, 1):  # noqa: B007 - the last count is how many there were
        times = [mark.at for mark in entry.marks if mark.result is Result.SUCCEEDED]
        if times:
            _instruments.since.set((now - max(times)).total_seconds(), {"rotation.resource": entry.resource})
    _instruments.managed.set(count)
    _instruments.overdue.set(overdue)


@contextmanager
def _span(
    name: str,
    attributes: _Attributes,
    *,
    parent: "Context | None" = None,
    consumer: bool = False,
    links: "Iterable[Link]" = (),
) -> "Iterator[Span]":
    from opentelemetry import context as contexts  # noqa: PLC0415 - see the module's docstring
    from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

    if _instruments is None:
        raise AssertionError("a span begins only where something is recorded")
    kind = SpanKind.CONSUMER if consumer else SpanKind.INTERNAL
    span = _instruments.tracer.start_span(name, parent, kind, _known(attributes), list(links))
    token = contexts.attach(set_span_in_context(span))
    try:
        yield span
    except BaseException as error:
        _fail(span, error.code if isinstance(error, RotationError) else type(error).__name__)
        raise
    finally:
        contexts.detach(token)
        span.end()


def _close(span: "Span", record: Record, rotation_id: str) -> None:
    """Say how a journal came out: from the record, where its outcome stands as soon as it has one."""
    outcome = next((each for each in reversed(record.history) if each.rotation_id == rotation_id), None)
    if record.journal and record.journal.rotation_id == rotation_id:
        span.set_attributes(_known(_done(record.journal)))
    if outcome is None:
        return
    attributes = {
        "rotation.result": outcome.result.value,
        "rotation.fingerprint": outcome.fingerprint,
        "rotation.version": outcome.version,
        "rotation.step": outcome.step.value if outcome.step else None,
        "rotation.verified": outcome.verified,
        "rotation.code": outcome.code,
    }
    span.set_attributes(_known(attributes))
    if outcome.result in _BAD:
        _fail(span, outcome.code or outcome.result.value)


def _fail(span: "Span", code: str) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - see the module's docstring

    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR, code))


def _propagator() -> "TraceContextTextMapPropagator":
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - likewise

    return TraceContextTextMapPropagator()


def _remote(traceparent: str | None) -> "Context":
    from opentelemetry.context import Context  # noqa: PLC0415 - see the module's docstring

    return _propagator().extract({"traceparent": traceparent} if traceparent else {}, Context())


def _known(attributes: _Attributes) -> dict[str, str | float | bool]:
    """What is known of the attributes, with every text redacted: the last line of defence holds here too."""
    return {
        name: redacted(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }


def _asked(item: WorkItem) -> dict[str, str | float | bool | None]:
    return {
        "rotation.id": item.rotation_id,
        "rotation.resource": item.resource,
        "rotation.mode": item.mode.value,
        "rotation.trigger": item.trigger,
        "rotation.reason": item.reason or None,
    }


def _done(journal: Journal) -> dict[str, str | float | bool | None]:
    return {
        "rotation.id": journal.rotation_id,
        "rotation.kind": journal.kind.value,
        "rotation.slot": journal.slot.value if journal.slot else None,
        "rotation.step": journal.step.value,
        "rotation.fingerprint": journal.after,
        "rotation.version": journal.version,
        "rotation.verified": journal.verified,
    }
