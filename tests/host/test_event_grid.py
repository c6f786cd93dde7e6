"""The Event Grid trigger's webhook: keys, handshake, deliveries."""

from typing import Any

import pytest
import requests

from tests.host.sample import Sample, eventually

PATH = "/runtime/webhooks/EventGrid?functionName=heard"


def event(number: str, subject: str = "fine") -> dict[str, Any]:
    return {
        "id": number,
        "subject": subject,
        "eventType": "Sample.Happened",
        "eventTime": "2026-11-25T12:00:00Z",
        "data": {},
        "dataVersion": "1",
        "topic": "/subscriptions/sample",
    }


def ask(
    sample: Sample, kind: str | None = "Notification", body: Any = None, *, path: str = PATH, method: str = "POST"
) -> requests.Response:
    """A call with the extension's key."""
    headers = {"aeg-event-type": kind} if kind else {}
    key = sample.host.system_keys["eventgrid_extension"]
    return sample.host.request(method, path, key=key, json=body, headers=headers)


@pytest.mark.parametrize(
    ("key", "status"), [(None, 401), ("wrong", 401), ("own", 401), ("function", 403), ("system", 202), ("master", 202)]
)
def test_webhook_takes_the_extensions_key_or_the_master_key(sample: Sample, key: str | None, status: int) -> None:
    known = {"system": sample.host.system_keys["eventgrid_extension"], "own": sample.host.function_keys["echo"]}
    headers = {"aeg-event-type": "Notification"}

    answer = sample.host.request("POST", PATH, key=known.get(key or "", key), json=[], headers=headers)

    assert status == answer.status_code


def test_key_in_the_query_opens_it_as_event_grid_sends_it(sample: Sample) -> None:
    url = f"{PATH}&code={sample.host.system_keys['eventgrid_extension']}"

    assert (
        202
        == sample.host.request("POST", url, key=None, json=[], headers={"aeg-event-type": "Notification"}).status_code
    )


@pytest.mark.parametrize("query", ["", "?functionName=none", "?functionName=Heard", "?functionName=echo"])
def test_name_of_no_event_grid_function_is_not_found(sample: Sample, query: str) -> None:
    """Exactly as it is written in the app."""
    answer = ask(sample, path=f"/runtime/webhooks/EventGrid{query}")

    assert (404, f"cannot find function: '{query.partition('=')[2]}'") == (answer.status_code, answer.text)


def test_handshake_answers_the_code(sample: Sample) -> None:
    answer = ask(sample, "SubscriptionValidation", [{"data": {"validationCode": "512d38b6"}}])

    assert (200, {"validationResponse": "512d38b6"}) == (answer.status_code, answer.json())
    assert "text/plain" == answer.headers["Content-Type"].partition(";")[0]


@pytest.mark.parametrize(("kind", "status"), [("Unsubscribe", 202), ("SubscriptionDeletion", 400), (None, 400)])
def test_other_calls_are_answered_by_their_type(sample: Sample, kind: str | None, status: int) -> None:
    assert status == ask(sample, kind, []).status_code


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("GET", 400), ("PUT", 400), ("HEAD", 404)])
def test_other_methods(sample: Sample, method: str, status: int) -> None:
    assert status == ask(sample, method=method).status_code


def test_options_allow_event_grids_origin_whoever_asks(sample: Sample) -> None:
    assert "eventgrid.azure.net" == ask(sample, method="OPTIONS").headers["Webhook-Allowed-Origin"]


@pytest.mark.parametrize("path", ["/Runtime/WebHooks/eventgrid", "/runtime/webhooks/EventGrid/extensions"])
def test_path_is_taken_in_any_case_and_may_go_on(sample: Sample, path: str) -> None:
    assert 202 == ask(sample, body=[], path=f"{path}?functionName=heard").status_code


@pytest.mark.parametrize("whole", ["array", "object"])
def test_each_event_is_a_run(sample: Sample, whole: str) -> None:
    events = [event(f"{whole}-{number}") for number in range(3 if whole == "array" else 1)]

    answer = ask(sample, body=events if whole == "array" else events[0])

    assert 202 == answer.status_code
    for one in events:
        assert eventually(lambda one=one: sample.logged("heard", event=one["id"]))


def test_one_failing_run_fails_the_delivery_and_the_others_end(sample: Sample) -> None:
    answer = ask(sample, body=[event("d1"), event("d2", "fail"), event("d3")])

    assert (500, "Exception while executing function: Functions.heard") == (answer.status_code, answer.text)
    assert [1, 1, 1] == [len(sample.logged("heard", event=number)) for number in ("d1", "d2", "d3")]


def test_body_that_is_no_json_is_500(sample: Sample) -> None:
    key = sample.host.system_keys["eventgrid_extension"]
    answer = sample.host.request("POST", PATH, key=key, data="{", headers={"aeg-event-type": "Notification"})

    assert 500 == answer.status_code
