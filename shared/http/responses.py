"""What answers hold: the JSON shapes of the HTTP API, each made from the app's own values.

The OpenAPI document is generated from these classes, so what is documented is what is sent. Times are ISO 8601, UTC;
what is not known is left out.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from shared.domain.decision import Action, Cause
from shared.domain.keys import KeyType
from shared.domain.planning import Preview
from shared.domain.record import Journal, Kind, Outcome, Result, Step
from shared.domain.requests import WorkItem
from shared.domain.wire import Wire
from shared.rotation.submit import RotationStatus

GOOD = {Result.SUCCEEDED, Result.SKIPPED}


class Asked(Wire):
    """One rotation that was asked for, and where to follow it."""

    id: str = Field(description="The rotation id")
    resource: str = Field(description="ARM id of the SignalR resource")
    href: str = Field(description="Address of its operation status")


class Accepted(Wire):
    """What is on its way: one rotation for each resource."""

    rotations: tuple[Asked, ...]


class Fault(Wire):
    """A stable code, and what it means here."""

    code: str
    message: str


class RotationProperties(Wire):
    """What is known of a rotation beyond ARM's own members."""

    resource: str = Field(description="ARM id of the SignalR resource")
    outcome: Result | None = Field(None, description="How it ended, once it has")
    kind: Kind | None = Field(None, description="What was, or is being, done")
    key_type: KeyType | None = Field(None, description="Which key it is about")
    step: Step | None = Field(None, description="The last step that is known to be done")
    fingerprint: str | None = Field(None, description="The new key: first 12 hex digits of its SHA-256")
    version: str | None = Field(None, description="The secret version that publishes it")
    verified: str | None = Field(None, description="Who confirmed that the key works: dataplane or arm")
    retire_after: datetime | None = Field(None, description="When the replaced key will be made worthless")
    until: datetime | None = Field(None, description="Until when it is refused, or there is nothing to do")
    reason: str | None = Field(None, description="Why it was asked for")
    steps: Mapping[Step, datetime] = Field({}, description="When each step was done")


class OperationStatus(Wire):
    """How far a rotation is, in the form of ARM's asynchronous operations."""

    id: str = Field(description="The path of this status")
    name: str = Field(description="The rotation id")
    status: Literal["NotStarted", "Running", "Succeeded", "Failed"]
    start_time: datetime
    end_time: datetime | None = None
    properties: RotationProperties
    error: Fault | None = Field(None, description="Why it failed or was refused")
    note: Fault | None = Field(None, description="Why nothing had to be done")

    @classmethod
    def of(cls, found: RotationStatus) -> Self:
        """Write a status down."""
        ticket, ended = found.operation, found.outcome
        facts: dict[str, object] = {
            "id": f"/api/rotations/{ticket.rotation_id}",
            "name": ticket.rotation_id,
            "status": "NotStarted",
            "start_time": ticket.requested_at,
        }
        properties: dict[str, object] = {"resource": ticket.resource}
        if found.journal:
            facts["status"] = "Running"
            properties |= _progress(found.journal)
        elif ended:
            good = ended.result in GOOD
            facts |= {"status": "Succeeded" if good else "Failed", "end_time": ended.ended_at}
            properties |= {"outcome": ended.result, "until": ended.until} | _progress(ended)
            if ended.code or not good:
                fault = Fault(code=ended.code or ended.result.value, message=ended.message or "")
                facts["note" if good else "error"] = fault
        return cls.model_validate({**facts, "properties": RotationProperties.model_validate(properties)})

    @property
    def final(self) -> bool:
        """Whether nothing more will come."""
        return self.end_time is not None


class Finished(Wire):
    """How all the rotations that were waited for stand."""

    rotations: tuple[OperationStatus, ...]


class Decision(Wire):
    """What would be done."""

    action: Literal["Rotate", "Publish", "Retire", "RegenerateSalt", "Resume", "Announce", "Wait", "Skip", "Refuse"]
    key_type: KeyType | None = Field(None, description="The key it would be about")
    cause: Cause | None = Field(None, description="Why a key would be published that is not new")
    retire: bool | None = Field(None, description="Whether the replaced key would be made worthless afterwards")
    code: str | None = Field(None, description="Why nothing would be done")
    until: datetime | None = Field(None, description="Until when")

    @classmethod
    def of(cls, action: Action) -> Self:
        """Write a decision down."""
        return cls.model_validate(
            {
                "action": type(action).__name__,
                "key_type": getattr(action, "slot", None),
                "cause": getattr(action, "cause", None),
                "retire": getattr(action, "retire", None) or None,
                "code": getattr(action, "code", None),
                "until": getattr(action, "until", None),
            }
        )


class Previewed(Wire):
    """What a request would come to for one resource: a decision, and what would keep it from ending well."""

    resource: str
    decision: Decision | None = None
    findings: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Write a preview down."""
        return cls(
            resource=preview.item.resource,
            decision=Decision.of(preview.action) if preview.action else None,
            findings=tuple(Fault(code=each.code, message=each.message) for each in preview.findings),
        )


class Previews(Wire):
    """The answer to a dry run: nothing was changed and nothing was written."""

    dry_run: Literal[True] = True
    previews: tuple[Previewed, ...]


def accepted(base: str, requests: Iterable[WorkItem]) -> Accepted:
    """What was asked, with addresses under `base`, such as `https://app.azurewebsites.net/api/`."""
    return Accepted(
        rotations=tuple(
            Asked(id=each.rotation_id, resource=each.resource, href=f"{base}rotations/{each.rotation_id}")
            for each in requests
        )
    )


def _progress(of: Journal | Outcome) -> dict[str, object]:
    return {
        "kind": of.kind,
        "key_type": of.slot or (KeyType.SALT if of.kind is Kind.SALT else None),
        "step": of.step,
        "fingerprint": of.after if isinstance(of, Journal) else of.fingerprint,
        "version": of.version,
        "verified": of.verified,
        "retire_after": of.retire_after,
        "reason": of.reason or None,
        "steps": dict(of.times),
    }
