"""Both handshakes of Event Grid's webhook, and the key that it shows."""

import pytest

from tests.http.conftest import HttpWorld

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


def test_event_grid_handshake_is_answered(world: HttpWorld) -> None:
    event = {"id": "1", "eventType": VALIDATION, "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}}

    answer = world.deliver(event, headers={"aeg-event-type": "SubscriptionValidation"})

    assert {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"} == answer.json()
    assert 200 == answer.status_code


def test_cloud_events_handshake_is_answered(world: HttpWorld) -> None:
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}

    answer = world.call("OPTIONS", "events", headers=headers)

    assert (200, "eventgrid.azure.net", "120") == (
        answer.status_code,
        answer.headers["WebHook-Allowed-Origin"],
        answer.headers["WebHook-Allowed-Rate"],
    )


def test_handshake_without_an_origin_is_refused(world: HttpWorld) -> None:
    answer = world.call("OPTIONS", "events")

    assert (400, "HandshakeIncomplete") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_webhook_wants_a_key(world: HttpWorld, method: str) -> None:
    assert 401 == world.call(method, "events", key=None).status_code
