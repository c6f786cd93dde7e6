"""Renewing a key: the long-running operation in all its variants, through azure-mgmt-signalr."""

import asyncio
import json
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.core.polling import AsyncLROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.signalr.aio import SignalRManagementClient
from azure.mgmt.signalr.models import RegenerateKeyParameters, SignalRKeys

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat


async def _begin(arm: SignalRManagementClient, chat: Chat, slot: str, **options: Any) -> AsyncLROPoller[SignalRKeys]:
    return await arm.signal_r.begin_regenerate_key(
        chat.group, chat.name, RegenerateKeyParameters(key_type=slot), **options
    )


async def _accepted(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> tuple[int, bytes, dict[str, str]]:
    url = f"{azure.arm}{chat.id}/regenerateKey?api-version=2023-02-01"
    response = await arm._client.send_request(HttpRequest("POST", url, json={"keyType": "Primary"}))
    return response.status_code, response.content, dict(response.headers)


async def _begin_when_over(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> AsyncLROPoller[SignalRKeys]:
    await _is_over(azure, chat)
    return await _begin(arm, chat, "Secondary")


async def _is_over(azure: AzureEmulator, chat: Chat) -> None:
    async with asyncio.timeout(5):
        while azure.regenerations(chat.id)[-1]["status"] == "Running":  # noqa: ASYNC110  # another process's condition
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("slot", ["Primary", "Secondary"])
async def test_one_key_changes_and_the_other_does_not(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat, slot: str
) -> None:
    before = azure.valid_keys(chat.id)

    await (await _begin(arm, chat, slot)).result()

    after = azure.valid_keys(chat.id)
    assert {slot} == {name for name in before if before[name] != after[name]}


async def test_salt_changes_no_key(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    before = azure.valid_keys(chat.id)

    await (await _begin(arm, chat, "Salt")).result()

    assert before == azure.valid_keys(chat.id)
    assert ["Salt"] == [one["keyType"] for one in azure.regenerations(chat.id)]


async def test_the_key_type_knows_no_case(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    await (await _begin(arm, chat, "sEcOnDaRy")).result()

    assert ["Secondary"] == [one["keyType"] for one in azure.regenerations(chat.id)]


async def test_until_it_takes_effect_the_old_key_is_live_and_the_answered_one_is_not(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, operation_seconds=(30, 30))
    old = azure.valid_keys(chat.id)["Primary"]

    new = json.loads((await _accepted(arm, azure, chat))[1])["primaryKey"]

    shown = await arm.signal_r.list_keys(chat.group, chat.name)
    assert (True, False) == (azure.accepts(chat.id, old), azure.accepts(chat.id, new))
    assert (old, True) == (shown.primary_key, new != old)


async def test_once_it_took_effect_the_answered_key_is_live_and_the_old_one_is_not(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    old = azure.valid_keys(chat.id)["Primary"]

    new = json.loads((await _accepted(arm, azure, chat))[1])["primaryKey"]
    await _is_over(azure, chat)

    assert (False, True) == (azure.accepts(chat.id, old), azure.accepts(chat.id, new))


async def test_the_acceptance_names_both_urls_and_no_time_to_wait(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    status, _, headers = await _accepted(arm, azure, chat)

    assert 202 == status
    assert headers["Azure-AsyncOperation"].startswith(f"{azure.arm}{chat.id}/operationStatuses/")
    assert headers["Location"].startswith(f"{azure.arm}{chat.id}/operationResults/")
    assert "Retry-After" not in headers


async def test_an_operation_can_be_watched_below_its_location(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, operation_urls="location")

    _, _, headers = await _accepted(arm, azure, chat)
    await (await _begin_when_over(arm, azure, chat)).result()

    place = f"{chat.id.partition('/SignalR/')[0]}/locations/westeurope"
    assert headers["Azure-AsyncOperation"].startswith(f"{azure.arm}{place}/operationStatuses/")
    assert headers["Location"].startswith(f"{azure.arm}{place}/operationResults/")


async def test_one_address_under_results_can_answer_the_status(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, operation_urls="results-only")

    _, _, headers = await _accepted(arm, azure, chat)
    poller = await _begin_when_over(arm, azure, chat)
    await poller.result()

    assert headers["Azure-AsyncOperation"] == headers["Location"]
    assert "Succeeded" == poller.status()


async def test_the_status_has_seven_fractional_digits_and_no_keys(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, operation_seconds=(30, 30))
    _, _, headers = await _accepted(arm, azure, chat)

    running = (await arm._client.send_request(HttpRequest("GET", headers["Azure-AsyncOperation"]))).json()
    azure.configure(chat.id, polls="done-at-first")
    ended = (await arm._client.send_request(HttpRequest("GET", headers["Azure-AsyncOperation"]))).json()

    assert ({"id", "name", "status", "startTime"}, "Running") == (set(running), running["status"])
    assert ({"id", "name", "status", "startTime", "endTime"}, "Succeeded") == (set(ended), ended["status"])
    assert 7 == len(ended["endTime"].removesuffix("Z").partition(".")[2])


async def test_the_result_url_is_202_while_it_runs_and_200_without_a_body_after(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, operation_seconds=(30, 30))
    _, _, headers = await _accepted(arm, azure, chat)

    running = await arm._client.send_request(HttpRequest("GET", headers["Location"]))
    azure.configure(chat.id, polls="done-at-first")
    over = await arm._client.send_request(HttpRequest("GET", headers["Location"]))

    assert (202, 200, b"") == (running.status_code, over.status_code, over.content)


async def test_a_poll_url_that_is_not_followed_verbatim_is_refused(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    _, _, headers = await _accepted(arm, azure, chat)

    cut = headers["Azure-AsyncOperation"].partition("&s=")[0]

    assert 403 == (await arm._client.send_request(HttpRequest("GET", cut))).status_code


async def test_a_second_renewal_while_one_runs_is_refused(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, operation_seconds=(30, 30))
    await _begin(arm, chat, "Primary", polling=False)

    with pytest.raises(ResourceExistsError, match="Service must be active state"):
        await _begin(arm, chat, "Secondary", polling=False)

    assert ["Primary"] == [one["keyType"] for one in azure.regenerations(chat.id)]


async def test_a_resource_that_is_not_provisioned_takes_no_renewal(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.update_signalr(chat.id, provisioning_state="Updating")

    with pytest.raises(ResourceExistsError, match="Service must be active state"):
        await _begin(arm, chat, "Primary")


@pytest.mark.parametrize(("variant", "content"), [("empty-object", b"{}"), ("empty", b"")])
async def test_the_acceptance_can_show_no_keys(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat, variant: str, content: bytes
) -> None:
    azure.configure(chat.id, body=variant)

    assert content == (await _accepted(arm, azure, chat))[1]


async def test_older_fronts_answer_201_which_the_sdk_takes_for_a_failure(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, accepted_status=201)
    before = azure.valid_keys(chat.id)

    with pytest.raises(HttpResponseError, match="Created"):
        await _begin(arm, chat, "Primary")

    await _is_over(azure, chat)
    assert before["Primary"] != azure.valid_keys(chat.id)["Primary"]


async def test_poll_urls_can_carry_three_kilobytes_of_signature(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, long_poll_urls=True)

    _, _, headers = await _accepted(arm, azure, chat)

    assert 3_000 < len(headers["Azure-AsyncOperation"])
    await _is_over(azure, chat)
    await (await _begin(arm, chat, "Secondary")).result()


async def test_it_can_be_over_at_the_first_poll(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.configure(chat.id, operation_seconds=(30, 30), polls="done-at-first")

    await (await _begin(arm, chat, "Primary")).result()

    assert 1 == sum(request["operation"] == "SignalR.operationStatus" for request in azure.requests("arm"))


async def test_it_can_succeed_and_leave_the_key_as_it_was(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, outcome="unchanged")
    before = azure.valid_keys(chat.id)

    poller = await _begin(arm, chat, "Primary")
    await poller.result()

    assert ("Succeeded", before) == (poller.status(), azure.valid_keys(chat.id))
    assert None is azure.regenerations(chat.id)[-1]["effectiveAt"]


async def test_it_can_fail(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.configure(chat.id, outcome="Failed")
    before = azure.valid_keys(chat.id)

    with pytest.raises(HttpResponseError, match="InternalServerError") as failed:
        await (await _begin(arm, chat, "Primary")).result()

    assert (200, before) == (failed.value.status_code, azure.valid_keys(chat.id))


async def test_one_poll_can_be_answered_404_which_ends_the_sdk_s_poller(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, polls="one-404")
    before = azure.valid_keys(chat.id)

    with pytest.raises(HttpResponseError, match="OperationNotFound"):
        await (await _begin(arm, chat, "Primary")).result()

    await _is_over(azure, chat)
    assert before["Primary"] != azure.valid_keys(chat.id)["Primary"]


async def test_the_data_plane_can_follow_late(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.configure(chat.id, data_plane_lag=30)
    old = azure.valid_keys(chat.id)["Primary"]

    await (await _begin(arm, chat, "Primary")).result()

    shown = await arm.signal_r.list_keys(chat.group, chat.name)
    assert (True, False) == (azure.accepts(chat.id, old), azure.accepts(chat.id, shown.primary_key))


async def test_a_resource_can_look_busy_while_a_renewal_runs(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(chat.id, busy_state="Updating", operation_seconds=(30, 30), polls="done-at-first")
    _, _, headers = await _accepted(arm, azure, chat)

    meanwhile = await arm.signal_r.get(chat.group, chat.name)
    await arm._client.send_request(HttpRequest("GET", headers["Azure-AsyncOperation"]))
    after = await arm.signal_r.get(chat.group, chat.name)

    assert ("Updating", "Succeeded") == (meanwhile.provisioning_state, after.provisioning_state)
