"""The notice before a scheduled rotation: one event for each due date, stored with the record. Pure."""

from datetime import datetime

from shared.domain import events
from shared.domain.decision import Action, Code, Skip
from shared.domain.record import Record
from shared.domain.requests import Mode, WorkItem

_AHEAD = frozenset({Code.NOT_DUE, Code.OVERLAP_ACTIVE, Code.OUTSIDE_WINDOW})


def notice_due(record: Record, item: WorkItem, action: Action, now: datetime) -> bool:
    """Whether a sweep came to nothing because the rotation is ahead, and that has not been announced yet."""
    snapshot = record.snapshot
    if item.mode is not Mode.SWEEP or snapshot is None or snapshot.notice_at is None or not snapshot.published_slot:
        return False
    ahead = isinstance(action, Skip) and action.code in _AHEAD
    return ahead and snapshot.notice_at <= now and record.noticed != snapshot.due_at


def with_notice(record: Record, item: WorkItem, action: Action, now: datetime) -> Record:
    """The record with the event to be sent, if one is due."""
    if record.snapshot is None or record.snapshot.due_at is None or not notice_due(record, item, action, now):
        return record
    return record.announcing(events.upcoming(item.resource_id, record.snapshot)).giving_notice(record.snapshot.due_at)
