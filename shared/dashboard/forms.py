"""The fields that a browser sends, and whether a form may change something.

A change needs three things: the function key, which no browser sends by itself; a request that the browser says comes
from this very origin; and a tick in the box. Each form stands for one command, however often it is sent.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl

from shared.domain.hubs import HUB_NAME, MOST_HUBS, distinct
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from shared.http.messages import HttpRequest

TRIGGER = "dashboard"
MOST_BODY_BYTES = 8_192
MOST_REASON_CHARACTERS = 256
_OFFERED = frozenset({Mode.ROTATE, Mode.REVOKE, Mode.RESYNC})


class PageError(Exception):
    """A request that is not served. `status` is HTTP's, `why` is shown to the person, `allow` names other methods."""

    def __init__(self, status: int, why: str, *, allow: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.headers = {"Allow": allow} if allow else {}


class Act(StrEnum):
    """What a form asks for."""

    VIEW = ""
    PREVIEW = "preview"
    ROTATE = "rotate"
    SWEEP = "sweep"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class DashboardForm:
    """A form, validated. The same `token` is the same command."""

    act: Act
    resource: ResourceId | None
    mode: Mode
    reason: str
    token: str
    hubs: tuple[str, ...] = ()

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self:
        """Read a form. Raises `PageError` that says what is wrong with it."""
        act = act_of(fields)
        mode = fields.get("mode", Mode.ROTATE)
        if mode not in _OFFERED:
            raise PageError(400, "mode is rotate, revoke or resync")
        if act in {Act.ROTATE, Act.SWEEP, Act.RESUME} and fields.get("confirmed") != "yes":
            raise PageError(400, "tick the box to confirm, then send it again")
        try:
            token = str(uuid.UUID(fields.get("token", "")))
        except ValueError:
            raise PageError(400, "the form is incomplete: open the page again") from None
        resource = resource_of(fields)
        if resource is None and act not in {Act.SWEEP, Act.RESUME}:
            raise PageError(400, "no resource is named")
        reason = fields.get("reason", "").strip()[:MOST_REASON_CHARACTERS]
        return cls(act, resource, Mode(mode), reason, token, _hubs_of(fields, Mode(mode)))

    @property
    def command(self) -> RotationCommand:
        """The command it stands for."""
        sweep = self.act is Act.SWEEP
        return RotationCommand(
            trigger=TRIGGER,
            resource=None if sweep else self.resource,
            mode=Mode.SWEEP if sweep else self.mode,
            close_connections=() if sweep else self.hubs,
            reason=self.reason,
            deduplication_key=f"{TRIGGER}:{self.token}",
            exclusive=True,
            tracked=not sweep,
        )


def _hubs_of(fields: Mapping[str, str], mode: Mode) -> tuple[str, ...]:
    hubs = distinct(fields.get("hubs", "").split())
    if hubs and mode is not Mode.REVOKE:
        raise PageError(400, "hubs go with a revocation: leave them out, or choose Revoke")
    if len(hubs) > MOST_HUBS or not all(re.fullmatch(HUB_NAME, hub) for hub in hubs):
        raise PageError(400, f"a hub's name begins with a letter, without a hyphen in it; {MOST_HUBS} hubs at most")
    return hubs


def form_fields(request: HttpRequest) -> Mapping[str, str]:
    """The fields of the query, or those of the form that was sent. Raises `PageError`."""
    if request.method != "POST":
        return request.query
    if len(request.body) > MOST_BODY_BYTES:
        raise PageError(413, f"the form is larger than {MOST_BODY_BYTES} bytes")
    if request.media_type != "application/x-www-form-urlencoded":
        raise PageError(415, "send a form")
    try:
        return dict(parse_qsl(request.body.decode("ascii"), max_num_fields=20, encoding="utf-8", errors="strict"))
    except ValueError:
        raise PageError(400, "the form can't be read") from None


def require_same_origin(request: HttpRequest) -> None:
    """Raise `PageError` unless the browser says that this page itself sent the request.

    Browsers set `Sec-Fetch-Site` and let no script set it (Fetch Metadata Request Headers, W3C). Older ones send
    `Origin`, except that it is "null" under our own referrer policy: then the request is rejected.
    """
    site = request.headers.get("sec-fetch-site")
    same = request.headers.get("origin") == request.origin if site is None else site == "same-origin"
    if not same:
        raise PageError(403, "this did not come from the dashboard itself; scripts call POST /api/rotate")


def act_of(fields: Mapping[str, str]) -> Act:
    """What the fields ask for. Raises `PageError` for an unknown act."""
    try:
        return Act(fields.get("act", ""))
    except ValueError:
        raise PageError(400, "act is preview, rotate, sweep or resume") from None


def can_hurt(fields: Mapping[str, str]) -> bool:
    """Whether the fields ask for what needs the admin role, where there is one. Raises `PageError`."""
    act = act_of(fields)
    return act is Act.RESUME or (act is Act.ROTATE and fields.get("mode") == Mode.REVOKE)


def resource_of(fields: Mapping[str, str]) -> ResourceId | None:
    """The resource that is named; None when none is. Raises `PageError`."""
    if not fields.get("resource"):
        return None
    try:
        return ResourceId.parse(fields["resource"])
    except ValueError:
        raise PageError(404, "that is not the id of an Azure SignalR Service resource") from None
