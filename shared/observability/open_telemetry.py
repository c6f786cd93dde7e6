"""Rotations as OpenTelemetry sees them: the span tree and the figures. Knows the API alone, not where it is sent.

    ask                         producer: the trigger; a trace of its own, linked to the invocation that asked
    └── work                    consumer: a worker takes the message; again for every redelivery
        └── rotate Secondary    one journal carried out; what another message resumes stays in this trace
            ├── regenerate      ARM's operation, until the key has changed
            ├── prove           SignalR accepts it
            ├── publish         Key Vault has it
            └── announce        the topic has been told

Attributes name keys by fingerprint. No exception is recorded, only its code: its text belongs to the log, which is
redacted. Names are in docs/telemetry.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.adapters.blob_records import LeasedRecord
from shared.domain.errors import RotationError
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Journal, Outcome, Result
from shared.domain.requests import WorkItem
from shared.observability.log_redaction import redacted

SCOPE = "signalr-key-rotation"
_BAD = frozenset({Result.FAILED, Result.UNKNOWN})
_propagator = TraceContextTextMapPropagator()

type _Facts = Mapping[str, str | float | bool | None]


class OpenTelemetry:
    """A recorder that makes spans and measurements."""

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer(SCOPE)
        meter = meters.get_meter(SCOPE)
        self._outcomes = meter.create_counter("rotation.outcomes", "{outcome}", "Requests that ended")
        self._duration = meter.create_histogram("rotation.duration", "s", "From asking to the end, what changed keys")
        self._throttles = meter.create_counter("rotation.throttles", "{answer}", "Answers of 429")
        self._since = meter.create_gauge("rotation.since_success", "s", "Since a resource's last success")
        self._overdue = meter.create_gauge(
            "rotation.overdue", "{resource}", "Resources past due by more than the grace"
        )
        self._managed = meter.create_gauge("rotation.resources", "{resource}", "Resources that were ever looked at")

    def asked(self, request: WorkItem) -> str:
        """Begin the trace of a request: whoever asked for a thousand rotations gets a thousand traces."""
        asking = trace.get_current_span().get_span_context()
        links = [Link(asking)] if asking.is_valid else []
        span = self._tracer.start_span("ask", Context(), SpanKind.PRODUCER, _known(_asked(request)), links)
        span.end()
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, trace.set_span_in_context(span, Context()))
        return carrier.get("traceparent", "")

    @contextmanager
    def working(self, request: WorkItem) -> Iterator[None]:
        """A span for a message in hand, in the trace that it carries."""
        with self._span("work", _remote(request.traceparent), SpanKind.CONSUMER, _asked(request)):
            yield

    @contextmanager
    def rotating(self, held: LeasedRecord) -> Iterator[None]:
        """A span for a journal, in the trace of the request it was opened for, whoever carries it out now."""
        journal = held.journal
        here = trace.get_current_span().get_span_context()
        home = trace.get_current_span(_remote(journal.traceparent)).get_span_context()
        resumed = home.is_valid and home.trace_id != here.trace_id
        name = f"{journal.kind.value} {journal.slot.value}" if journal.slot else journal.kind.value
        parent = _remote(journal.traceparent) if resumed else None
        links = [Link(here)] if resumed and here.is_valid else []
        with self._span(name, parent, SpanKind.INTERNAL, _done(journal) | {"rotation.resumed": resumed}, links) as span:
            try:
                yield
            finally:
                self._close(span, held, journal.rotation_id)

    @contextmanager
    def step(self, name: str, held: LeasedRecord) -> Iterator[None]:
        """A span for a step: what is known at its end stands in its attributes."""
        with self._span(name, None, SpanKind.INTERNAL, _done(held.journal)) as span:
            try:
                yield
            finally:
                span.set_attributes(_known(_done(held.journal)))

    def ended(self, outcome: Outcome) -> None:
        """Count it; time it if it was about a key."""
        said = _known(
            {
                "rotation.result": outcome.result.value,
                "rotation.kind": outcome.kind.value if outcome.kind else "none",
                "rotation.code": outcome.code,
                "rotation.trigger": outcome.trigger,
            }
        )
        self._outcomes.add(1, said)
        if outcome.times:
            self._duration.record((outcome.ended_at - outcome.requested_at).total_seconds(), said)

    def throttled(self, service: str) -> None:
        """Count it by service."""
        self._throttles.add(1, {"rotation.service": service})

    def fleet(self, entries: Iterable[InventoryEntry], *, overdue: int, now: datetime) -> None:
        """Set the gauges: the last value stands until the next sweep of this worker."""
        count = 0
        for count, entry in enumerate(entries, 1):  # noqa: B007 - the last count is how many there were
            times = [mark.at for mark in entry.marks if mark.result is Result.SUCCEEDED]
            if times:
                self._since.set((now - max(times)).total_seconds(), {"rotation.resource": entry.resource})
        self._managed.set(count)
        self._overdue.set(overdue)

    @contextmanager
    def _span(
        self, name: str, parent: Context | None, kind: SpanKind, facts: _Facts, links: Iterable[Link] = ()
    ) -> Iterator[Span]:
        span = self._tracer.start_span(name, parent, kind, _known(facts), list(links))
        token = contexts.attach(trace.set_span_in_context(span))
        try:
            yield span
        except BaseException as error:
            code = error.code if isinstance(error, RotationError) else type(error).__name__
            _fail(span, code)
            raise
        finally:
            contexts.detach(token)
            span.end()

    def _close(self, span: Span, held: LeasedRecord, rotation_id: str) -> None:
        """Say how a journal came out: from the record, where its outcome stands as soon as it has one."""
        record = held.record
        outcome = next((o for o in reversed(record.history) if o.rotation_id == rotation_id), None)
        if record.journal and record.journal.rotation_id == rotation_id:
            span.set_attributes(_known(_done(record.journal)))
        if outcome is None:
            return
        span.set_attributes(
            _known(
                {
                    "rotation.result": outcome.result.value,
                    "rotation.fingerprint": outcome.fingerprint,
                    "rotation.version": outcome.version,
                    "rotation.step": outcome.step.value if outcome.step else None,
                    "rotation.verified": outcome.verified,
                    "rotation.code": outcome.code,
                }
            )
        )
        if outcome.result in _BAD:
            _fail(span, outcome.code or outcome.result.value)


def _fail(span: Span, code: str) -> None:
    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR, code))


def _remote(traceparent: str | None) -> Context:
    return _propagator.extract({"traceparent": traceparent} if traceparent else {}, Context())


def _known(facts: _Facts) -> dict[str, str | float | bool]:
    """What is known of the facts, with every text redacted: the last line of defence holds here too."""
    return {
        name: redacted(value) if isinstance(value, str) else value for name, value in facts.items() if value is not None
    }


def _asked(request: WorkItem) -> dict[str, str | float | bool | None]:
    return {
        "rotation.id": request.rotation_id,
        "rotation.resource": request.resource,
        "rotation.mode": request.mode.value,
        "rotation.trigger": request.trigger,
        "rotation.reason": request.reason or None,
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
