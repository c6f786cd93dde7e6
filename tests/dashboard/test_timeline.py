"""What a timeline draws, and where."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from shared.dashboard.timeline import Drawing, MarkerKind, Window, around, draw, whole
from shared.domain.inventory_entry import TimelineMark, marks_of
from shared.domain.keys import Slot
from shared.domain.record import Result
from tests.dashboard import fleet

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def drawn(name: str) -> Drawing:
    record = next(record for record in fleet.fleet(NOW) if record.resource.endswith(f"/{name}"))
    marks = marks_of(record.history)
    return draw(marks, record.snapshot, whole(NOW, record.snapshot, marks, width=100), NOW)


def test_publications_alternate_between_the_lanes_without_a_gap() -> None:
    bars = [bar for bar in drawn("checkout").bars if bar.kind is MarkerKind.PUBLISHED]

    assert [1, 0, 1, 0] == [bar.lane for bar in bars]
    ends = [round(bar.x + bar.width, 1) for bar in bars]
    assert [bar.x for bar in bars[1:]] == ends[:-1]
    assert drawn("checkout").now == ends[-1]


def test_the_published_key_goes_on_until_it_is_due() -> None:
    drawing = drawn("checkout")
    (ahead,) = [bar for bar in drawing.bars if bar.kind is MarkerKind.PLANNED]
    (due,) = [point for point in drawing.points if point.kind is MarkerKind.DUE]

    assert (0, drawing.now) == (ahead.lane, ahead.x)
    assert (1, due.x) == (due.lane, round(ahead.x + ahead.width, 1))


def test_the_overlap_lies_on_the_lane_of_the_key_that_was_replaced() -> None:
    (overlap,) = [bar for bar in drawn("auction").bars if bar.kind is MarkerKind.OVERLAP]

    assert 1 == overlap.lane
    assert "clients may still hold Secondary" in overlap.title


def test_a_retirement_ahead_is_marked_on_the_key_that_will_die() -> None:
    (retires,) = [point for point in drawn("auction").points if point.kind is MarkerKind.RETIRES]

    assert 1 == retires.lane


def test_a_failure_is_marked_when_it_ended() -> None:
    drawing = drawn("board-eu")
    (failed,) = [point for point in drawing.points if point.kind is MarkerKind.FAILED]

    assert failed.title.startswith("Secondary failed 2026-11-21")
    assert 1 == failed.lane


def test_nothing_known_is_an_empty_axis() -> None:
    drawing = draw((), None, whole(NOW, None, (), width=100), NOW)

    assert ((), ()) == (drawing.bars, drawing.points)
    assert "nothing rotated yet" == drawing.label


def test_what_was_observed_counts_where_the_history_has_forgotten() -> None:
    snapshot = fleet.snapshot("chat", NOW, age=10 * DAY, slot=Slot.SECONDARY)

    (bar,) = [
        bar
        for bar in draw((), snapshot, around(NOW, [snapshot], width=100), NOW).bars
        if bar.kind is MarkerKind.PUBLISHED
    ]

    assert 1 == bar.lane


def test_ticks_lie_inside_and_in_order() -> None:
    snapshot = fleet.snapshot("chat", NOW, age=10 * DAY)

    ticks = draw((), snapshot, around(NOW, [snapshot], width=100), NOW, ticks=5).ticks

    assert sorted(ticks) == list(ticks)
    assert 5 == len(ticks)


_moments = some.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=some.just(UTC))  # noqa: DTZ001 - given below
_marks = some.lists(
    some.builds(
        TimelineMark,
        at=_moments,
        slot=some.sampled_from([*Slot, None]),
        kind=some.sampled_from(["rotate", "publish", "retire", "salt", None]),
        result=some.sampled_from([Result.SUCCEEDED, Result.FAILED, Result.UNKNOWN]),
    ),
    max_size=50,
)


@given(marks=_marks, now=_moments, age=some.integers(0, 400), start=_moments)
def test_whatever_happened_everything_drawn_is_inside(
    marks: list[TimelineMark], now: datetime, age: int, start: datetime
) -> None:
    snapshot = fleet.snapshot("chat", now, age=age * DAY)
    ordered = tuple(sorted(marks, key=lambda mark: mark.at))
    for window in (whole(now, snapshot, ordered, width=100), Window(start, start + DAY, 100)):
        drawing = draw(ordered, snapshot, window, now, ticks=3)

        assert all(0 <= bar.x <= bar.x + bar.width <= 100.1 for bar in drawing.bars)
        assert all(bar.width > 0 for bar in drawing.bars)
        assert all(0 <= point.x <= 100 for point in drawing.points)
