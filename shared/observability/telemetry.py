"""What the app tells of its own work: a trace for each rotation, a span for each step, a few figures.

The engine calls these functions and knows no more. Until a recorder is set they do nothing, and nothing of
OpenTelemetry is imported: see `open_telemetry` for what is recorded, `azure_monitor` for where it goes, and
docs/telemetry.md for every name.
"""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.adapters.blob_records import LeasedRecord
    from shared.domain.inventory_entry import InventoryEntry
    from shared.domain.record import Outcome
    from shared.domain.requests import WorkItem


class Recorder(Protocol):
    """Where it is told."""

    def asked(self, request: "WorkItem") -> str:
        """Note that something was asked for: begins the rotation's trace. Gives its `traceparent`."""

    def working(self, request: "WorkItem") -> AbstractContextManager[object]:
        """The time in which a worker has a message in hand."""

    def rotating(self, held: "LeasedRecord") -> AbstractContextManager[object]:
        """The time in which a journal is carried out, by whichever message came across it."""

    def step(self, name: str, held: "LeasedRecord") -> AbstractContextManager[object]:
        """The time that one step takes."""

    def ended(self, outcome: "Outcome") -> None:
        """Count an outcome."""

    def throttled(self, service: str) -> None:
        """Count an answer of 429."""

    def fleet(self, entries: "Iterable[InventoryEntry]", *, overdue: int, now: datetime) -> None:
        """Measure the whole fleet."""


_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """Tell everything to this recorder from now on; None: to nobody."""
    global _recorder  # noqa: PLW0603 - one recorder per process, like the loggers
    _recorder = recorder


def recording() -> bool:
    """Whether anybody listens."""
    return _recorder is not None


def traced(request: "WorkItem") -> "WorkItem":
    """The request, carrying the trace that begins with it; one that carries a trace keeps it."""
    if _recorder is None or request.traceparent:
        return request
    return request.model_copy(update={"traceparent": _recorder.asked(request)})


def working(request: "WorkItem") -> AbstractContextManager[object]:
    """The time in which a worker has this message in hand."""
    return _recorder.working(request) if _recorder else nullcontext()


def rotating(held: "LeasedRecord") -> AbstractContextManager[object]:
    """The time in which the open journal is carried out."""
    return _recorder.rotating(held) if _recorder else nullcontext()


def step(name: str, held: "LeasedRecord") -> AbstractContextManager[object]:
    """The time that one step of the open journal takes."""
    return _recorder.step(name, held) if _recorder else nullcontext()


def ended(outcome: "Outcome") -> None:
    """How a request ended."""
    if _recorder:
        _recorder.ended(outcome)


def throttled(service: str) -> None:
    """A service answered that it was asked too often."""
    if _recorder:
        _recorder.throttled(service)


def fleet(entries: "Iterable[InventoryEntry]", *, overdue: int, now: datetime) -> None:
    """How the whole fleet is, once in a sweep."""
    if _recorder:
        _recorder.fleet(entries, overdue=overdue, now=now)
