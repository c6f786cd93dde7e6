"""Which part of the fleet a page shows: read from a query or a form, and written as a query."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlencode

from shared.dashboard.status import State
from shared.domain.resources import ResourceId

MOST_QUERY_CHARACTERS = 100


class Held(StrEnum):
    """Whether the policy of a resource holds: its keys are no older than it lets them grow."""

    HELD = "held"
    NOT_HELD = "not-held"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, compliant: bool | None) -> Self:  # noqa: FBT001 - a fact, not an option
        """As a filter names it."""
        return cls.UNKNOWN if compliant is None else cls.HELD if compliant else cls.NOT_HELD


class Order(StrEnum):
    """What rows are sorted by; the first is the default."""

    ATTENTION = "attention"
    NAME = "name"
    DUE = "due"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class Filters:
    """A text, a state, whether the policy holds, an order and a page.

    `state`: a state's slug, "attention", or empty for all. `policy`: a word of `Held`, or empty for all.
    """

    text: str = ""
    state: str = ""
    policy: str = ""
    order: Order = Order.ATTENTION
    page: int = 1

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self:
        """Read them from a query or a form. An invalid value is treated as not given."""
        order, page = fields.get("order", ""), fields.get("page", "")
        state, policy = fields.get("state", ""), fields.get("policy", "")
        return cls(
            text=fields.get("text", "").strip()[:MOST_QUERY_CHARACTERS],
            state=state if state in {"attention", *(s.slug for s in State)} else "",
            policy=policy if policy in set(Held) else "",
            order=Order(order) if order in set(Order) else Order.ATTENTION,
            page=int(page) if page.isdecimal() and len(page) < 6 and int(page) else 1,  # noqa: PLR2004 - five digits
        )

    def link(self, **changes: Any) -> str:  # noqa: ANN401 - the fields of this class
        """The relative address of these filters with changes. It never holds a key: the page's script adds it."""
        other = replace(self, **changes)
        fields = {"text": other.text, "state": other.state, "policy": other.policy}
        fields |= {"order": other.order.value, "page": str(other.page)}
        defaults = {"order": Order.ATTENTION.value, "page": "1"}
        return "?" + urlencode({name: value for name, value in fields.items() if value != defaults.get(name, "")})


def resource_link(resource: ResourceId) -> str:
    """The relative address of a resource's own page."""
    return "?" + urlencode({"resource": str(resource)})
