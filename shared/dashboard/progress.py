"""How far one rotation is, step by step: the steps that are done with their time, the current one, those ahead.

Pure: from the journal of a running rotation, or the outcome of one that ended.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.dashboard.time_format import stamp, took
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Outcome, Result

if TYPE_CHECKING:
    from shared.rotation.submit import RotationStatus

_STEPS = {
    Kind.ROTATE: (Step.PLANNED, Step.REGENERATED, Step.PUBLISHED, Step.ANNOUNCED),
    Kind.PUBLISH: (Step.PLANNED, Step.PUBLISHED, Step.ANNOUNCED),
    Kind.RETIRE: (Step.PLANNED, Step.REGENERATED, Step.ANNOUNCED),
    Kind.SALT: (Step.PLANNED, Step.REGENERATED, Step.ANNOUNCED),
}
_DOING = {
    Step.PLANNED: "deciding",
    Step.REGENERATED: "asking ARM for a new key",
    Step.PUBLISHED: "publishing a new secret version",
    Step.ANNOUNCED: "sending the event",
}
_VERIFIED = "verified"
_WITNESS = {"dataplane": "SignalR accepts it", "arm": "ARM shows it", "": ""}


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """One step: `how` is "done", "doing", "failed" or "ahead"; `note` is its time, or what is being done."""

    name: str
    how: str
    note: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one rotation is, or how it ended."""

    rotation_id: str
    title: str
    stages: tuple[ProgressStep, ...]
    ended: bool
    result: str = ""
    code: str = ""
    message: str = ""
    until: datetime | None = None


def progress_of(status: "RotationStatus") -> Progress:
    """The progress of a rotation, whether a worker has started it or not."""
    if status.journal:
        return running(status.journal)
    if status.outcome:
        return finished(status.outcome)
    if status.announcing:
        return running(status.announcing)
    requested = _requested(status.operation.requested_at)
    stages = (requested, ProgressStep("planned", "doing", "waiting for a worker"))
    return Progress(status.operation.rotation_id, "Requested", stages, ended=False)


def running(run: Journal | Outcome) -> Progress:
    """The progress of an open rotation, or of one whose event is being sent."""
    return Progress(run.rotation_id, _title(run.kind, run.slot), _stages(run), ended=False)


def finished(outcome: Outcome) -> Progress:
    """The progress of a rotation that ended."""
    failed = outcome.result in {Result.FAILED, Result.UNKNOWN}
    stages = _stages(outcome) if outcome.times else ()
    code, message = outcome.remark or (outcome.code or "", outcome.message or "")
    return Progress(
        rotation_id=outcome.rotation_id,
        title=_title(outcome.kind, outcome.slot),
        stages=tuple(_stopped(stage, failed=failed) for stage in stages),
        ended=True,
        result=outcome.result.value,
        code=code,
        message=message,
        until=outcome.until,
    )


def _title(kind: Kind | None, slot: Slot | None) -> str:
    """A heading for a rotation, such as "Rotate Secondary"."""
    if kind is None:
        return "Request"
    if kind is Kind.SALT:
        return "Regenerate salt"
    return f"{kind.value.capitalize()} {slot}" if slot else kind.value.capitalize()


def _requested(at: datetime) -> ProgressStep:
    return ProgressStep("requested", "done", stamp(at), at)


def _stages(of: Journal | Outcome) -> tuple[ProgressStep, ...]:
    """The steps of a run. What is verified is no step of its own in the journal: it stands before the publication."""
    steps = _STEPS[of.kind or Kind.ROTATE]
    last = max((number for number, step in enumerate(steps) if step in of.times), default=-1)
    stages, before, doing = [_requested(of.requested_at)], of.requested_at, True
    for number, step in enumerate(steps):
        if step is Step.PUBLISHED and of.kind is Kind.ROTATE:
            if of.verified_at:
                note = f"{took(of.verified_at - before)}, {_WITNESS[of.verified or '']}"
                stages.append(ProgressStep(_VERIFIED, "done", note, of.verified_at))
                before = of.verified_at
            elif Step.PUBLISHED not in of.times:
                doing_this = doing and number > last
                stages.append(
                    ProgressStep(_VERIFIED, "doing" if doing_this else "ahead", "asking SignalR" if doing_this else "")
                )
                doing = doing and not doing_this
        if at := of.times.get(step):
            stages.append(ProgressStep(step.value, "done", took(at - before), at))
            before = at
        elif number > last:  # one that was passed over is no part of this run: what is announced again was made before
            stages.append(ProgressStep(step.value, "doing" if doing else "ahead", _DOING[step] if doing else ""))
            doing = False
    return tuple(stages)


def _stopped(stage: ProgressStep, *, failed: bool) -> ProgressStep:
    if stage.how != "doing":
        return stage
    return ProgressStep(stage.name, "failed" if failed else "ahead", "failed here" if failed else "not done")
