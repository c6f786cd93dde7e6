"""Signing in: managed identity and client secret, through azure-identity; what every service checks of a token."""

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential, CredentialUnavailableError, ManagedIdentityCredential
from azure.identity.aio import ClientSecretCredential as AioClientSecretCredential
from azure.keyvault.secrets import SecretClient

from local.azure.client import AzureEmulator
from local.azure.cloud import APP
from tests.emulators.conftest import Chat


def test_a_managed_identity_token_is_for_the_resource_asked_and_lives_a_day(azure: AzureEmulator) -> None:
    credential = ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"])

    token = credential.get_token("https://management.azure.com/.default").token

    claims = jwt.decode(token, options={"verify_signature": False})
    assert ("https://management.azure.com", 24 * 3600) == (claims["aud"], claims["exp"] - claims["iat"])
    assert (APP.object_id, APP.client_id) == (claims["oid"], claims["appid"])


@pytest.mark.usefixtures("azure")
def test_an_identity_the_app_does_not_have_gets_no_token() -> None:
    credential = ManagedIdentityCredential(client_id="0e000000-0000-4000-8000-00000000000f")

    with pytest.raises((ClientAuthenticationError, CredentialUnavailableError)):
        credential.get_token("https://management.azure.com/.default")


def test_the_identity_endpoint_wants_its_header(azure: AzureEmulator) -> None:
    query = {"api-version": "2019-08-01", "resource": "https://vault.azure.net", "client_id": APP.client_id}

    response = requests.get(azure.env["IDENTITY_ENDPOINT"], params=query, headers={"X-IDENTITY-HEADER": "x"}, timeout=5)

    assert 401 == response.status_code


def test_the_tenant_s_keys_verify_its_signatures(azure: AzureEmulator) -> None:
    token = _operator(azure).get_token("https://vault.azure.net/.default").token
    key = jwt.PyJWK(
        requests.get(f"{azure.login}/{azure.operator['AZURE_TENANT_ID']}/discovery/v2.0/keys", timeout=5).json()[
            "keys"
        ][0]
    )

    assert "https://vault.azure.net" == jwt.decode(token, key, audience="https://vault.azure.net")["aud"]


async def test_a_client_secret_signs_in_through_msal(azure: AzureEmulator) -> None:
    who = azure.operator
    async with AioClientSecretCredential(
        who["AZURE_TENANT_ID"],
        who["AZURE_CLIENT_ID"],
        who["AZURE_CLIENT_SECRET"],
        authority=who["AZURE_AUTHORITY_HOST"],
        disable_instance_discovery=True,
    ) as credential:
        token = await credential.get_token("https://management.azure.com/.default")

    assert who["AZURE_CLIENT_ID"] == jwt.decode(token.token, options={"verify_signature": False})["appid"]


def test_a_wrong_secret_is_refused(azure: AzureEmulator) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        _operator(azure, secret="wrong").get_token("https://vault.azure.net/.default")  # noqa: S106  # not a secret


def test_an_unknown_tenant_is_refused(azure: AzureEmulator) -> None:
    with pytest.raises((ClientAuthenticationError, ValueError)):
        _operator(azure, tenant="0e000000-0000-4000-8000-00000000000f").get_token("https://vault.azure.net/.default")


def test_a_forged_token_is_refused(azure: AzureEmulator, chat: Chat) -> None:
    """The right claims, signed by somebody else."""
    token = _operator(azure).get_token("https://management.azure.com/.default").token
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, "somebody else's key of thirty-two bytes", algorithm="HS256")

    response = requests.get(
        f"{azure.arm}{chat.id}?api-version=2023-02-01", headers={"Authorization": f"Bearer {forged}"}, timeout=5
    )

    assert (401, "InvalidAuthenticationToken") == (response.status_code, response.json()["error"]["code"])


def test_a_role_is_taken_away_action_by_action(azure: AzureEmulator) -> None:
    client = SecretClient(
        azure.vaults[0],
        ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"]),
        verify_challenge_resource=False,
        retry_total=0,
    )
    client.set_secret("one", "value")

    azure.revoke("app", "Microsoft.KeyVault/vaults/secrets/setSecret/action")

    assert "value" == client.get_secret("one").value
    with pytest.raises(HttpResponseError, match="secrets/setSecret/action") as refused:
        client.set_secret("one", "value")
    assert (403, "ForbiddenByRbac") == (refused.value.status_code, refused.value.error.innererror["code"])


def test_a_role_holds_at_its_scope_and_below_and_nowhere_else(azure: AzureEmulator) -> None:
    chat, other = azure.create_signalr("chat"), azure.create_signalr("other")
    azure.revoke("app")
    azure.assign("app", ["Microsoft.SignalRService/*/read"], chat)
    token = ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"]).get_token(
        "https://management.azure.com/.default"
    )
    headers = {"Authorization": f"Bearer {token.token}"}

    answers = [
        requests.get(f"{azure.arm}{one}?api-version=2023-02-01", headers=headers, timeout=5) for one in (chat, other)
    ]

    assert [200, 403] == [answer.status_code for answer in answers]
    assert f"'Microsoft.SignalRService/SignalR/read' over scope '{other}'" in answers[1].json()["error"]["message"]


def _operator(azure: AzureEmulator, *, secret: str | None = None, tenant: str | None = None) -> ClientSecretCredential:
    who = azure.operator
    return ClientSecretCredential(
        tenant or who["AZURE_TENANT_ID"],
        who["AZURE_CLIENT_ID"],
        secret or who["AZURE_CLIENT_SECRET"],
        authority=who["AZURE_AUTHORITY_HOST"],
        disable_instance_discovery=True,
    )
