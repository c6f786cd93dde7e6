"""What HTTP callers may ask, and how answers read: request bodies, operation status, problems (RFC 9457)."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self
from urllib.parse import urljoin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from shared.decision import Action
from shared.errors import Misconfigured, NotManaged, NotPermitted, Retryable, RotationError
from shared.journal import Journal, Outcome, Result
from shared.model import KeyType, ResourceId
from shared.plans import Preview
from shared.requests import Mode, Request, Wish
from shared.rotation import Status

MOST_BODY_BYTES = 16_384
RETRY_AFTER_SECONDS = 15  # the operation at the heart of a rotation takes 13-19 s
JSON, PROBLEM = "application/json", "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON

    @property
    def content(self) -> bytes:
        """The body as it goes over the wire."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """A request that can't be served as it is. `code` is stable and names what was wrong; `detail` how to mend it."""

    def __init__(self, status: int, code: str, detail: str, **members: Any) -> None:  # noqa: ANN401 - JSON values
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.members = members

    @property
    def answer(self) -> Answer:
        """The problem as RFC 9457 writes it down."""
        body = {
            "type": f"urn:signalr-key-rotation:problem:{self.code}",
            "title": self.code,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return Answer(self.status, body, content_type=PROBLEM)


def problem_of(error: RotationError) -> Problem:
    """How an error of the app reads to a caller."""
    if isinstance(error, NotManaged):
        return Problem(404, error.code, error.message)
    if isinstance(error, Retryable):
        return Problem(503, error.code, error.message)
    if isinstance(error, Misconfigured | NotPermitted):
        return Problem(500, error.code, error.message)
    return Problem(502, error.code, error.message)


class RotateBody(BaseModel):
    """The body of `POST /api/rotate`. Without a body, everything that is due is rotated."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, strict=True)

    resource: Annotated[str, AfterValidator(lambda text: str(ResourceId.parse(text)))] | None = Field(
        None, max_length=400, description="ARM id of the SignalR resource"
    )
    key_type: Literal["Primary", "Secondary", "Salt"] | None = Field(None, description="Which key; default: the other")
    mode: Literal["rotate", "revoke", "resync"] | None = Field(None, description="What to do; default: rotate")
    force: bool = Field(False, description="Rotate even while clients may still hold the other key")  # noqa: FBT003
    dry_run: bool = Field(False, description="Only say what would be done")  # noqa: FBT003 - pydantic's default
    overlap_hours: float | None = Field(None, ge=0, le=2160, description="When the replaced key is made worthless")
    reason: str = Field("", max_length=256, description="Why: stands in events and history")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.resource is None and (self.key_type or self.mode or self.force or self.overlap_hours is not None):
            raise ValueError("resource is required with keyType, mode, force or overlapHours")
        if self.key_type and self.mode in {"revoke", "resync"}:
            raise ValueError(f"keyType does not go with mode {self.mode}")
        if self.overlap_hours is not None and self.mode != "revoke" and self.key_type not in {"Primary", "Secondary"}:
            raise ValueError("overlapHours goes with mode revoke, or with keyType Primary or Secondary")
        return self

    @property
    def wish(self) -> Wish:
        """What it asks for."""
        resource = ResourceId.parse(self.resource) if self.resource else None
        return Wish(
            trigger="http",
            resource=resource,
            mode=Mode(self.mode or "rotate") if resource else Mode.SWEEP,
            key_type=KeyType(self.key_type) if self.key_type else None,
            force=self.force,
            overlap_hours=self.overlap_hours,
            reason=self.reason,
        )


def parse_rotate(body: bytes) -> RotateBody:
    """Read the body of `POST /api/rotate`. Raises `Problem` that names every wrong field and what is allowed."""
    if len(body) > MOST_BODY_BYTES:
        raise Problem(413, "BodyTooLarge", f"the body has {len(body)} bytes; at most {MOST_BODY_BYTES} are read")
    if not body.strip():
        return RotateBody.model_validate({})
    try:
        return RotateBody.model_validate_json(body)
    except ValidationError as error:
        faults = [
            {
                "field": ".".join(str(part) for part in fault["loc"]),
                "message": fault["msg"].removeprefix("Value error, "),
            }
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        detail = "; ".join(f"{f['field']}: {f['message']}" if f["field"] else f["message"] for f in faults)
        raise Problem(400, "InvalidRequest", detail, errors=faults) from None


def parse_rotation_id(text: str) -> str:
    """Read a rotation id. Raises `Problem` 404 for anything that can't be one."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise not_found(text) from None


def not_found(rotation_id: str) -> Problem:
    """The problem of an id that nothing is known of."""
    return Problem(404, "RotationNotFound", f"no rotation has the id {rotation_id[:64]!r}")


def accepted(url: str, requests: list[Request]) -> Answer:
    """202: what was asked, and where each can be followed."""
    rotations = [
        {"id": r.rotation_id, "resource": r.resource, "href": urljoin(url, f"rotations/{r.rotation_id}")}
        for r in requests
    ]
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if len(rotations) == 1:
        headers["Location"] = rotations[0]["href"]
    return Answer(202, {"rotations": rotations}, headers)


def previewed(previews: list[Preview]) -> Answer:
    """200: what would be done, of each resource."""
    return Answer(200, {"dryRun": True, "previews": [_preview(p) for p in previews]})


def status(url: str, found: Status) -> Answer:
    """200: an operation status in ARM's form (Azure Resource Manager, "Track asynchronous operations")."""
    ticket = found.ticket
    body: dict[str, Any] = {"id": url.partition("?")[0], "name": ticket.rotation_id, "status": "NotStarted"}
    properties: dict[str, Any] = {"resource": ticket.resource}
    if found.journal:
        body |= {"status": "Running", "startTime": found.journal.requested_at.isoformat()}
        properties |= _progress(found.journal)
    elif found.outcome:
        ended = found.outcome
        body |= {
            "status": "Succeeded" if ended.result in {Result.SUCCEEDED, Result.SKIPPED} else "Failed",
            "startTime": ended.requested_at.isoformat(),
            "endTime": ended.ended_at.isoformat(),
        }
        properties |= {"outcome": ended.result.value} | _progress(ended)
        if ended.code:
            body["error" if body["status"] == "Failed" else "note"] = {"code": ended.code, "message": ended.message}
        properties |= {"until": ended.until.isoformat()} if ended.until else {}
    final = body["status"] in {"Succeeded", "Failed"}
    return Answer(200, body | {"properties": properties}, {} if final else {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _progress(of: Journal | Outcome) -> dict[str, Any]:
    known = {
        "kind": of.kind,
        "keyType": of.slot or ("Salt" if of.kind == "salt" else None),
        "step": of.step,
        "fingerprint": of.after if isinstance(of, Journal) else of.fingerprint,
        "version": of.version,
        "verified": of.verified,
        "retireAfter": of.retire_after.isoformat() if of.retire_after else None,
        "reason": of.reason,
        "steps": {step.value: at.isoformat() for step, at in of.times.items()},
    }
    return {name: value for name, value in known.items() if value}


def _preview(preview: Preview) -> dict[str, Any]:
    body: dict[str, Any] = {"resource": preview.request.resource}
    if preview.finding:
        return body | {"finding": {"code": preview.finding.code, "message": preview.finding.message}}
    return body | {"decision": _decision(preview.action)}


def _decision(action: Action | None) -> dict[str, Any]:
    facts = {
        "action": type(action).__name__,
        "keyType": getattr(action, "slot", None),
        "cause": getattr(action, "cause", None),
        "retire": getattr(action, "retire", None) or None,
        "code": getattr(action, "code", None),
        "until": until.isoformat() if (until := getattr(action, "until", None)) else None,
    }
    return {name: value for name, value in facts.items() if value is not None}
