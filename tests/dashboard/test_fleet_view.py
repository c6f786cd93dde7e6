"""The list of the fleet: counted, filtered, sorted and paged."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.dashboard.filters import Filters, Order
from shared.dashboard.fleet_view import ROWS_PER_PAGE, FleetView, fleet_view
from shared.domain.inventory_entry import InventoryEntry
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)
DAY = timedelta(days=1)
SAMPLE = [InventoryEntry.of(record) for record in fleet.fleet(NOW)]


def viewed(entries: list[InventoryEntry] = SAMPLE, **filters: str) -> FleetView:
    return fleet_view(entries, Filters.of(filters), NOW, grace=timedelta(hours=48))


def names(view: FleetView) -> list[str]:
    return [row.resource.name for row in view.rows]


def test_the_headline_counts_who_needs_attention() -> None:
    assert "5 of 16 resources need attention" == viewed().headline
    assert "1 invalid key published, 2 failed, 1 blocked, 1 overdue" == viewed().attention_by_state


def test_a_fleet_that_is_well_says_so() -> None:
    well = [InventoryEntry.of(fleet.record(name, NOW, age=DAY)) for name in ("one", "two")]

    assert ("All resources healthy", 0) == (viewed(well).headline, viewed(well).attention)


def test_a_row_says_when_the_window_opens() -> None:
    facts = fleet.snapshot("late", NOW, age=61 * DAY, window="Wed 09:00-12:00 UTC")
    late = InventoryEntry.of(fleet.record("late", NOW, age=61 * DAY, snapshot=facts))

    assert ["was due 24 hours ago, window opens in 2 days"] == [row.next_rotation for row in viewed([late]).rows]


def test_nobody_at_all_is_no_all_clear() -> None:
    assert "No resource has been checked yet" == viewed([]).headline


def entry(name: str, age: timedelta = DAY, **facts: object) -> InventoryEntry:
    return InventoryEntry.of(
        fleet.record(name, NOW, age=age, snapshot=fleet.snapshot(name, NOW, age=age, **facts))  # type: ignore[arg-type] - facts are of the snapshot
    )


UNSEEN = [InventoryEntry.of(fleet.Record(resource=str(fleet.resource(name)))) for name in ("new", "newer")]
PAUSED = [entry("archive", 70 * DAY, paused=True), entry("museum", 62.1 * DAY, paused=True)]
VALID, NOT_OVERDUE = "Every published key is valid", "no rotation is overdue"


@pytest.mark.parametrize(
    ("entries", "headline", "all_clear", "all_good"),
    [
        ([entry("one")], "The resource is healthy", f"{VALID}, and {NOT_OVERDUE}.", True),
        (
            [entry("one"), *UNSEEN],
            "2 of 3 resources not checked yet",
            f"Every published key that was looked at is valid, and {NOT_OVERDUE}.",
            False,
        ),
        (UNSEEN, "No resource has been checked yet", "The next sweep looks at them.", False),
        (UNSEEN[:1], "No resource has been checked yet", "The next sweep looks at it.", False),
        (
            [entry("one"), PAUSED[0], entry("idle", 61.9 * DAY, paused=True)],
            "All resources healthy",
            f"{VALID}, and {NOT_OVERDUE} but that of 1 paused resource.",
            True,
        ),
        (
            [entry("one"), *PAUSED],
            "All resources healthy",
            f"{VALID}, and {NOT_OVERDUE} but those of 2 paused resources.",
            True,
        ),
    ],
)
def test_the_all_clear_says_no_more_than_was_looked_at(
    entries: list[InventoryEntry], headline: str, all_clear: str, *, all_good: bool
) -> None:
    view = viewed(entries)

    assert (headline, all_clear, all_good) == (view.headline, view.all_clear, view.all_good)


def test_what_needs_attention_counts_before_what_was_not_checked() -> None:
    view = viewed([entry("late", 75 * DAY), *UNSEEN])

    assert ("1 of 3 resources needs attention", False) == (view.headline, view.all_good)


def test_a_paused_resource_whose_published_key_is_invalid_needs_attention() -> None:
    view = viewed([entry("broken", paused=True, slot=None), *PAUSED])

    assert "1 of 3 resources needs attention" == view.headline
    assert [("broken", "Paused")] == [(row.resource.name, row.status.code) for row in view.urgent]


def test_an_empty_fleet_is_no_all_clear_either() -> None:
    assert not viewed([]).all_good


def test_a_hold_is_said_of_each_row_that_it_keeps_back() -> None:
    late, due = entry("late", 63 * DAY), entry("due", 61 * DAY)

    view = fleet_view([late, due, entry("well")], Filters(), NOW, grace=timedelta(hours=48), on_hold=True)

    assert [("late", True), ("due", True), ("well", False)] == [
        (row.resource.name, "on hold" in row.status.why) for row in view.rows
    ]


def test_the_headline_stays_true_whatever_is_filtered() -> None:
    assert "5 of 16 resources need attention" == viewed(text="quiz").headline


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"text": "CHAT-"}, ["chat-eu", "chat-us"]),
        ({"state": "overdue"}, ["telemetry"]),
        ({"state": "attention"}, ["orders", "board-eu", "chat-eu", "legacy", "telemetry"]),
        ({"state": "healthy", "order": "name"}, ["alerts-eu", "alerts-us", "chat-us", "checkout", "quiz"]),
        ({"state": "revocation-pending"}, ["auction"]),
        ({"state": "not-checked-yet"}, ["brand-new"]),
        ({"text": "nobody"}, []),
        ({"policy": "not-held", "order": "name"}, ["archive", "telemetry"]),
        ({"policy": "held"}, ["intranet"]),
        ({"policy": "unknown", "text": "chat-"}, ["chat-eu", "chat-us"]),
    ],
)
def test_what_is_chosen_is_what_is_listed(choice: dict[str, str], expected: list[str]) -> None:
    assert expected == names(viewed(**choice))


def test_by_due_the_most_late_come_first_and_the_unknown_last() -> None:
    listed = names(viewed(order="due"))

    assert ["telemetry", "archive"] == listed[:2]
    assert "brand-new" == listed[-1]


def test_by_age_the_oldest_key_comes_first() -> None:
    assert "telemetry" == names(viewed(order="age"))[0]


def test_a_long_list_is_paged_without_a_gap() -> None:
    many = [InventoryEntry.of(fleet.record(f"chat-{n:03}", NOW, age=DAY)) for n in range(120)]

    pages = [names(viewed(many, order="name", page=str(page))) for page in (1, 2, 3)]

    assert [f"chat-{n:03}" for n in range(120)] == [name for page in pages for name in page]
    assert [ROWS_PER_PAGE, ROWS_PER_PAGE, 20] == [len(page) for page in pages]


def test_a_page_past_the_end_is_the_last_one() -> None:
    assert 1 == viewed(page="99").filters.page


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1e9", "99999999999", "٣x"])
def test_a_page_that_is_none_is_the_first(page: str) -> None:
    assert 1 == Filters.of({"page": page}).page


def test_an_unknown_state_or_order_is_as_good_as_none() -> None:
    assert Filters() == Filters.of({"state": "broken", "order": "random"})


def test_a_link_leaves_out_what_is_usual_and_never_has_a_key() -> None:
    choice = Filters.of({"code": "secret", "text": "a&b", "order": "due"})

    assert "?text=a%26b&order=due&page=2" == choice.link(page=2)
    assert "?" == Filters().link()
    assert Order.DUE is choice.order


def test_a_row_says_live_slot_age_next_and_retirement() -> None:
    row = next(row for row in viewed().rows if row.resource.name == "auction")

    assert ("Primary", "14 hours", "in 59 days", "in 9 hours") == (
        row.snapshot and row.snapshot.published_slot,
        row.age,
        row.next_rotation,
        row.retirement,
    )


def test_what_was_due_reads_as_past() -> None:
    row = next(row for row in viewed().rows if row.resource.name == "telemetry")

    assert "was due 15 days ago" == row.next_rotation


def test_all_rows_share_one_axis() -> None:
    assert 1 == len({row.strip.now for row in viewed().rows})
