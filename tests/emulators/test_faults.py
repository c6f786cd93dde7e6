"""Named faults, the clock, limits and the request log: what tests may do to the emulators, seen by real clients."""

import time

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.eventgrid.aio import EventGridPublisherClient
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.signalr.aio import SignalRManagementClient
from azure.mgmt.signalr.models import RegenerateKeyParameters

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat

_PRIMARY = RegenerateKeyParameters(key_type="Primary")
_EVENT = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": None}
_CUT = (ServiceRequestError, ServiceResponseError)


async def test_cut_before_effect_does_nothing(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.fault("SignalR.regenerateKey", cut="before-effect")

    with pytest.raises(_CUT):
        await arm.signal_r.begin_regenerate_key(chat.group, chat.name, _PRIMARY)

    assert [] == azure.regenerations(chat.id)


async def test_cut_after_effect_acts_and_does_not_answer(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.fault("SignalR.regenerateKey", cut="after-effect")

    with pytest.raises(_CUT):
        await arm.signal_r.begin_regenerate_key(chat.group, chat.name, _PRIMARY)

    assert ["Primary"] == [one["keyType"] for one in azure.regenerations(chat.id)]


@pytest.mark.parametrize(("effect", "made"), [(False, []), (True, ["Primary"])])
async def test_a_status_answers_with_or_without_having_acted(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat, *, effect: bool, made: list[str]
) -> None:
    azure.fault("SignalR.regenerateKey", status=503, effect=effect)

    with pytest.raises(HttpResponseError) as failed:
        await arm.signal_r.begin_regenerate_key(chat.group, chat.name, _PRIMARY)

    assert (503, made) == (failed.value.status_code, [one["keyType"] for one in azure.regenerations(chat.id)])


async def test_a_fault_strikes_as_often_as_told_after_as_many_as_told(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.fault("SignalR.get", status=500, times=2, skip=1)

    assert [200, 500, 500, 200] == [await _get_status(arm, chat) for _ in range(4)]


async def test_a_fault_can_be_for_one_resource(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    other = Chat(azure.create_signalr("other"), name="other")
    azure.fault("SignalR.get", status=500, resource=other.id)

    assert [200, 500, 200] == [await _get_status(arm, one) for one in (chat, other, other)]


async def test_the_nth_request_counts_over_all_services_but_sign_in(
    arm: SignalRManagementClient, topic: EventGridPublisherClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.fault_nth(2, cut="after-effect")

    await arm.signal_r.get(chat.group, chat.name)
    with pytest.raises(_CUT):
        await topic.send(_EVENT)

    assert ["1"] == [event["id"] for event in azure.events()]


async def test_cleared_faults_do_not_strike(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.fault("*", status=500)
    azure.clear_faults()

    assert 200 == await _get_status(arm, chat)


async def test_a_delayed_answer_comes_late(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.fault("SignalR.get", delay=0.3)
    started = time.monotonic()

    await arm.signal_r.get(chat.group, chat.name)

    assert time.monotonic() - started >= 0.3


async def test_a_slow_body_runs_into_the_client_s_read_timeout(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.fault("SignalR.get", slow_body=2)

    with pytest.raises((HttpResponseError, *_CUT)):
        await arm.signal_r.get(chat.group, chat.name, read_timeout=0.2)


@pytest.mark.parametrize("operation", ["KeyVault.setSecret", "EventGrid.publish"])
async def test_vault_and_topic_have_their_faults(
    azure: AzureEmulator, vault: SecretClient, topic: EventGridPublisherClient, operation: str
) -> None:
    azure.fault(operation, cut="before-effect", times=3)
    call = vault.set_secret("x", "value") if operation == "KeyVault.setSecret" else topic.send(_EVENT)
    other = topic.send(_EVENT) if operation == "KeyVault.setSecret" else vault.set_secret("x", "value")

    with pytest.raises(_CUT):
        await call
    await other


def test_sign_in_has_its_faults(azure: AzureEmulator) -> None:
    azure.fault("Identity.token", status=503)

    assert 503 == requests.get(azure.env["IDENTITY_ENDPOINT"], timeout=5).status_code


def test_the_data_plane_has_its_faults(azure: AzureEmulator, chat: Chat) -> None:
    azure.fault("DataPlane.probe", status=403)
    url = f"{azure.connection_endpoint(chat.id)}/api/hubs/news/users/ann"

    assert 403 == requests.head(url, timeout=5).status_code


async def _get_status(arm: SignalRManagementClient, chat: Chat) -> int:
    try:
        await arm.signal_r.get(chat.group, chat.name)
    except HttpResponseError as failed:
        return failed.status_code or 0
    return 200
