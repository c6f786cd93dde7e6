"""The whole fleet as a sheet (RFC 4180): a line for each resource, how old its keys are and whether its policy holds.

It is made page by page, so that no more than a page of the fleet is in memory as objects. What is not known is said so.
"""

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from shared.domain.inventory_entry import InventoryEntry
from shared.domain.key_age import key_ages
from shared.domain.resources import ResourceId
from shared.http.headers import accepts
from shared.http.messages import HttpRequest
from shared.rotation.inventory import Listing

MEDIA_TYPE = "text/csv"
UNKNOWN = "unknown"
COLUMNS = (
    *("id", "name", "publishedSlot", "fingerprint", "publishedAt", "primaryAgeDays", "secondaryAgeDays", "maxAgeDays"),
    *("compliant", "dueAt", "retireAfter", "paused", "localAuthDisabled", "failing", "secretName", "vaultUrl", "asOf"),
)


def wants_sheet(request: HttpRequest) -> bool:
    """Whether the caller prefers a sheet to JSON."""
    return accepts(request.headers, MEDIA_TYPE) > accepts(request.headers, "application/json")


async def sheet(pages: AsyncIterator[Listing], now: datetime, *, grace: timedelta) -> AsyncIterator[bytes]:
    """The sheet, in one piece for the head and one for each page."""
    yield _lines([COLUMNS])
    async for page in pages:
        yield _lines([_row(entry, page.as_of, now, grace) for entry in page.entries])


def _row(entry: InventoryEntry, as_of: datetime, now: datetime, grace: timedelta) -> tuple[str, ...]:
    snapshot, ages = entry.snapshot, key_ages(entry, now, grace=grace)
    failing = entry.standing_failure
    days = {slot.value: _said(age) for slot, age in ages.days.items()}
    return (
        entry.resource,
        ResourceId.parse(entry.resource).name,
        _said(snapshot.published_slot if snapshot else None),
        _said(snapshot.fingerprint if snapshot else None),
        _said(snapshot.published_at if snapshot else None),
        days.get("Primary", UNKNOWN),
        days.get("Secondary", UNKNOWN),
        _said(ages.max_days),
        _said(ages.compliant),
        _said(snapshot.due_at if snapshot else None),
        _said(snapshot.retire_after, none="") if snapshot else "",
        _said(snapshot.paused if snapshot else None),
        _said(snapshot.local_auth_disabled if snapshot else None),
        (failing.code or failing.result.value) if failing else "",
        _said(snapshot.secret_name if snapshot else None),
        _said(snapshot.vault_url if snapshot else None),
        _said(as_of),
    )


def _said(value: datetime | float | str | None, *, none: str = UNKNOWN) -> str:
    match value:
        case None:
            return none
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        case _:
            return str(value)


def _lines(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
