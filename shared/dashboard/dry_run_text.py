"""What a dry run says: what would be done now, as text. Pure."""

from datetime import datetime
from typing import assert_never

from shared.dashboard.time_format import duration, relative, stamp
from shared.domain.decision import (
    Action,
    Cause,
    Publish,
    Refuse,
    RegenerateSalt,
    Resume,
    Retire,
    Rotate,
    Skip,
    Wait,
)
from shared.domain.planning import Preview, nothing_done
from shared.domain.record import Result

_PUBLISH = {
    Cause.ADOPT: "would publish the {slot} key as it is: it is taken for the key in use; no key changes",
    Cause.REPAIR: "would publish the {slot} key as it is: the published value is not a valid key; no key changes",
    Cause.SWITCH: "would publish the {slot} key as it is, now",
    Cause.LATE: "would publish the {slot} key that was regenerated earlier, as SignalR accepts it by now",
    Cause.MOVE: "would publish the {slot} key as it is under the new name, then decide again; no key changes",
}


def dry_run_text(preview: Preview, now: datetime) -> str:
    """One sentence, without its full stop."""
    if preview.finding:
        return f"{preview.finding.code}: {preview.finding.message}"
    if preview.action is None:
        raise AssertionError("a preview without a finding has an action")
    return _sentence(preview.action, preview, now)


def _sentence(action: Action, preview: Preview, now: datetime) -> str:
    match action:
        case Rotate(slot, retire):
            text = f"would regenerate {slot}, verify it, publish it and announce it"
        case Publish(slot, cause, retire):
            text = _PUBLISH[cause].format(slot=slot)
        case Retire(slot):
            return f"would regenerate {slot}, so that its old key is invalidated"
        case RegenerateSalt():
            return "would regenerate the salt"
        case Resume():
            return "would finish the rotation that was begun, then decide again"
        case Skip(code, until) | Refuse(code, until):
            outcome = nothing_done(preview.item, Result.SKIPPED, code, until, now)
            when = f" (until {stamp(until)}, {relative(until, now)})" if until else ""
            return f"would do nothing: {code}: {outcome.message}{when}"
        case Wait(code):
            return f"would wait: {nothing_done(preview.item, Result.SKIPPED, code, None, now).message}"
        case _:
            assert_never(action)
    return text + (_retiring(action, preview) if retire else "")


def _retiring(action: Rotate | Publish, preview: Preview) -> str:
    after = preview.policy.retire_after if preview.policy else None
    if isinstance(action, Rotate) and action.by_policy and after:
        return f"; the other key of now is invalidated {duration(after)} later"
    hubs = ", ".join(preview.item.close_connections)
    cut = f", and the connections of {hubs} are closed" if hubs else ""
    return f"; the key it replaces is invalidated once the overlap is over{cut}"
