"""What the templates make of a view: where forms, messages and banners are, in the page as it is sent."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.dashboard.filters import Filters, resource_link
from shared.dashboard.fleet_cache import CachedFleet
from shared.dashboard.fleet_view import fleet_view
from shared.dashboard.pages import View, _page
from shared.dashboard.render import render
from shared.dashboard.resource_view import resource_view
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Record
from shared.domain.rollout import THREE_FAILED, FailedRotation, Hold
from tests.dashboard import fleet

type Page = Callable[..., str]

NOW = datetime(2026, 11, 23, 7, 41, 3, tzinfo=UTC)
DAY, GRACE = timedelta(days=1), timedelta(hours=48)
FAILED = FailedRotation(
    rotation_id="id", resource=str(fleet.resource("chat-eu")), code="NotPermitted", message="no permission", at=NOW
)
HOLD = Hold(since=NOW, until=NOW + DAY, code=THREE_FAILED, failures=(FAILED,))


def of_fleet(*records: Record, hold: Hold | None = None, message: str = "", **filters: str) -> str:
    cached = CachedFleet(NOW, tuple(InventoryEntry.of(each) for each in records), hold=hold)
    view = fleet_view(cached.entries, Filters.of(filters), NOW, grace=GRACE, on_hold=hold is not None)
    variables = _page(view, cached, message, refresh="?", every=20)
    return render(View("fleet.html", NOW, variables | {"as_of": NOW})).body.decode()


def of_resource(record: Record, hold: Hold | None = None, message: str = "") -> str:
    view = resource_view(record, NOW, grace=GRACE, on_hold=hold is not None)
    variables = _page(view, CachedFleet(NOW, (), hold=hold), message, refresh=resource_link(view.resource), every=20)
    return render(View("resource.html", NOW, variables | {"as_of": NOW})).body.decode()


LATE = fleet.record("chat", NOW, age=63 * DAY)
WELL = [fleet.record(f"chat-{number:03}", NOW, age=DAY) for number in range(120)]
each_page = pytest.mark.parametrize("page", [of_fleet, of_resource], ids=["fleet", "resource"])


def forms(html: str) -> list[str]:
    return re.findall(r"<form\b.*?</form>", html, re.DOTALL)


def fields(form: str) -> dict[str, str]:
    """The named fields of a form, with the value of those that are hidden."""
    found = re.findall(r'<(?:input|select)\b[^>]*?\bname="(\w+)"(?: value="([^"]*)")?', form)
    return dict(found)


@pytest.mark.parametrize(
    ("records", "mood"),
    [
        (WELL[:2], "good"),
        ([WELL[0], Record(resource=str(fleet.resource("new")))], "calm"),
        ([], "calm"),
        ([LATE, WELL[0]], "bad"),
    ],
)
def test_only_a_fleet_that_was_looked_at_is_green(records: list[Record], mood: str) -> None:
    assert f'id="headline" data-live class="headline {mood}"' in of_fleet(*records)


def test_the_headline_of_a_fleet_that_is_partly_unseen_gives_no_all_clear() -> None:
    html = of_fleet(WELL[0], Record(resource=str(fleet.resource("new"))))

    assert "<h1>1 of 2 resources not checked yet</h1>" in html
    assert "All resources healthy" not in html


@each_page
def test_a_message_does_not_hide_the_warning(page: Page) -> None:
    html = page(LATE, message="Dry run: nothing.")

    assert re.search(r'<div id="notice" role="status" tabindex="-1" class="notice">Dry run: nothing\.</div>', html)
    assert re.search(r'<div id="warning" role="status" data-live class="notice">No sweep has ended yet', html)


@each_page
def test_both_pages_say_that_rotations_are_on_hold_and_offer_to_resume_them(page: Page) -> None:
    html = page(LATE, hold=HOLD)

    assert "Scheduled rotations are on hold</h2>" in html
    assert "scheduled rotations are on hold" in html.partition('id="headline"')[2]
    [resume] = [form for form in forms(html) if 'value="resume"' in form]
    assert {"token", "reason", "confirmed"} == {*fields(resume)}  # no resource: what answers is the fleet
    assert re.search(r'<div id="resume" data-live>\s*<details class="act">', html)


@each_page
def test_without_a_hold_the_place_of_its_form_is_there_and_empty(page: Page) -> None:
    assert re.search(r'<div id="resume" data-live>\s*</div>', page(LATE))


@each_page
def test_no_id_and_no_label_of_a_text_is_there_twice(page: Page) -> None:
    html = page(LATE, hold=HOLD).partition("<body>")[2].partition("<script")[0]

    ids = re.findall(r' id="([^"]+)"', html)
    labels = re.findall(r"<label>([^<]+?)\s*<", html)
    assert sorted(set(ids)) == sorted(ids)
    assert sorted(set(labels)) == sorted(labels)


def test_the_filter_leads_to_the_first_page_and_the_page_keeps_the_filter() -> None:
    html = of_fleet(*WELL, text="chat", state="healthy", policy="unknown", order="name", page="2")

    chosen = [form for form in forms(html) if "data-view" in form]
    filtered, jump = chosen
    assert {"text", "state", "policy", "order"} == {*fields(filtered)}
    kept = {"text": "chat", "state": "healthy", "policy": "unknown", "order": "name"}
    assert kept | {"page": "2"} == fields(jump)


def test_one_page_has_no_form_to_choose_it() -> None:
    assert 1 == len([form for form in forms(of_fleet(WELL[0])) if "data-view" in form])
