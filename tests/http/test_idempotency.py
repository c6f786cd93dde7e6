"""`Idempotency-Key`: the same request under one key is one request."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.http.conftest import HttpWorld


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_repeated_request_has_one_id_and_changes_one_key(world: HttpWorld) -> None:
    resource, headers = world.adopted(), key()

    answers = [world.rotate({"resource": resource, "force": True}, headers=headers) for _ in range(3)]

    assert 1 == len({world.ended(answer)["name"] for answer in answers})
    assert 1 == world.changes(resource)


def test_request_repeated_after_its_end_is_answered_with_that_end(world: HttpWorld) -> None:
    resource, headers = world.adopted(), key()
    first = world.ended(world.rotate({"resource": resource}, headers=headers))

    again = world.rotate({"resource": resource}, headers=headers | {"Prefer": "wait=5"})

    assert (200, first) == (again.status_code, again.json())
    assert 1 == world.changes(resource)


def test_parallel_repetitions_change_one_key(world: HttpWorld) -> None:
    resource, headers = world.adopted(), key()

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: world.rotate({"resource": resource, "force": True}, headers=headers), range(8))
        )

    assert 1 == len({world.ended(answer)["name"] for answer in answers})
    world.host.idle()
    assert 1 == world.changes(resource)


def test_same_words_in_another_order_are_the_same_request(world: HttpWorld) -> None:
    resource, headers = world.adopted(), key() | {"Content-Type": "application/json"}
    one, same = f'{{"resource":"{resource}","reason":"x"}}', f'{{ "reason": "x", "resource": "{resource.upper()}" }}'

    first, second = (world.call("POST", "rotate", data=body, headers=headers) for body in (one, same))

    assert first.json()["rotations"][0]["id"] == second.json()["rotations"][0]["id"]


def test_another_request_under_the_key_is_unprocessable(world: HttpWorld) -> None:
    resource, headers = world.adopted(), key()
    world.ended(world.rotate({"resource": resource}, headers=headers))
    before = world.submitted()

    answer = world.rotate({"resource": resource, "force": True}, headers=headers)

    assert (422, "IdempotencyKeyReused") == (answer.status_code, answer.json()["code"])
    assert before == world.submitted()


def test_refused_request_does_not_use_up_the_key(world: HttpWorld) -> None:
    resource, headers = world.adopted(), key()
    world.rotate({"resource": resource + "x"}, headers=headers)

    assert 202 == world.rotate({"resource": resource}, headers=headers).status_code


def test_key_is_nowhere_to_be_read(world: HttpWorld) -> None:
    headers = {"Idempotency-Key": "a-customer-chose-this"}

    world.ended(world.rotate({"resource": world.adopted()}, headers=headers))

    assert headers["Idempotency-Key"] not in world.stored_text() + world.host.log_text()


@pytest.mark.parametrize("value", ["", '""', '"', '"half', "x" * 256, "Schlüssel".encode()])
def test_what_cannot_be_a_key_is_refused(world: HttpWorld, value: str | bytes) -> None:
    before = world.submitted()

    answer = world.rotate({}, headers={"Idempotency-Key": value})

    assert (400, "InvalidHeader") == (answer.status_code, answer.json()["code"])
    assert before == world.submitted()
