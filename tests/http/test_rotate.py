"""What `POST /api/rotate` takes and what it refuses. A refused request leaves nothing on the queue."""

import json

import pytest

from tests.http.conftest import HttpWorld

ELSEWHERE = (
    "/subscriptions/0e0e0e0e-0000-4000-8000-0000000000ff/resourceGroups/live"
    "/providers/Microsoft.SignalRService/SignalR/nobodys"
)
JSON_TYPE = {"Content-Type": "application/json"}


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        pytest.param(body(resource="chat"), 400, "InvalidRequest", id="resource that is no ARM id"),
        pytest.param(body(resource=ELSEWHERE), 404, "NotManaged", id="resource of somebody else"),
        pytest.param(body(colour="red"), 400, "InvalidRequest", id="unknown field"),
        pytest.param(body(resource=ELSEWHERE, force="yes"), 400, "InvalidRequest", id="text for a boolean"),
        pytest.param(body(resource=ELSEWHERE, keyType="Tertiary"), 400, "InvalidRequest", id="third key"),
        pytest.param(body(keyType="Primary"), 400, "InvalidRequest", id="key type without a resource"),
        pytest.param(
            body(resource=ELSEWHERE, keyType="Salt", mode="revoke"), 400, "InvalidRequest", id="salt to be revoked"
        ),
        pytest.param(body(resource=ELSEWHERE, overlapHours=1), 400, "InvalidRequest", id="overlap without a use"),
        pytest.param(
            body(resource=ELSEWHERE, mode="revoke", overlapHours=-1), 400, "InvalidRequest", id="negative overlap"
        ),
        pytest.param(
            body(resource=ELSEWHERE, closeConnections=["chat"]), 400, "InvalidRequest", id="hubs without revoke"
        ),
        pytest.param(
            body(resource=ELSEWHERE, mode="revoke", closeConnections=["a/../b"]), 400, "InvalidRequest", id="no hub"
        ),
        pytest.param(
            body(resource=ELSEWHERE, mode="revoke", closeConnections=[f"h{n}" for n in range(21)]),
            400,
            "InvalidRequest",
            id="too many hubs",
        ),
        pytest.param(b'{"resource": null, "overlapHours": NaN}', 400, "InvalidRequest", id="not a number"),
        pytest.param(body(reason="two\nlines"), 400, "InvalidRequest", id="control character"),
        pytest.param(b"[]", 400, "InvalidRequest", id="list"),
        pytest.param(b"null", 400, "InvalidRequest", id="null"),
        pytest.param(b"{", 400, "InvalidRequest", id="half a document"),
        pytest.param(b" \n", 400, "InvalidRequest", id="white space"),
        pytest.param(b'{"reason": "\xff"}', 400, "InvalidRequest", id="invalid UTF-8"),
        pytest.param(b'{"reason": "\\ud800"}', 400, "InvalidRequest", id="half a character"),
        pytest.param(b"[" * 16_000, 400, "InvalidRequest", id="deeply nested"),
        pytest.param(b'{"reason": "' + b"x" * 16_384 + b'"}', 413, "BodyTooLarge", id="too large"),
    ],
)
def test_wrong_body_is_a_problem_and_nothing_is_queued(
    world: HttpWorld, content: bytes, status: int, code: str
) -> None:
    before = world.submitted()

    answer = world.call("POST", "rotate", data=content, headers=JSON_TYPE)

    assert (status, code) == (answer.status_code, answer.json()["code"])
    assert f"urn:signalr-key-rotation:problem:{code}" == answer.json()["type"]
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert before == world.submitted()


@pytest.mark.parametrize("path", ["rotate", "resume"])
def test_a_body_in_chunks_is_not_taken_for_none(world: HttpWorld, path: str) -> None:
    """The platform drops it: a revocation would be a sweep, and a dry run a real one."""
    before = world.submitted()

    answer = world.call("POST", path, data=iter([b'{"dryRun": ', b"true}"]), headers=JSON_TYPE)

    assert (411, "LengthRequired") == (answer.status_code, answer.json()["code"])
    assert "Content-Length" in answer.json()["detail"]
    assert before == world.submitted()


@pytest.mark.parametrize("content", [b" \n", b"\x0b", b'{"reason": 7}', b"[]"])
def test_wrong_body_resumes_nothing(world: HttpWorld, content: bytes) -> None:
    answer = world.call("POST", "resume", data=content, headers=JSON_TYPE)

    assert (400, "InvalidRequest") == (answer.status_code, answer.json()["code"])


def test_an_accepted_request_is_logged_once(world: HttpWorld) -> None:
    """What the tests around this one compare before and after does count."""
    before = world.submitted()

    world.ended(world.rotate({"resource": world.adopted(), "mode": "resync"}))

    assert 2 == world.submitted() - before  # the adoption and the resync


def test_unknown_field_is_told_what_is_allowed(world: HttpWorld) -> None:
    answer = world.rotate({"keytype": "Primary"})

    [fault] = answer.json()["errors"]
    assert "keytype" == fault["field"]
    assert "resource, keyType, mode, force, dryRun, overlapHours, closeConnections, reason" in fault["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json", "Content-Encoding": "compress"},
    ],
)
def test_other_content_is_refused_with_what_is_taken(world: HttpWorld, headers: dict[str, str]) -> None:
    before = world.submitted()

    answer = world.call("POST", "rotate", data=b"{}", headers=headers)

    assert (415, "application/json") == (answer.status_code, answer.headers["Accept"])
    assert before == world.submitted()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_told_the_right_one(world: HttpWorld, method: str) -> None:
    """The portal's Test/Run offers GET: it must not start anything, and must say what to do."""
    before = world.submitted()

    answer = world.call(method, "rotate")

    assert (405, "POST") == (answer.status_code, answer.headers["Allow"])
    assert before == world.submitted()


def test_get_is_told_in_words(world: HttpWorld) -> None:
    assert "use POST" == world.call("GET", "rotate").json()["detail"]


def test_accepted_names_where_to_follow(world: HttpWorld) -> None:
    resource = world.adopted()

    answer = world.rotate({"resource": resource})

    [asked] = answer.json()["rotations"]
    assert (202, "15") == (answer.status_code, answer.headers["Retry-After"])
    assert f"{world.host.url}/api/rotations/{asked['id']}" == answer.headers["Location"] == asked["href"]


def test_key_in_the_address_is_not_repeated(world: HttpWorld) -> None:
    answer = world.call("POST", f"rotate?code={world.host.function_key}", key=None)

    assert 202 == answer.status_code
    assert world.host.function_key not in answer.text + str(answer.headers)


def test_reason_in_any_language_reaches_the_event(world: HttpWorld) -> None:
    """Queue messages travel in XML, blob metadata in headers: neither takes every character."""
    resource, reason = world.adopted(), "Schlüssel 鍵 🔑 \ufffe"

    world.rotated(resource, reason=reason)

    assert reason == world.events(resource)[-1]["data"]["reason"]


def test_dry_run_of_everything_previews_each_resource(world: HttpWorld) -> None:
    resource = world.resource()

    answer = world.rotate({"dryRun": True})

    previews = {each["resource"]: each for each in answer.json()["previews"]}
    assert {"action": "Publish", "keyType": "Primary", "cause": "adopt"} == previews[resource]["decision"]


def test_dry_run_tells_what_stands_in_the_way(world: HttpWorld) -> None:
    resource = world.resource(**{"key-rotation-vault": "https://elsewhere.vault.azure.net"})

    [preview] = world.rotate({"resource": resource, "dryRun": True}).json()["previews"]

    world.azure.delete_signalr(resource)
    assert ["Misconfigured"] == [finding["code"] for finding in preview["findings"]]
    assert "decision" not in preview
