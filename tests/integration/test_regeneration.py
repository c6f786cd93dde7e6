"""Getting a new key, in every way that ARM has been seen to give one, or not."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.domain.errors import RotationError
from shared.domain.keys import KeyType
from tests.integration.engine import Ears, Engine


@contextmanager
def listening() -> Iterator[Ears]:
    """Everything that is logged meanwhile."""
    ears = Ears()
    root, own = logging.getLogger(), logging.getLogger("rotation")
    before = own.level
    root.addHandler(ears)
    own.setLevel(logging.DEBUG)
    try:
        yield ears
    finally:
        own.setLevel(before)
        root.removeHandler(ears)


@pytest.mark.parametrize(
    "variant",
    [
        {"body": "empty-object"},
        {"body": "empty"},
        {"accepted_status": 201},
        {"polls": "done-at-first"},
        {"polls": "one-404"},
        {"long_poll_urls": True},
        {"data_plane_lag": 0.5},
        {"busy_state": "Updating"},
    ],
    ids=str,
)
async def test_a_rotation_is_one_change_whatever_the_answer_looks_like(
    engine: Engine, variant: dict[str, object]
) -> None:
    engine.azure.configure(engine.resource, **variant)

    outcome = await engine.rotate()

    assert ("Succeeded", "dataplane") == (outcome.result, outcome.verified)
    assert ["Secondary"] == engine.changes
    assert "Secondary" == engine.live_slot


@pytest.mark.parametrize("status", [200, 201])
async def test_a_front_that_answers_another_success_is_followed_to_its_end(engine: Engine, status: int) -> None:
    """The SDK counts 202 alone, and a salt has no key to tell what happened. The answer has no link to follow here."""
    engine.azure.configure(engine.resource, accepted_status=201)
    engine.azure.fault("SignalR.regenerateKey", status=status, effect=True, body={}, resource=engine.resource)

    outcome = await engine.rotate()

    assert "Succeeded" == outcome.result
    assert ["Secondary"] == engine.changes


async def test_a_salt_that_an_older_front_took_is_no_unknown_outcome(engine: Engine) -> None:
    engine.azure.configure(engine.resource, accepted_status=201)

    outcome = await engine.rotate(key_type=KeyType.SALT)

    assert "Succeeded" == outcome.result
    assert ["SaltRegenerated"] == engine.told


async def test_a_salt_whose_answer_was_lost_is_unknown_and_not_repeated(engine: Engine) -> None:
    engine.azure.fault("SignalR.regenerateKey", cut="after-effect", resource=engine.resource)
    request = engine.asks(key_type=KeyType.SALT)

    first, again = await engine.works(request), await engine.works(request)

    assert ("Unknown", "SaltOutcomeUnknown") == (first.result, first.code)
    assert first == again
    assert ["Salt"] == [each["keyType"] for each in engine.azure.regenerations(engine.resource)]


async def test_an_operation_that_succeeds_without_a_change_is_repeated_once_then_told(engine: Engine) -> None:
    engine.azure.configure(engine.resource, outcome="unchanged")

    outcome = await engine.rotate()

    assert ("Failed", "KeyUnchanged") == (outcome.result, outcome.code)
    assert 2 == len(engine.azure.regenerations(engine.resource))
    assert 1 == len(engine.versions)
    assert ["RotationFailed"] == engine.told


async def test_what_failed_for_good_is_not_begun_again_by_a_second_delivery(engine: Engine) -> None:
    engine.azure.configure(engine.resource, outcome="Failed")
    request = engine.asks()
    first = await engine.works(request)
    engine.azure.configure(engine.resource, outcome="Succeeded")

    again = await engine.works(request)

    assert ("Failed", "OperationFailed") == (first.result, first.code)
    assert first == again
    assert [] == engine.changes


async def test_a_408_is_no_refusal(engine: Engine) -> None:
    """A front gave up waiting while ARM acted: that must not be read as "not done"."""
    engine.azure.fault("SignalR.regenerateKey", status=408, effect=True, resource=engine.resource)

    outcome = await engine.rotate()

    assert "Succeeded" == outcome.result
    assert ["Secondary"] == engine.changes


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_a_server_error_after_arm_acted_is_no_second_regeneration(engine: Engine, status: int) -> None:
    """azure-core would send the POST again."""
    retry = {"Retry-After": "0"}
    engine.azure.fault("SignalR.regenerateKey", status=status, effect=True, headers=retry, resource=engine.resource)

    outcome = await engine.rotate()

    assert "Succeeded" == outcome.result
    assert 1 == len(engine.azure.regenerations(engine.resource))


async def test_arm_acting_after_the_worker_gave_up_waiting_is_still_one_change(engine: Engine) -> None:
    """The POST is held up for longer than its answer is waited for, and then carried out."""
    engine.azure.fault("SignalR.regenerateKey", delay=1.0, cut="after-effect", resource=engine.resource)

    outcome = await engine.rotate()

    assert "Succeeded" == outcome.result
    assert ["Secondary"] == engine.changes


async def test_another_operation_in_the_way_puts_the_request_off(engine: Engine) -> None:
    engine.azure.fault(
        "SignalR.regenerateKey",
        status=400,
        resource=engine.resource,
        body={"error": {"code": "BadRequest", "message": "Service must be active state"}},
    )
    request = engine.asks()

    put_off = await engine.app.worker.work(request)
    outcome = await engine.works(request)

    assert put_off is None
    assert "Succeeded" == outcome.result
    assert ["Secondary"] == engine.changes


async def test_a_poll_url_at_another_host_gets_no_token(engine: Engine) -> None:
    """The SDK would follow it, and bring ARM's bearer token along."""
    visits = 0

    async def visited(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        writer.close()

    async with await asyncio.start_server(visited, "127.0.0.1", 0) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}/status"
        links = {"Azure-AsyncOperation": url, "Location": url}
        engine.azure.fault(
            "SignalR.regenerateKey", status=202, effect=True, body={}, headers=links, resource=engine.resource
        )

        outcome = await engine.rotate()

    assert 0 == visits
    assert "Succeeded" == outcome.result, "the keys tell what ARM's answer could not"
    assert ["Secondary"] == engine.changes


@pytest.mark.parametrize(
    ("status", "operations"),
    [(status, ("SignalR.regenerateKey", "SignalR.listKeys", "KeyVault.setSecret")) for status in (200, 400, 403, 409)]
    + [(500, ("SignalR.regenerateKey", "KeyVault.setSecret"))],  # the others are repeated for seconds
)
async def test_no_answer_that_holds_keys_gets_into_a_log_or_an_exception(
    engine: Engine, status: int, operations: tuple[str, ...]
) -> None:
    """azure-core puts the answers' bodies into the text of its exceptions."""
    watch = engine.watch()
    keys = engine.azure.valid_keys(engine.resource)
    body = {"primaryKey": keys["Primary"], "error": {"code": "Odd", "message": keys["Secondary"]}}
    with listening() as ears:
        for operation in operations:
            engine.azure.fault(operation, status=status, body=body, times=6)
            try:
                await engine.works(engine.asks(force=True))
            except RotationError:
                logging.getLogger("rotation.test").exception("failed")
            engine.azure.clear_faults()

    assert len(ears.heard) > 1, "nothing was heard: nothing could have leaked"
    watch.assert_absent_from([*ears.heard, *engine.heard, ("record", str(await engine.record()))])


async def test_keys_renewed_elsewhere_between_plan_and_post_are_decided_anew(engine: Engine) -> None:
    """The plan stands in the journal, the worker died, and the portal was faster."""
    engine.azure.fault("SignalR.regenerateKey", status=429, headers={"Retry-After": "1"}, resource=engine.resource)
    request = engine.asks()
    assert await engine.app.worker.work(request) is None
    engine.azure.regenerate_in_portal(engine.resource, "Primary")

    outcome = await engine.works(request)

    assert ("publish", "repair") == (outcome.kind, outcome.cause), "the published key is dead: that comes first"
    assert "Primary" == engine.live_slot


async def test_key_published_elsewhere_between_plan_and_post_is_left_alone(engine: Engine) -> None:
    """The plan stands in the journal; meanwhile somebody put the very key on clients that it is to renew."""
    engine.azure.fault("SignalR.regenerateKey", status=429, headers={"Retry-After": "1"}, resource=engine.resource)
    request = engine.asks()
    assert await engine.app.worker.work(request) is None
    engine.publish("Secondary")

    await engine.works(request)

    assert "Secondary" not in engine.changes
    assert "Secondary" == engine.live_slot
