"""The JSON shapes of the HTTP API's responses, each made from the app's own values.

The OpenAPI document is generated from these classes, so what is documented is what is sent. Times are ISO 8601, UTC;
what is not known is left out.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, Self
from urllib.parse import urlencode

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from shared.domain.decision import Action, Cause
from shared.domain.hubs import HubClosing
from shared.domain.inventory_entry import InventoryEntry, Last, Running
from shared.domain.journal import Journal, Kind, Step
from shared.domain.key_age import key_ages
from shared.domain.keys import KeyType, Slot
from shared.domain.planning import Preview
from shared.domain.record import Outcome, Result
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.domain.rollout import Hold
from shared.domain.wire import Wire
from shared.http import page_token
from shared.rotation.inventory import Listing, PageStart
from shared.rotation.submit import RotationStatus

GOOD = {Result.SUCCEEDED, Result.SKIPPED}


class AcceptedRotation(Wire):
    """One rotation that was accepted, and where to follow it."""

    id: str = Field(description="The rotation id")
    resource: str = Field(description="ARM id of the SignalR resource")
    href: str = Field(description="Address of its operation status")


class AcceptedRotations(Wire):
    """What was accepted: one rotation for each resource."""

    rotations: tuple[AcceptedRotation, ...]

    @classmethod
    def of(cls, items: Iterable[WorkItem], *, base_url: str) -> Self:
        """Describe queued work, with addresses under `base_url`, such as `https://app.azurewebsites.net/api/`."""
        rotations = (
            AcceptedRotation(
                id=each.rotation_id, resource=each.resource, href=f"{base_url}rotations/{each.rotation_id}"
            )
            for each in items
        )
        return cls(rotations=tuple(rotations))


class ResumedRotations(Wire):
    """The response to a resumption. Asked again, there is no hold any more."""

    resumed: bool = Field(description="Whether scheduled rotations were on hold")
    held_since: datetime | None = Field(None, description="Since when they were")
    code: str | None = Field(None, description="Why: ThreeFailed or StateUnreadable")

    @classmethod
    def of(cls, hold: Hold | None) -> Self:
        """Describe the hold that was ended; None: there was none."""
        return cls(resumed=hold is not None, held_since=hold.since if hold else None, code=hold.code if hold else None)


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
    verified_at: datetime | None = Field(None, description="When that was")
    retire_after: datetime | None = Field(None, description="When the replaced key will be invalidated")
    close_connections: tuple[str, ...] | None = Field(
        None, description="Hubs whose connections will be closed once the replaced key is rejected"
    )
    closings: tuple[HubClosing, ...] | None = Field(
        None, description="Hubs whose connections were to be closed, and what came of it"
    )
    until: datetime | None = Field(None, description="Until when it is not allowed, or nothing has to be done")
    reason: str | None = Field(None, description="Why it was requested")
    steps: Mapping[Step, datetime] = Field({}, description="When each step was done")


class OperationStatus(Wire):
    """How far a rotation is, in the form of ARM's asynchronous operations."""

    id: str = Field(description="The path of this status")
    name: str = Field(description="The rotation id")
    status: Literal["NotStarted", "Running", "Succeeded", "Failed"]
    start_time: datetime
    end_time: datetime | None = None
    properties: RotationProperties
    error: Fault | None = Field(None, description="Why it failed or is not allowed")
    note: Fault | None = Field(
        None,
        description="Why nothing had to be done; what a success leaves open (RevocationPending, ConnectionsNotClosed); "
        "of a rotation that goes on, the error that it met last",
    )

    @classmethod
    def of(cls, found: RotationStatus) -> Self:
        """Describe a rotation's status."""
        operation, ended = found.operation, found.outcome
        facts: dict[str, object] = {
            "id": f"/api/rotations/{operation.rotation_id}",
            "name": operation.rotation_id,
            "status": "NotStarted",
            "start_time": operation.requested_at,
        }
        properties: dict[str, object] = {"resource": operation.resource}
        if found.journal:
            facts["status"] = "Running"
            properties |= _progress(found.journal)
            if found.failed:
                facts["note"] = Fault(code=found.failed.code or "", message=found.failed.message or "")
        elif found.announcing:
            facts["status"] = "Running"
            properties |= _progress(found.announcing)
        elif ended:
            good = ended.result in GOOD
            facts |= {"status": "Succeeded" if good else "Failed", "end_time": ended.ended_at}
            properties |= {"outcome": ended.result, "until": ended.until} | _progress(ended)
            if ended.code or not good:
                fault = Fault(code=ended.code or ended.result.value, message=ended.message or "")
                facts["note" if good else "error"] = fault
            elif ended.remark:
                facts["note"] = Fault(code=ended.remark[0], message=ended.remark[1])
        elif operation.note:
            facts["status"] = "Running"
            facts["note"] = Fault(code=operation.note.code, message=operation.note.message)
        return cls.model_validate({**facts, "properties": RotationProperties.model_validate(properties)})


class FinishedRotations(Wire):
    """The status of each rotation that was waited for."""

    rotations: tuple[OperationStatus, ...]


class Decision(Wire):
    """What would be done."""

    action: Literal["Rotate", "Publish", "Retire", "RegenerateSalt", "Resume", "Wait", "Skip", "Refuse"]
    key_type: KeyType | None = Field(None, description="The key it would be about")
    cause: Cause | None = Field(None, description="Why a key would be published that is not new")
    retire: bool | None = Field(None, description="Whether the replaced key would be invalidated afterwards")
    code: str | None = Field(None, description="Why nothing would be done")
    until: datetime | None = Field(None, description="Until when")

    @classmethod
    def of(cls, action: Action) -> Self:
        """Describe a decision."""
        facts = {name: getattr(action, name, None) for name in ("cause", "code", "until")}
        facts |= {"key_type": getattr(action, "slot", None), "retire": getattr(action, "retire", None) or None}
        return cls.model_validate({"action": type(action).__name__, **facts})


class PreviewedRotation(Wire):
    """What a request would do to one resource: a decision, and what would prevent its success."""

    resource: str
    decision: Decision | None = None
    findings: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Describe a preview."""
        return cls(
            resource=preview.item.resource,
            decision=Decision.of(preview.action) if preview.action else None,
            findings=tuple(Fault(code=each.code, message=each.message) for each in preview.findings),
        )


class PreviewedRotations(Wire):
    """The response to a dry run: nothing was changed and nothing was written."""

    dry_run: Literal[True] = True
    previews: tuple[PreviewedRotation, ...]

    @classmethod
    def of(cls, previews: Iterable[Preview]) -> Self:
        """Describe what a command would do."""
        return cls(previews=tuple(map(PreviewedRotation.of, previews)))


class FleetMember(Wire):
    """One managed resource, as it was last observed."""

    id: str = Field(description="ARM id of the SignalR resource")
    name: str
    secret_name: str | None = Field(None, description="The secret its connection string or key is published in")
    vault_url: str | None = None
    provisioning_state: str | None = None
    paused: bool | None = Field(None, description="Whether its tag says so")
    local_auth_disabled: bool | None = Field(None, description="Whether access keys are switched off")
    published_slot: Slot | None = Field(
        None, alias="liveSlot", description="Whose key is published; left out when the value is no valid key"
    )
    fingerprint: str | None = Field(None, description="The published key: first 12 hex digits of its SHA-256")
    version: str | None = Field(None, description="The secret version that publishes it")
    published_at: datetime | None = None
    age_days: float | None = Field(None, description="How long it has been published", ge=0)
    due_at: datetime | None = Field(None, description="When the next rotation is due")
    overlap_until: datetime | None = Field(None, description="Until when clients may still hold the previous key")
    retire_after: datetime | None = Field(None, description="When a replaced key will be invalidated, if one will")
    rotation_window: str | None = Field(None, description="When scheduled rotations may begin; left out: at any time")
    window_opens_at: datetime | None = Field(
        None, description="When that window opens next; left out while it is open, and where there is none"
    )
    key_age_days: Mapping[Slot, float | None] | None = Field(
        None, description="How long ago each key was regenerated; null where the app did not do it, or has forgotten"
    )
    max_age_days: float | None = Field(
        None, description="How old the policy lets a key grow, as the last sweep read it"
    )
    compliant: bool | None = Field(
        None, description="Whether the policy holds; null where that is not known. Never left out"
    )
    last: Last | None = Field(None, description="The newest outcome")
    running: Running | None = Field(None, description="The rotation under way")

    @model_serializer(mode="wrap")
    def _said(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What is not known is left out; that it is not known whether the policy holds is said."""
        return {"compliant": None, **written(self)}

    @classmethod
    def of(cls, entry: InventoryEntry, now: datetime, *, grace: timedelta) -> Self:
        """Describe an entry of the inventory. `grace`: how much later than promised is still in time."""
        ages = key_ages(entry, now, grace=grace)
        facts: dict[str, object] = {"id": entry.resource, "name": ResourceId.parse(entry.resource).name}
        facts |= {"key_age_days": ages.days or None, "max_age_days": ages.max_days, "compliant": ages.compliant}
        facts |= {"last": entry.last, "running": entry.running}
        if snapshot := entry.snapshot:
            facts |= snapshot.model_dump()
            facts |= {"rotation_window": snapshot.window or None, "window_opens_at": snapshot.opens_at(now)}
            if snapshot.published_at:
                facts["age_days"] = round(max((now - snapshot.published_at) / timedelta(days=1), 0.0), 2)
        return cls.model_validate(facts)


class FleetPage(Wire):
    """A page of the fleet, in the order of the ids."""

    value: tuple[FleetMember, ...]
    as_of: datetime = Field(
        description="When it was last found out which resources are managed; what is said of each is of now"
    )
    next_link: str | None = Field(
        None, description="Address of the next page, if there is one; send the key with it too"
    )

    @classmethod
    def of(
        cls, page: Listing, following: PageStart | None, *, base_url: str, most: int, now: datetime, grace: timedelta
    ) -> Self:
        """Describe a page; `following` is where the next one begins. The link carries no function key."""
        query = urlencode({"maxPageSize": most, "skipToken": page_token.encode(following)}) if following else None
        return cls(
            value=tuple(FleetMember.of(each, now, grace=grace) for each in page.entries),
            as_of=page.as_of,
            next_link=f"{base_url}resources?{query}" if query else None,
        )


def _progress(of: Journal | Outcome) -> dict[str, object]:
    return {
        "kind": of.kind,
        "key_type": of.slot or (KeyType.SALT if of.kind is Kind.SALT else None),
        "step": of.step,
        "fingerprint": of.after if isinstance(of, Journal) else of.fingerprint,
        "version": of.version,
        "verified": of.verified,
        "verified_at": of.verified_at,
        "retire_after": of.retire_after,
        "close_connections": of.close_connections or None,
        "closings": of.closings or None,
        "reason": of.reason or None,
        "steps": dict(of.times),
    }
