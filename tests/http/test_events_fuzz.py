"""Deliveries that real payloads were mutated into: none fails in the app, comes again, or rotates.

By default a slice; `FUZZ` set (`make fuzz`): all of it.
"""

import copy
import json
import os
import uuid
from typing import Any

import pytest
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum
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
NOTIFICATION = {"aeg-event-type": "Notification", "Content-Type": "application/json"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
)


@pytest.fixture(scope="module")
def resource(world: HttpWorld) -> str:
    """Due: an event that is believed rotates it."""
    return world.due()


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


def readable(body: bytes) -> bool:
    """Whether the platform's host and its library read every event of the delivery: what they cannot, no app sees."""
    try:
        content = json.loads(body)
        for event in content if isinstance(content, list) else [content]:
            EventGridEventInConverter.decode(Datum(json.dumps(event), "json"), trigger_metadata=None)
    except Exception:  # noqa: BLE001 - whatever the library raises for what is no event
        return False
    return True


@pytest.mark.timeout(900)
def test_mutated_deliveries_never_fail_and_never_rotate(world: HttpWorld, resource: str) -> None:
    real = payloads(world, resource)
    before = sorted(world.azure.valid_keys(resource).values())
    statuses: dict[int, int] = {}

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    @given(body=bodies(real))
    def deliver(body: bytes) -> None:
        status = world.host.request("POST", world.events_path, key=None, data=body, headers=NOTIFICATION).status_code
        statuses[status] = statuses.get(status, 0) + 1
        # 500 has Event Grid deliver it again: never for what a repetition would not change in the app.
        assert (202 if readable(body) else 500) == status

    deliver()

    world.host.idle()
    print(f"\nevents: {sum(statuses.values())} deliveries, answers {statuses}")  # noqa: T201 - the figure of `make fuzz`
    assert statuses[202] > EXAMPLES // 2
    assert (before, 0) == (sorted(world.azure.valid_keys(resource).values()), world.changes(resource))
    failures = ("event left to the next sweep", "event dead-lettered", "message unreadable", "event scheduled again")
    assert [] == [line for event in failures for line in world.logged(event)]
