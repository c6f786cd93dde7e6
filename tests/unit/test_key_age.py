"""How old keys are said to be, and whether the policy holds: what is not known is not guessed."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.inventory_entry import InventoryEntry
from shared.domain.key_age import key_ages
from shared.domain.keys import Slot
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)
DAY = timedelta(days=1)
GRACE = 2 * DAY
FINGERPRINTS = {Slot.PRIMARY: "3fa94c2be01d", Slot.SECONDARY: "0d1e2f3a4b5c"}


def entry(
    published: float = 10, primary: float | None = 10, secondary: float | None = 70, **facts: object
) -> InventoryEntry:
    """Primary published so many days ago; how long ago each was regenerated, None: not by the app."""
    snapshot = fleet.snapshot("chat", NOW, age=published * DAY, fingerprints=FINGERPRINTS, **facts)
    ages = {Slot.PRIMARY: primary, Slot.SECONDARY: secondary}
    created = {slot: NOW - age * DAY for slot, age in ages.items() if age is not None}
    return InventoryEntry(resource=str(fleet.resource("chat")), snapshot=snapshot, created=created, max_age_days=120)


@pytest.mark.parametrize(
    ("member", "compliant"),
    [
        pytest.param(entry(), True, id="both young"),
        pytest.param(entry(secondary=121), True, id="within the grace"),
        pytest.param(entry(secondary=123), False, id="the other key is too old"),
        pytest.param(entry(secondary=None), None, id="the other key was found"),
        pytest.param(entry(primary=None), None, id="the published key was found"),
        pytest.param(entry(published=63, primary=None), False, id="overdue"),
        pytest.param(entry(retire_after=NOW - 3 * DAY), False, id="a retirement is late"),
        pytest.param(entry(retire_after=NOW + DAY), True, id="a retirement is to come"),
        pytest.param(entry(slot=None), None, id="no live key is published"),
        pytest.param(entry(local_auth_disabled=True), True, id="no keys"),
        pytest.param(entry(paused=True, secondary=123), False, id="paused"),
        pytest.param(entry().model_copy(update={"max_age_days": None}), None, id="the policy is not known"),
        pytest.param(entry(published=63).model_copy(update={"max_age_days": None}), False, id="overdue by any policy"),
        pytest.param(InventoryEntry(resource=str(fleet.resource("new"))), None, id="not seen yet"),
    ],
)
def test_policy_holds_only_where_that_is_known(member: InventoryEntry, compliant: bool | None) -> None:  # noqa: FBT001
    assert compliant is key_ages(member, NOW, grace=GRACE).compliant


def test_age_is_told_where_the_app_regenerated_the_key() -> None:
    assert {Slot.PRIMARY: 10, Slot.SECONDARY: None} == key_ages(entry(secondary=None), NOW, grace=GRACE).days


def test_key_that_was_regenerated_elsewhere_since_has_no_known_age() -> None:
    """The history tells of a key by its fingerprint: another one in its slot is not that key."""
    record = fleet.record("chat", NOW, age=3 * DAY)
    assert record.snapshot
    listed = [FINGERPRINTS, FINGERPRINTS | {Slot.PRIMARY: "ffffffffffff"}]

    known = [
        InventoryEntry.of(record.with_snapshot(record.snapshot.model_copy(update={"fingerprints": each}))).created
        for each in listed
    ]

    assert [{Slot.PRIMARY}, set()] == [set(each) for each in known]


def test_what_is_stored_of_a_record_is_read_back() -> None:
    """It rides as metadata; what the version before wrote has no ages."""
    record = fleet.record("chat", NOW, age=3 * DAY)
    assert record.snapshot
    stored = InventoryEntry.of(
        record.with_snapshot(record.snapshot.model_copy(update={"fingerprints": FINGERPRINTS}))
    ).model_dump(mode="json", by_alias=True, exclude_none=True)

    read = [InventoryEntry.model_validate(each) for each in (stored, {**stored, "created": {}})]

    assert [{Slot.PRIMARY}, set()] == [set(each.created) for each in read]
    assert "maxAgeDays" not in stored
