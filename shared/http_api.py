"""What HTTP callers may ask: the body of a request for a rotation, rotation ids, and the paging of lists.

Everything is refused that is not known: a field that was misspelt would otherwise be a wish that is silently not met.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails

from shared.model import KeyType, ResourceId
from shared.problems import Problem
from shared.requests import Mode, Wish

MOST_BODY_BYTES = 16_384
MOST_PER_PAGE, PER_PAGE = 1000, 100
_ROTATION_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
ARM_ID = (
    r"^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[0-9a-zA-Z_.()-]{1,90}"
    r"/providers/Microsoft\.SignalRService/SignalR/[a-zA-Z][a-zA-Z0-9-]{1,61}[a-zA-Z0-9]$"
)
EXAMPLE_ID = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/chat"
    "/providers/Microsoft.SignalRService/SignalR/chat"
)
_NULL: JsonDict = {"type": "null"}
_TEXT: JsonDict = {"type": "string"}
_ROTATE: JsonDict = {"enum": ["rotate", None]}
_SALT: JsonDict = {"enum": ["Salt", None]}
_SLOTS: JsonDict = {"enum": ["Primary", "Secondary"]}
# `RotateBody._sensible`, as JSON Schema says it: a sweep, one slot, the other slot or the salt, a revoke, a resync.
_SENSIBLE: list[JsonDict] = [
    {
        "properties": {
            "resource": _NULL,
            "keyType": _NULL,
            "mode": _NULL,
            "overlapHours": _NULL,
            "force": {"const": False},
        }
    },
    {"required": ["resource", "keyType"], "properties": {"resource": _TEXT, "keyType": _SLOTS, "mode": _ROTATE}},
    {
        "required": ["resource"],
        "properties": {"resource": _TEXT, "keyType": _SALT, "mode": _ROTATE, "overlapHours": _NULL},
    },
    {
        "required": ["resource", "mode"],
        "properties": {"resource": _TEXT, "keyType": _NULL, "mode": {"const": "revoke"}},
    },
    {
        "required": ["resource", "mode"],
        "properties": {"resource": _TEXT, "keyType": _NULL, "mode": {"const": "resync"}, "overlapHours": _NULL},
    },
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
                {"resource": EXAMPLE_ID, "keyType": "Salt"},
                {"dryRun": True},
            ],
            "anyOf": list(_SENSIBLE),
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
        description="rotate (default): a new key, published. revoke: a key leaked, make it worthless as well. "
        "resync: publish a live key if the published value is none, change no key",
    )
    force: bool = Field(False, description="Also while clients may still hold the key that would be renewed")  # noqa: FBT003 - pydantic's default
    dry_run: bool = Field(False, description="Only say what would be done")  # noqa: FBT003 - pydantic's default
    overlap_hours: float | None = Field(
        None,
        ge=0,
        le=2160,
        allow_inf_nan=False,
        description="When the replaced key is made worthless, instead of the policy's",
    )
    reason: str = Field(
        "", max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$", description="Why: stands in events and in the history"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.resource is None and (self.key_type or self.mode or self.force or self.overlap_hours is not None):
            raise ValueError("resource is required with keyType, mode, force or overlapHours")
        if self.key_type and self.mode in {"revoke", "resync"}:
            raise ValueError(f"keyType does not go with mode {self.mode}")
        if self.overlap_hours is not None and self.mode != "revoke" and self.key_type not in {"Primary", "Secondary"}:
            raise ValueError("overlapHours goes with mode revoke, or with keyType Primary or Secondary")
        return self

    def wish(self, idempotency_key: str | None = None) -> Wish:
        """What it asks for. The same idempotency key twice is the same wish."""
        resource = ResourceId.parse(self.resource) if self.resource else None
        return Wish(
            trigger="http",
            resource=resource,
            mode=Mode(self.mode or "rotate") if resource else Mode.SWEEP,
            key_type=KeyType(self.key_type) if self.key_type else None,
            force=self.force,
            overlap_hours=self.overlap_hours,
            reason=self.reason,
            deduplication_key=f"http:{idempotency_key}" if idempotency_key else None,
            exclusive=idempotency_key is not None,
        )


def parse_rotate(headers: Mapping[str, str], body: bytes) -> RotateBody:
    """Read the body of `POST /api/rotate`. Raises `Problem` that names every wrong field and what is allowed."""
    check_body(headers, body, most=MOST_BODY_BYTES, allowed=("application/json",))
    if not body.strip():
        return RotateBody.model_validate({})
    try:
        return RotateBody.model_validate_json(body)
    except ValidationError as error:
        faults = [_fault(each) for each in error.errors(include_url=False, include_input=False)]
        detail = "; ".join(f"{f['field']}: {f['message']}" if f["field"] else f["message"] for f in faults)
        raise Problem("InvalidRequest", detail, errors=faults) from None


def check_body(headers: Mapping[str, str], body: bytes, *, most: int, allowed: tuple[str, ...]) -> None:
    """Raise `Problem` for a body that is too large or of another type. A body without a type is taken for the first.

    The portal's way to run a function by hand passes on the body alone.
    """
    if len(body) > most:
        raise Problem("BodyTooLarge", f"the body has {len(body)} bytes; at most {most} are read")
    if not body:
        return
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if media_type not in {"", *allowed} or encoding not in {"", "identity"}:
        accept = ", ".join(allowed)
        raise Problem(
            "UnsupportedMediaType", f"send {accept}, not compressed, with Content-Type", headers={"Accept": accept}
        )


def parse_rotation_id(text: str) -> str:
    """Read a rotation id. Raises `Problem` for anything that can't be one, whatever it was made up to reach."""
    if not _ROTATION_ID.fullmatch(text):
        raise not_found(text)
    return text.lower()


def not_found(rotation_id: str) -> Problem:
    """The problem of an id that nothing is known of."""
    return Problem("RotationNotFound", f"no rotation has the id {rotation_id[:64]!r}")


def parse_page(query: Mapping[str, str]) -> tuple[int, str]:
    """How many items a page may have, and after which key it begins. Raises `Problem` for any other query."""
    most = query.get("maxPageSize", str(PER_PAGE))
    if not re.fullmatch("[0-9]{1,4}", most) or not 1 <= int(most) <= MOST_PER_PAGE:
        raise Problem("InvalidQuery", f"maxPageSize is a whole number from 1 to {MOST_PER_PAGE}")
    return int(most), query.get("skipToken", "")


def _fault(error: ErrorDetails) -> dict[str, str]:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown field; allowed are " + ", ".join(to_camel(name) for name in RotateBody.model_fields)
    return {"field": ".".join(str(part) for part in error["loc"]), "message": message}
