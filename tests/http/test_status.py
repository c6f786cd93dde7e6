"""`GET /api/rotations/{id}` and `GET /api/resources`."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.http.page_token import encode
from shared.rotation.inventory import PageStart
from tests.http.conftest import HttpWorld

UNKNOWN = "11111111-2222-4333-8444-555555555555"


def test_status_has_the_form_of_an_arm_operation(world: HttpWorld) -> None:
    answer = world.rotate({"resource": world.adopted(), "reason": "audit"})

    status = world.ended(answer)

    assert {"id", "name", "status", "startTime", "endTime", "properties"} == set(status)
    assert urlsplit(answer.headers["Location"]).path == status["id"]
    assert "audit" == status["properties"]["reason"]


def test_id_in_capitals_is_the_same_rotation(world: HttpWorld) -> None:
    name = world.rotated(world.adopted())["name"]

    assert name == world.call("GET", f"rotations/{name.upper()}").json()["name"]


@pytest.mark.parametrize(
    "made_up",
    [
        UNKNOWN,
        "..%2Fresources%2Fchat",
        "%2E%2E%2F" + UNKNOWN,
        UNKNOWN + ".json",
        UNKNOWN + "%00",
        "{" + UNKNOWN + "}",
        "urn:uuid:" + UNKNOWN,
        UNKNOWN.replace("-", ""),
        "\u0660" * 36,
        UNKNOWN + "%0A",
    ],
)
def test_id_that_nothing_is_known_of_is_not_found(world: HttpWorld, made_up: str) -> None:
    """Also one that is made up to reach another blob."""
    answer = world.call("GET", f"rotations/{made_up}")

    assert (404, "RotationNotFound") == (answer.status_code, answer.json()["code"])


def test_resource_tells_what_is_live_and_when_it_is_due(world: HttpWorld) -> None:
    resource = world.adopted(overlap_hours=24)
    world.rotated(resource, force=True)

    member = fleet(world)[resource]

    assert ("Secondary", "Succeeded") == (member["liveSlot"], member["last"]["result"])
    assert world.versions(resource)[-1]["version"] == member["version"]
    assert 0 <= member["ageDays"] < 0.1
    # Sooner than the period by this resource's part of ROTATION_SPREAD_HOURS.
    assert timedelta(days=59) < between(member, "publishedAt", "dueAt") <= timedelta(days=60)
    assert timedelta(days=1) == between(member, "publishedAt", "overlapUntil")


def test_pending_retirement_is_listed(world: HttpWorld) -> None:
    resource = world.adopted()

    world.rotated(resource, mode="revoke", overlapHours=2)

    late = between(fleet(world)[resource], "publishedAt", "retireAfter") - timedelta(hours=2)
    assert abs(late) < timedelta(seconds=5)


def test_revocation_says_until_when_the_leaked_key_stays_valid(world: HttpWorld) -> None:
    status = world.rotated(world.adopted(), mode="revoke", overlapHours=2, closeConnections=["chat"])

    until = datetime.fromisoformat(status["properties"]["retireAfter"])
    assert ("Succeeded", "RevocationPending") == (status["status"], status["note"]["code"])
    assert f"revocation pending until {until:%Y-%m-%d %H:%M} UTC" in status["note"]["message"]
    assert ["chat"] == status["properties"]["closeConnections"]


def test_fleet_is_listed_without_asking_arm(world: HttpWorld) -> None:
    resource = world.adopted()
    fleet(world)  # until a sweep has ended, the first look asks ARM which resources there are
    before = world.azure.requests()[-1]["n"]

    listed = fleet(world)

    assert "SignalR.list" not in {request["operation"] for request in world.azure.requests(since=before)}
    assert "Primary" == listed[resource]["liveSlot"]


def test_list_says_since_when_it_is_known_who_is_managed(world: HttpWorld) -> None:
    as_of = datetime.fromisoformat(world.call("GET", "resources").json()["asOf"])

    assert timedelta() <= datetime.now(UTC) - as_of < timedelta(minutes=15)


def test_ages_of_both_keys_are_told_and_whether_the_policy_holds(world: HttpWorld) -> None:
    """Of a key that the app found nobody knows the age; after a rotation each, both are known."""
    resource = world.adopted()
    told = [fleet(world)[resource]]
    for _ in range(2):
        world.rotated(resource, force=True)
        told.append(fleet(world)[resource])

    known = [{slot: age is not None for slot, age in each["keyAgeDays"].items()} for each in told]
    assert [(False, False), (False, True), (True, True)] == [(each["Primary"], each["Secondary"]) for each in known]
    assert [None, None] == [each["compliant"] for each in told[:2]]


def test_sheet_has_a_line_for_each_resource_and_says_what_is_not_known(world: HttpWorld) -> None:
    resource = world.adopted()

    answer = world.call("GET", "resources", headers={"Accept": "text/csv"})

    lines = {line["id"]: line for line in csv.DictReader(io.StringIO(answer.text))}
    assert ("text/csv", set(fleet(world))) == (answer.headers["Content-Type"].partition(";")[0], set(lines))
    line = lines[resource]
    assert ("Primary", "unknown", "unknown") == (line["publishedSlot"], line["primaryAgeDays"], line["compliant"])


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/csv;q=0.5, application/json", "text/csv;q=0"])
def test_who_does_not_prefer_a_sheet_gets_json(world: HttpWorld, accept: str) -> None:
    answer = world.call("GET", "resources?maxPageSize=1", headers={"Accept": accept})

    assert "application/json" == answer.headers["Content-Type"].partition(";")[0]


def test_pages_hold_every_resource_once(world: HttpWorld) -> None:
    mine = {world.adopted() for _ in range(3)}

    listed, path, pages = [], "resources?maxPageSize=2", 0
    while path and pages < 100:
        page = world.call("GET", path).json()
        assert len(page["value"]) <= 2
        listed += [member["id"] for member in page["value"]]
        link = urlsplit(page.get("nextLink", ""))
        path, pages = (f"resources?{link.query}" if link.query else ""), pages + 1

    assert len(listed) == len(set(listed))
    assert mine <= set(listed)


def test_link_to_the_next_page_carries_no_key(world: HttpWorld) -> None:
    world.adopted()
    world.adopted()

    page = world.call("GET", f"resources?maxPageSize=1&code={world.host.function_key}", key=None).json()

    assert page["nextLink"].startswith(f"{world.host.url}/api/resources?")
    assert world.host.function_key not in page["nextLink"]


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("0e0e0e0e-0000-4000-8000-000000000001/live/chat1", id="of the version before"),
        pytest.param("x", id="made up"),
        pytest.param("%C3%A9%00", id="no ASCII"),
        pytest.param(encode(PageStart("marker", "after"))[:-2] + "AA", id="changed"),
        pytest.param(encode(PageStart("marker", "after"))[:20], id="cut"),
    ],
)
def test_token_that_no_page_gave_is_refused(world: HttpWorld, token: str) -> None:
    answer = world.call("GET", f"resources?skipToken={token}")

    assert (400, "InvalidQuery") == (answer.status_code, answer.json()["code"])
    assert "begin with the first page" in answer.json()["detail"]


@pytest.mark.parametrize("most", ["0", "1001", "", "-1", "ten", "1.5", "%2B1", "\u0663"])
def test_page_size_that_makes_no_sense_is_refused(world: HttpWorld, most: str) -> None:
    answer = world.call("GET", f"resources?maxPageSize={most}")

    assert (400, "InvalidQuery") == (answer.status_code, answer.json()["code"])


def between(member: dict[str, str], first: str, then: str) -> timedelta:
    return datetime.fromisoformat(member[then]) - datetime.fromisoformat(member[first])


def fleet(world: HttpWorld) -> dict[str, Any]:
    return {member["id"]: member for member in world.call("GET", "resources?maxPageSize=1000").json()["value"]}
