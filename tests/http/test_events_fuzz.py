"""Webhook bodies that real payloads were mutated into: never a server error, and never a rotation.

By default a slice; `FUZZ` set (`make fuzz`): all of it.
"""

import copy
import json
import os
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.conftest import HttpWorld

EXAMPLES = 1500 if os.environ.get("FUZZ") else 120
TYPES = [
    "Microsoft.KeyVault.SecretNearExpiry",
    "Microsoft.KeyVault.SecretExpired",
    "Microsoft.Resources.ResourceActionSuccess",
    "Microsoft.EventGrid.SubscriptionValidationEvent",
]
MEDIA_TYPES = ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
)


@pytest.fixture(scope="module")
def resource(world: HttpWorld) -> str:
    return world.adopted()


def payloads(world: HttpWorld, resource: str) -> list[dict[str, Any]]:
    """Real payloads, each made harmless in one way: a version, a vault or a resource there is not."""
    secret = world.secret_event(resource)
    other = world.secret_event(resource)
    other["data"]["Id"] = other["data"]["Id"].replace("127.0.0.1", "127.0.0.2")
    secret["data"]["Id"] = secret["data"]["Id"][:-32] + uuid.uuid4().hex
    renewed = {
        "id": str(uuid.uuid4()),
        "eventType": TYPES[2],
        "subject": resource + "x",
        "data": {
            "resourceUri": resource + "x",
            "operationName": "Microsoft.SignalRService/SignalR/regeneratekey/action",
        },
    }
    validation = {"id": str(uuid.uuid4()), "eventType": TYPES[3], "data": {"validationCode": str(uuid.uuid4())}}
    cloud = {**secret, "specversion": "1.0", "type": secret["eventType"], "source": secret["topic"]}
    return [secret, other, renewed, validation, cloud]


@st.composite
def bodies(draw: st.DrawFn, real: list[dict[str, Any]]) -> bytes:
    """One to three real payloads with members replaced, dropped or added, then perhaps cut or with bytes changed."""
    events = []
    for _ in range(draw(st.integers(1, 3))):
        event = copy.deepcopy(draw(st.sampled_from(real)))
        for _ in range(draw(st.integers(0, 3))):
            place = draw(st.sampled_from([event, event["data"]])) if isinstance(event.get("data"), dict) else event
            name = draw(st.sampled_from([*place, "type", "Id", "id"]) | st.text(max_size=10))
            how = draw(st.integers(0, 4))
            if how == 0:
                place.pop(name, None)
            elif how == 1:
                place[name] = draw(st.sampled_from(TYPES))
            else:
                place[name] = draw(values)
        events.append(event)
    content = json.dumps(events if draw(st.booleans()) else events[0]).encode()
    if draw(st.integers(0, 4)) == 0:
        cut, put = draw(st.integers(0, len(content))), draw(st.binary(max_size=4))
        content = content[:cut] + put + content[cut + draw(st.integers(0, 8)) :]
    return content


@pytest.mark.timeout(900)
def test_mutated_deliveries_never_fail_and_never_rotate(world: HttpWorld, resource: str) -> None:
    real = payloads(world, resource)
    before = sorted(world.azure.live_keys(resource).values())
    statuses: dict[int, int] = {}

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    @given(body=bodies(real), media_type=st.sampled_from(MEDIA_TYPES))
    def deliver(body: bytes, media_type: str) -> None:
        status = world.call("POST", "events", data=body, headers={"Content-Type": media_type}).status_code
        statuses[status] = statuses.get(status, 0) + 1
        assert status < 500

    deliver()

    world.host.idle()
    print(f"\nwebhook: {sum(statuses.values())} deliveries, answers {statuses}")  # noqa: T201 - the figure of `make fuzz`
    assert {200, 400} >= set(statuses)
    assert (before, 0) == (sorted(world.azure.live_keys(resource).values()), world.changes(resource))
    assert [] == [line for line in world.host.logs() if line.get("message") == "event not acted on"]
