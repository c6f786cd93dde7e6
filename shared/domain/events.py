"""What consumers and operators are told: the kind and the data of each event (schemas in docs/events/)."""

import logging
from datetime import datetime
from typing import Any

from shared.domain.decision import Cause
from shared.domain.errors import Retryable, RotationError
from shared.domain.policy import Policy
from shared.domain.record import Journal, Kind
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId

log = logging.getLogger("rotation")

KINDS = {
    Kind.ROTATE: "KeyRotated",
    Kind.PUBLISH: "KeyPublished",
    Kind.RETIRE: "KeyRetired",
    Kind.SALT: "SaltRegenerated",
}
FAILED, OVERDUE = "RotationFailed", "RotationOverdue"


def done(journal: Journal, resource_id: str, policy: Policy) -> dict[str, Any]:
    """The data of the event that announces what a journal did. Times are ISO 8601, UTC."""
    data: dict[str, Any] = {
        "rotation_id": journal.rotation_id,
        "resource_id": resource_id,
        "key_type": journal.slot.value if journal.slot else "Salt",
        "fingerprint": journal.after,
        "trigger": journal.trigger,
        "reason": journal.reason or None,
        "verified": journal.verified,
        "cause": journal.cause,
    }
    if journal.version is not None:
        published_at = max(journal.times.values())
        data |= {
            "secret_id": journal.secret_id,
            "secret_name": policy.secret_name,
            "vault_url": policy.vault_url,
            "version": journal.version,
            "previous_version": journal.previous_version,
            "previous_key_valid_until": _iso(_valid_until(journal, policy, published_at)),
            "next_rotation_at": _iso(published_at + policy.period),
        }
    return data


def failed(error: RotationError, resource: ResourceId, request: Journal | WorkItem) -> dict[str, Any]:
    """The data of the event that announces a failure."""
    return {
        "rotation_id": request.rotation_id,
        "resource_id": str(resource),
        "key_type": request.slot.value if request.slot else None,
        "code": error.code,
        "message": error.message,
        "step": error.step,
        "retryable": isinstance(error, Retryable),
        "trigger": request.trigger,
        "reason": request.reason or None,
    }


def _valid_until(journal: Journal, policy: Policy, published_at: datetime) -> datetime | None:
    """Until when the replaced key will be left alone. None when it opens nothing any more, or there was none."""
    if journal.in_place or journal.previous_version is None or journal.cause is Cause.REPAIR:
        return None
    return journal.retire_after or published_at + policy.overlap


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
