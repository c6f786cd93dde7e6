"""The bodies of `POST /api/rotate` and `POST /api/resume`: what a caller may request of one resource, or of all.

Unknown fields are rejected: a misspelt one would otherwise be a request that is silently not met.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails

from shared.domain.hubs import HUB_NAME, MOST_HUBS, distinct
from shared.domain.keys import KeyType
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from shared.http.headers import check_body
from shared.http.messages import HttpRequest
from shared.http.problem_details import Problem

MOST_BODY_BYTES = 16_384
ARM_ID = (
    r"^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[0-9a-zA-Z_.()-]{1,90}"
    r"/providers/Microsoft\.SignalRService/SignalR/[a-zA-Z][a-zA-Z0-9-]{1,61}[a-zA-Z0-9]$"
)
EXAMPLE_ID = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/chat"
    "/providers/Microsoft.SignalRService/SignalR/chat"
)
_REASON = r"^[^\x00-\x1f\x7f]*$"
_NULL: JsonDict = {"type": "null"}
_TEXT: JsonDict = {"type": "string"}
_ROTATE: JsonDict = {"enum": ["rotate", None]}
_SALT: JsonDict = {"enum": ["Salt", None]}
_NO_HUBS: JsonDict = {"maxItems": 0}
_SLOTS: JsonDict = {"enum": ["Primary", "Secondary"]}


def _shape(required: str = "", /, **properties: JsonDict) -> JsonDict:
    shape: JsonDict = {"properties": dict(properties)}
    return shape | {"required": [*required.split()]} if required else shape


# The same as `RotateBody._sensible`, in JSON Schema. A union of models would state it once, but would change both the
# schema that is published (a `$ref` for each shape) and the messages (an error for each shape that does not fit).
_SHAPES: list[JsonDict] = [
    _shape(
        resource=_NULL,
        keyType=_NULL,
        mode=_NULL,
        overlapHours=_NULL,
        closeConnections=_NO_HUBS,
        force={"const": False},
    ),
    _shape("resource keyType", resource=_TEXT, keyType=_SLOTS, mode=_ROTATE, closeConnections=_NO_HUBS),
    _shape("resource", resource=_TEXT, keyType=_SALT, mode=_ROTATE, overlapHours=_NULL, closeConnections=_NO_HUBS),
    _shape("resource mode", resource=_TEXT, keyType=_NULL, mode={"const": "revoke"}),
    _shape(
        "resource mode",
        resource=_TEXT,
        keyType=_NULL,
        mode={"const": "resync"},
        overlapHours=_NULL,
        closeConnections=_NO_HUBS,
    ),
]


class RotateBody(BaseModel):
    """The body of `POST /api/rotate`. Without a body, everything that is due is rotated."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=to_camel,
        strict=True,
        json_schema_extra={
            "examples": [
                {"resource": EXAMPLE_ID, "reason": "audit 7"},
                {"resource": EXAMPLE_ID, "mode": "revoke", "overlapHours": 1, "reason": "found in a chat"},
                {"resource": EXAMPLE_ID, "mode": "revoke", "closeConnections": ["chat"]},
                {"resource": EXAMPLE_ID, "keyType": "Salt"},
                {"dryRun": True},
            ],
            "anyOf": list(_SHAPES),
        },
    )

    resource: Annotated[str, AfterValidator(lambda text: str(ResourceId.parse(text)))] | None = Field(
        None,
        max_length=400,
        description="ARM id of the SignalR resource; left out: every managed resource",
        json_schema_extra={"anyOf": [{"type": "string", "maxLength": 400, "pattern": ARM_ID}, {"type": "null"}]},
    )
    key_type: Literal["Primary", "Secondary", "Salt"] | None = Field(
        None, description="Which key; default: the one that is not published"
    )
    mode: Literal["rotate", "revoke", "resync"] | None = Field(
        None,
        description="rotate (default): a new key, published. revoke: a key leaked, invalidate it as well. "
        "resync: publish a valid key if the published value is none, change no key",
    )
    force: bool = Field(False, description="Also while clients may still hold the key that would be regenerated")  # noqa: FBT003 - pydantic's default
    dry_run: bool = Field(False, description="Only say what would be done")  # noqa: FBT003 - pydantic's default
    overlap_hours: float | None = Field(
        None,
        ge=0,
        le=2160,
        allow_inf_nan=False,
        description="When the replaced key is invalidated, instead of the policy's",
    )
    close_connections: list[Annotated[str, Field(pattern=HUB_NAME)]] = Field(
        default=[],
        max_length=MOST_HUBS,
        description="With mode revoke: hubs whose client connections are closed once the leaked key is rejected",
    )
    reason: str = Field("", max_length=256, pattern=_REASON, description="Why: stands in events and in the history")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.close_connections and self.mode != "revoke":
            raise ValueError("closeConnections goes with mode revoke")
        if self.resource is None and (self.key_type or self.mode or self.force or self.overlap_hours is not None):
            raise ValueError("resource is required with keyType, mode, force or overlapHours")
        if self.key_type and self.mode in {"revoke", "resync"}:
            raise ValueError(f"keyType does not go with mode {self.mode}")
        if self.overlap_hours is not None and self.mode != "revoke" and self.key_type not in {"Primary", "Secondary"}:
            raise ValueError("overlapHours goes with mode revoke, or with keyType Primary or Secondary")
        return self

    @property
    def can_hurt(self) -> bool:
        """Whether clients may be rejected, whatever the policy says."""
        return self.force or self.mode == "revoke"

    def command(self, idempotency_key: str | None = None) -> RotationCommand:
        """The command it stands for. The same idempotency key twice is the same command."""
        resource = ResourceId.parse(self.resource) if self.resource else None
        return RotationCommand(
            trigger="http",
            resource=resource,
            mode=Mode(self.mode or "rotate") if resource else Mode.SWEEP,
            key_type=KeyType(self.key_type) if self.key_type else None,
            force=self.force,
            overlap_hours=self.overlap_hours,
            close_connections=distinct(self.close_connections),
            reason=self.reason,
            deduplication_key=f"http:{idempotency_key}" if idempotency_key else None,
            exclusive=idempotency_key is not None,
        )


class ResumeBody(BaseModel):
    """The body of `POST /api/resume`. There need not be one."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"reason": "the region is back"}]}
    )

    reason: str = Field("", max_length=256, pattern=_REASON, description="Why: stands in the log")


def parse_rotate(request: HttpRequest) -> RotateBody:
    """Read the body of `POST /api/rotate`. Raises `Problem` that names every wrong field and what is allowed."""
    return _parsed(request, RotateBody)


def parse_resume(request: HttpRequest) -> ResumeBody:
    """Read the body of `POST /api/resume`. Raises `Problem` likewise."""
    return _parsed(request, ResumeBody)


def _parsed[Body: BaseModel](request: HttpRequest, kind: type[Body]) -> Body:
    check_body(request, most=MOST_BODY_BYTES, allowed=("application/json",))
    try:
        # Of white space alone it is a body, and not JSON: a caller's template that came out empty rotates nothing.
        return kind.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        faults = [_fault(each, kind) for each in error.errors(include_url=False, include_input=False)]
        detail = "; ".join(f"{f['field']}: {f['message']}" if f["field"] else f["message"] for f in faults)
        raise Problem("InvalidRequest", detail, errors=faults) from None


def _fault(error: ErrorDetails, kind: type[BaseModel]) -> dict[str, str]:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown field; allowed are " + ", ".join(to_camel(name) for name in kind.model_fields)
    return {"field": ".".join(str(part) for part in error["loc"]), "message": message}
