"""The Event Grid topic and its subscriptions, through azure-eventgrid and a webhook that talks plain HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from azure.eventgrid import EventGridPublisherClient as SyncClient
from azure.eventgrid.aio import EventGridPublisherClient
from azure.identity import ManagedIdentityCredential

from local.azure.client import AzureEmulator
from local.azure.control.remote import EmulatorError
from tests.emulators.conftest import Chat
from tests.emulators.webhook import Webhook, webhook

_QUICK = (0.01, 0.01)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as served:
        yield served


def _event(**data: Any) -> CloudEvent:
    return CloudEvent(source="/test", type="Test.Happened", subject="s", data=data)


async def test_a_batch_of_cloud_events_is_kept_in_order(azure: AzureEmulator, topic: EventGridPublisherClient) -> None:
    events = [_event(number=number) for number in range(3)]

    await topic.send(events)

    assert [event.id for event in events] == [event["id"] for event in azure.events()]
    assert {"number": 2} == azure.events()[2]["data"]


def test_the_event_grid_schema_is_taken_too(azure: AzureEmulator) -> None:
    with _sync(azure) as client:
        client.send(EventGridEvent(subject="s", event_type="Test.Happened", data={"a": 1}, data_version="1.0"))

    assert ("Test.Happened", "s", {"a": 1}) == tuple(azure.events()[0][name] for name in ("type", "subject", "data"))


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/cloudevents+json; charset=utf-8", 200),
        ("application/cloudevents-batch+json", 200),
        ("application/json", 400),
    ],
)
def test_cloud_events_are_taken_under_their_own_content_types_alone(
    azure: AzureEmulator, content_type: str, status: int
) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/test", "type": "Test.Happened"}

    answer = _post(azure, content_type, event)

    assert (status, status == 400) == (answer.status_code, "schema" in answer.text)


def test_event_grid_events_are_refused_as_cloud_events(azure: AzureEmulator) -> None:
    event = dict.fromkeys(("id", "subject", "eventType", "eventTime", "data", "dataVersion"), "1")

    answer = _post(azure, "application/cloudevents+json", event)

    assert (400, True) == (answer.status_code, "'CloudEventV10' schema" in answer.text)


async def test_success_is_200_without_a_body(azure: AzureEmulator, topic: EventGridPublisherClient) -> None:
    seen: list[tuple[int, str]] = []

    await topic.send(
        _event(), raw_response_hook=lambda r: seen.append((r.http_response.status_code, r.http_response.text()))
    )

    assert [(200, "")] == seen
    assert 1 == len(azure.events())


async def test_a_token_without_the_role_is_answered_401(azure: AzureEmulator, topic: EventGridPublisherClient) -> None:
    azure.revoke("app", "Microsoft.EventGrid/events/send/action")

    with pytest.raises(ClientAuthenticationError) as refused:
        await topic.send(_event())

    assert (401, []) == (refused.value.status_code, azure.events())


async def test_more_than_a_megabyte_is_refused(azure: AzureEmulator, topic: EventGridPublisherClient) -> None:
    with pytest.raises(HttpResponseError, match="1048576") as refused:
        await topic.send([_event(padding="x" * 600_000), _event(padding="x" * 600_000)])

    assert (413, []) == (refused.value.status_code, azure.events())


async def test_an_event_that_lacks_an_attribute_is_refused(
    azure: AzureEmulator, topic: EventGridPublisherClient
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await topic.send([{"specversion": "1.0", "id": "1", "type": "Test.Happened"}])

    assert (400, []) == (refused.value.status_code, azure.events())


async def test_a_subscriber_to_cloud_events_gets_them(
    azure: AzureEmulator, topic: EventGridPublisherClient, hook: Webhook
) -> None:
    azure.deliver_events_to(hook.url)
    event = _event(a=1)

    await topic.send(event)

    headers, body = hook.next()
    assert (event.id, {"a": 1}, "1.0") == (body["id"], body["data"], body["specversion"])
    assert "application/cloudevents+json; charset=utf-8" == headers["content-type"]
    assert ("Notification", "0") == (headers["aeg-event-type"], headers["aeg-delivery-count"])


async def test_a_subscriber_to_the_event_grid_schema_gets_a_list_of_one(
    azure: AzureEmulator, topic: EventGridPublisherClient, hook: Webhook
) -> None:
    azure.deliver_events_to(hook.url, schema="EventGridSchema")
    event = _event(a=1)

    await topic.send(event)

    _, body = hook.next()
    assert [(event.id, "Test.Happened", "/test", {"a": 1})] == [
        (one["id"], one["eventType"], one["topic"], one["data"]) for one in body
    ]


@pytest.mark.parametrize("schema", ["CloudEventSchemaV1_0", "EventGridSchema"])
def test_a_webhook_that_does_not_shake_hands_is_not_subscribed(
    azure: AzureEmulator, hook: Webhook, schema: Any
) -> None:
    hook.shakes_hands = False

    with pytest.raises(EmulatorError, match="HandshakeError"):
        azure.deliver_events_to(hook.url, schema=schema)


def test_only_loopback_webhooks_are_subscribed(azure: AzureEmulator) -> None:
    with pytest.raises(EmulatorError, match="loopback"):
        azure.deliver_events_to("http://192.0.2.1/events")


async def test_a_failed_delivery_is_repeated_with_the_same_id(
    azure: AzureEmulator, topic: EventGridPublisherClient, hook: Webhook
) -> None:
    hook.statuses = [503, 500]
    azure.deliver_events_to(hook.url, retry_seconds=_QUICK)

    await topic.send(_event())

    tries = [hook.next() for _ in range(3)]
    assert ["0", "1", "2"] == [headers["aeg-delivery-count"] for headers, _ in tries]
    assert 1 == len({body["id"] for _, body in tries})
    assert [] == azure.dead_letters()


async def test_what_is_never_delivered_becomes_a_dead_letter(
    azure: AzureEmulator, topic: EventGridPublisherClient, hook: Webhook
) -> None:
    hook.statuses = [503] * 3
    azure.deliver_events_to(hook.url, retry_seconds=_QUICK)
    event = _event()

    await topic.send(event)

    for _ in range(3):
        hook.next()
    assert [(event.id, "MaxDeliveryAttemptsExceeded", 503)] == _dead(azure)


async def test_a_400_is_not_repeated(azure: AzureEmulator, topic: EventGridPublisherClient, hook: Webhook) -> None:
    hook.statuses = [400]
    azure.deliver_events_to(hook.url, retry_seconds=_QUICK)
    event = _event()

    await topic.send(event)

    hook.next()
    assert [(event.id, "BadRequest", 400)] == _dead(azure)


def test_a_renewal_in_the_portal_is_told_to_subscribers_of_resources(
    azure: AzureEmulator, chat: Chat, hook: Webhook
) -> None:
    azure.deliver_events_to(hook.url, source="resources", schema="EventGridSchema")

    azure.regenerate_in_portal(chat.id, "Primary")

    _, (event,) = hook.next()
    assert ("Microsoft.Resources.ResourceActionSuccess", chat.id) == (event["eventType"], event["subject"])
    assert "microsoft.signalrservice/signalr/regeneratekey/action" == event["data"]["operationName"].lower()


def test_near_expiry_names_the_version_it_is_about(azure: AzureEmulator, hook: Webhook) -> None:
    version = azure.put_secret("chat", "value", expires=datetime(2031, 1, 1, tzinfo=UTC))
    azure.deliver_events_to(hook.url, source="keyvault")

    azure.raise_near_expiry(azure.vaults[0], "chat")

    _, event = hook.next()
    assert ("Microsoft.KeyVault.SecretNearExpiry", "chat") == (event["type"], event["subject"])
    assert (version, f"{azure.vaults[0]}/secrets/chat/{version}") == (event["data"]["Version"], event["data"]["Id"])


def test_a_new_version_is_told_to_subscribers_of_the_vault(azure: AzureEmulator, hook: Webhook) -> None:
    azure.deliver_events_to(hook.url, source="keyvault")

    version = azure.put_secret("chat", "value")

    _, event = hook.next()
    assert ("Microsoft.KeyVault.SecretNewVersionCreated", version) == (event["type"], event["data"]["Version"])


def _post(azure: AzureEmulator, content_type: str, event: dict[str, str]) -> requests.Response:
    """The SDK sends each schema under its own content type, and no other."""
    url = f"{azure.env['EVENT_GRID_TOPIC_ENDPOINT']}?api-version=2018-01-01"
    credential = ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"])
    token = credential.get_token("https://eventgrid.azure.net/.default").token
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {token}"}
    return requests.post(url, json.dumps(event), headers=headers, timeout=5)


def _sync(azure: AzureEmulator) -> SyncClient:
    credential = ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"])
    return SyncClient(azure.env["EVENT_GRID_TOPIC_ENDPOINT"], credential, retry_total=0)


def _dead(azure: AzureEmulator) -> list[tuple[str, str, int]]:
    """The dead letters, once there is one: the webhook answered before the emulator could have put it away."""
    letters = azure.dead_letters()
    for _ in range(500):
        if letters:
            break
        letters = azure.dead_letters()
    return [(one["id"], one["deadletterreason"], one["lasthttpstatuscode"]) for one in letters]
