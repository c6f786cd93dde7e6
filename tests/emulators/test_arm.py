"""SignalR resources in Resource Manager, through azure-mgmt-signalr (aio unless the test says otherwise)."""

import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential, ManagedIdentityCredential
from azure.mgmt.signalr import SignalRManagementClient
from azure.mgmt.signalr.aio import SignalRManagementClient as AioClient
from azure.mgmt.signalr.models import SignalRResource

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat


@pytest.fixture
def operator(azure: AzureEmulator) -> SignalRManagementClient:
    """The synchronous client, signed in with a secret and allowed to do anything."""
    who = azure.operator
    credential = ClientSecretCredential(
        who["AZURE_TENANT_ID"],
        who["AZURE_CLIENT_ID"],
        who["AZURE_CLIENT_SECRET"],
        authority=who["AZURE_AUTHORITY_HOST"],
        disable_instance_discovery=True,
    )
    return SignalRManagementClient(
        credential, who["AZURE_SUBSCRIPTION_ID"], base_url=azure.arm, retry_total=0, polling_interval=0.05
    )


async def test_get_answers_the_resource_with_its_tags_and_state(arm: AioClient, chat: Chat) -> None:
    found = await arm.signal_r.get(chat.group, chat.name)

    assert (chat.id, "chat", "Microsoft.SignalRService/SignalR") == (found.id, found.name, found.type)
    assert ("Succeeded", {"team": "web"}, False) == (found.provisioning_state, found.tags, found.disable_local_auth)


async def test_paths_know_no_case(arm: AioClient, chat: Chat) -> None:
    assert chat.id == (await arm.signal_r.get(chat.group.upper(), chat.name.upper())).id


async def test_list_by_subscription_leaves_out_other_subscriptions(
    arm: AioClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.create_signalr("elsewhere", subscription="0e000000-0000-4000-8000-00000000000e")

    assert [chat.id] == [one.id async for one in arm.signal_r.list_by_subscription()]


async def test_list_by_group_leaves_out_other_groups(arm: AioClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.create_signalr("other", group="other")

    assert [chat.id] == [one.id async for one in arm.signal_r.list_by_resource_group(chat.group)]


async def test_long_lists_come_in_pages_that_miss_and_repeat_nothing(arm: AioClient, azure: AzureEmulator) -> None:
    for number in range(4):
        azure.create_signalr(f"more-{number}")
    azure.page_size(2)

    names = [one.name async for one in arm.signal_r.list_by_subscription()]

    assert ["chat", "more-0", "more-1", "more-2", "more-3"] == names
    assert 3 == sum(request["operation"] == "SignalR.list" for request in azure.requests("arm"))


async def test_list_keys_answers_keys_and_connection_strings(arm: AioClient, azure: AzureEmulator, chat: Chat) -> None:
    keys = await arm.signal_r.list_keys(chat.group, chat.name)

    assert azure.valid_keys(chat.id) == {"Primary": keys.primary_key, "Secondary": keys.secondary_key}
    endpoint = azure.connection_endpoint(chat.id)
    assert f"Endpoint={endpoint};AccessKey={keys.primary_key};Version=1.0;" == keys.primary_connection_string
    assert f"Endpoint={endpoint};AccessKey={keys.secondary_key};Version=1.0;" == keys.secondary_connection_string
    assert (84, 84) == (len(keys.primary_key), len(keys.secondary_key))


def test_create_answers_a_resource_that_can_be_listed(operator: SignalRManagementClient) -> None:
    wanted = SignalRResource(location="West Europe", tags={"a": "b"}, disable_local_auth=True)

    made = operator.signal_r.begin_create_or_update("live", "fresh", wanted).result()

    assert ("fresh", "westeurope", {"a": "b"}, True) == (made.name, made.location, made.tags, made.disable_local_auth)
    assert ["fresh"] == [one.name for one in operator.signal_r.list_by_subscription()]


def test_a_resource_is_creating_until_it_is_there(operator: SignalRManagementClient, azure: AzureEmulator) -> None:
    azure.configure(None, operation_seconds=(1, 1))

    poller = operator.signal_r.begin_create_or_update("live", "fresh", SignalRResource(location="westeurope"))
    meanwhile = operator.signal_r.get("live", "fresh").provisioning_state

    assert ("Creating", "Succeeded") == (meanwhile, poller.result().provisioning_state)


def test_a_name_that_somebody_else_has_is_refused(operator: SignalRManagementClient, azure: AzureEmulator) -> None:
    azure.create_signalr("taken", group="other")

    with pytest.raises(ResourceExistsError, match="NameAlreadyExists"):
        operator.signal_r.begin_create_or_update("live", "taken", SignalRResource(location="westeurope"))


def test_update_replaces_tags(operator: SignalRManagementClient, chat: Chat) -> None:
    operator.signal_r.begin_update(chat.group, chat.name, SignalRResource(location="", tags={"new": "1"})).result()

    assert {"new": "1"} == operator.signal_r.get(chat.group, chat.name).tags


def test_a_deleted_resource_is_gone(operator: SignalRManagementClient, chat: Chat) -> None:
    operator.signal_r.begin_delete(chat.group, chat.name).result()

    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        operator.signal_r.get(chat.group, chat.name)


@pytest.mark.parametrize("version", ["2023-02-01", "2024-03-01", "2023-08-01-preview"])
def test_every_api_version_of_the_provider_is_served(azure: AzureEmulator, chat: Chat, version: str) -> None:
    client = _sync(azure, chat, api_version=version)

    assert chat.id == client.signal_r.get(chat.group, chat.name).id


def test_an_unknown_api_version_is_refused_with_those_there_are(azure: AzureEmulator, chat: Chat) -> None:
    with pytest.raises(HttpResponseError, match=r"NoRegisteredProviderFound.*2023-02-01") as refused:
        _sync(azure, chat, api_version="2001-01-01").signal_r.get(chat.group, chat.name)

    assert 400 == refused.value.status_code


async def test_a_missing_api_version_is_refused(arm: AioClient, azure: AzureEmulator, chat: Chat) -> None:
    assert (400, "MissingApiVersionParameter") == await _send(arm, "GET", azure.arm + chat.id)


async def test_an_unknown_resource_is_not_found(arm: AioClient, chat: Chat) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"ResourceNotFound.*'live' was not found"):
        await arm.signal_r.get(chat.group, "nobody")


async def test_an_unknown_group_is_not_found(arm: AioClient, chat: Chat) -> None:
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        await arm.signal_r.get("nowhere", chat.name)


def test_an_unknown_subscription_is_not_found(azure: AzureEmulator, chat: Chat) -> None:
    stranger = Chat(chat.id.replace(chat.subscription, "0e000000-0000-4000-8000-00000000000f"))

    with pytest.raises(ResourceNotFoundError, match="SubscriptionNotFound"):
        _sync(azure, stranger).signal_r.get(chat.group, chat.name)


async def test_a_bad_key_type_is_refused(arm: AioClient, azure: AzureEmulator, chat: Chat) -> None:
    url = f"{azure.arm}{chat.id}/regenerateKey?api-version=2023-02-01"

    assert (400, "InvalidKeyType") == await _send(arm, "POST", url, json={"keyType": "Tertiary"})
    assert [] == azure.regenerations(chat.id)


async def test_a_body_that_is_not_json_is_refused(arm: AioClient, azure: AzureEmulator, chat: Chat) -> None:
    url = f"{azure.arm}{chat.id}/regenerateKey?api-version=2023-02-01"

    assert (400, "InvalidRequestContent") == await _send(arm, "POST", url, content=b"{keyType")


async def test_a_method_the_path_does_not_have_is_refused(arm: AioClient, azure: AzureEmulator, chat: Chat) -> None:
    url = f"{azure.arm}{chat.id}/listKeys?api-version=2023-02-01"

    assert (405, "HttpMethodNotAllowed") == await _send(arm, "GET", url)


def test_a_token_for_another_audience_is_refused(azure: AzureEmulator, chat: Chat) -> None:
    client = _sync(azure, chat, credential_scopes=["https://vault.azure.net/.default"])

    with pytest.raises(ClientAuthenticationError, match="InvalidAuthenticationTokenAudience"):
        client.signal_r.get(chat.group, chat.name)


def test_an_expired_token_is_refused(azure: AzureEmulator, chat: Chat) -> None:
    client = _sync(azure, chat)
    client.signal_r.get(chat.group, chat.name)
    azure.travel(25 * 3600)

    with pytest.raises(ClientAuthenticationError, match="ExpiredAuthenticationToken"):
        client.signal_r.get(chat.group, chat.name)


def test_a_call_without_a_token_is_challenged(azure: AzureEmulator, chat: Chat) -> None:
    response = requests.get(f"{azure.arm}{chat.id}?api-version=2023-02-01", timeout=5)

    assert (401, "AuthenticationFailed") == (response.status_code, response.json()["error"]["code"])
    assert "authorization_uri=" in response.headers["WWW-Authenticate"]


async def _send(client: AioClient, method: str, url: str, **body: object) -> tuple[int, str]:
    """Through the SDK's own pipeline, for what its methods do not let one say; status and error code."""
    response = await client._client.send_request(HttpRequest(method, url, **body))
    return response.status_code, response.json()["error"]["code"]


def _sync(azure: AzureEmulator, chat: Chat, **options: object) -> SignalRManagementClient:
    credential = ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"])
    return SignalRManagementClient(credential, chat.subscription, base_url=azure.arm, retry_total=0, **options)
