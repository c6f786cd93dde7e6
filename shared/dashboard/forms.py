"""What a visitor sends, and whether it may change something.

A change needs three things: the function key, which no browser sends by itself; a request that the browser says comes
from this very origin; and a tick in the box. Each form is good for one wish, however often it is sent again.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId

TRIGGER = "dashboard"
MOST_BODY_BYTES = 8_192
MOST_REASON_CHARACTERS = 256
_ASKABLE = frozenset({Mode.ROTATE, Mode.REVOKE, Mode.RESYNC})


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A visit that is not served. `status` is HTTP's, the text tells the visitor why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Act(StrEnum):
    """What a form asks for."""

    VIEW = ""
    PREVIEW = "preview"
    ROTATE = "rotate"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page, as the platform handed it over. Header names are in lower case."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def fields(self) -> dict[str, str]:
        """What was asked: the query's fields, or those of the form that was sent. Raises `Refused`."""
        if self.method != "POST":
            return dict(self.query)
        if len(self.body) > MOST_BODY_BYTES:
            raise Refused(413, f"the form is larger than {MOST_BODY_BYTES} bytes")
        if self.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise Refused(415, "send a form")
        try:
            return dict(parse_qsl(self.body.decode("ascii"), max_num_fields=20, encoding="utf-8", errors="strict"))
        except ValueError:
            raise Refused(400, "the form can't be read") from None

    @property
    def bare(self) -> bool:
        """Whether the page's own script asks, which has the style sheet and itself already."""
        return "x-dashboard-part" in self.headers

    def require_same_origin(self) -> None:
        """Raise `Refused` unless the browser says that this page itself sent the request.

        Browsers set `Sec-Fetch-Site` and let no script set it (Fetch Metadata Request Headers, W3C). Older ones send
        `Origin`, except that it is "null" under our own referrer policy: then there is nothing to go by.
        """
        site = self.headers.get("sec-fetch-site")
        if site is None:
            parts = urlsplit(self.url)
            same = self.headers.get("origin") == f"{parts.scheme}://{parts.netloc}"
        else:
            same = site == "same-origin"
        if not same:
            raise Refused(403, "this did not come from the dashboard itself; scripts call POST /api/rotate")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for, checked. `token` makes sending the same form again the same wish."""

    act: Act
    resource: ResourceId | None
    mode: Mode
    reason: str
    token: str

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self:
        """Read a form. Raises `Refused` that says what is wrong with it."""
        act = act_of(fields)
        mode = fields.get("mode", Mode.ROTATE)
        if mode not in _ASKABLE:
            raise Refused(400, "mode is rotate, revoke or resync")
        if act in {Act.ROTATE, Act.SWEEP} and fields.get("confirmed") != "yes":
            raise Refused(400, "tick the box to confirm, then send it again")
        try:
            token = str(uuid.UUID(fields.get("token", "")))
        except ValueError:
            raise Refused(400, "the form is incomplete: open the page again") from None
        resource = resource_of(fields)
        if resource is None and act is not Act.SWEEP:
            raise Refused(400, "no resource is named")
        return cls(act, resource, Mode(mode), fields.get("reason", "").strip()[:MOST_REASON_CHARACTERS], token)

    @property
    def wish(self) -> RotationCommand:
        """The same in the app's own words."""
        sweep = self.act is Act.SWEEP
        return RotationCommand(
            trigger=TRIGGER,
            resource=None if sweep else self.resource,
            mode=Mode.SWEEP if sweep else self.mode,
            reason=self.reason,
            deduplication_key=f"{TRIGGER}:{self.token}",
            tracked=not sweep,
        )


def act_of(fields: Mapping[str, str]) -> Act:
    """What is to be done. Raises `Refused` for what is none of it."""
    try:
        return Act(fields.get("act", ""))
    except ValueError:
        raise Refused(400, "act is preview, rotate or sweep") from None


def resource_of(fields: Mapping[str, str]) -> ResourceId | None:
    """The resource that is named; None when none is. Raises `Refused`."""
    if not fields.get("resource"):
        return None
    try:
        return ResourceId.parse(fields["resource"])
    except ValueError:
        raise Refused(404, "that is not the id of an Azure SignalR Service resource") from None
