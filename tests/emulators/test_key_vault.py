"""Key Vault's secrets, through azure-keyvault-secrets (aio unless the test says otherwise)."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AioCredential
from azure.keyvault.secrets import SecretClient as SyncClient
from azure.keyvault.secrets.aio import SecretClient

from local.azure.client import AzureEmulator

NAME = "chat-connection-string"


async def test_one_put_sets_value_tags_content_type_and_expiry(vault: SecretClient) -> None:
    expiry = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)

    made = await vault.set_secret(NAME, "v1", tags={"CredentialId": "Primary"}, content_type="text", expires_on=expiry)

    found = await vault.get_secret(NAME)
    assert ("v1", {"CredentialId": "Primary"}, "text", expiry) == (
        found.value,
        found.properties.tags,
        found.properties.content_type,
        found.properties.expires_on,
    )
    assert (made.id, True) == (found.id, found.properties.enabled)


async def test_without_a_version_the_newest_is_answered_and_older_ones_by_their_ids(vault: SecretClient) -> None:
    first = await vault.set_secret(NAME, "v1")
    await vault.set_secret(NAME, "v2")

    assert "v2" == (await vault.get_secret(NAME)).value
    assert "v1" == (await vault.get_secret(NAME, first.properties.version)).value


async def test_names_know_no_case(vault: SecretClient) -> None:
    await vault.set_secret(NAME, "v1")

    assert "v1" == (await vault.get_secret(NAME.upper())).value


async def test_versions_are_listed_in_pages_without_values_and_each_once(vault: SecretClient) -> None:
    made = {(await vault.set_secret(NAME, str(number))).properties.version for number in range(30)}

    listed = [one.version async for one in vault.list_properties_of_secret_versions(NAME)]

    assert (30, made) == (len(listed), set(listed))


async def test_versions_are_not_listed_by_age(vault: SecretClient) -> None:
    """Key Vault promises no order: whoever takes the last one listed for the newest must fail here."""
    made = [(await vault.set_secret(NAME, str(number))).properties.version for number in range(10)]

    listed = [one.version async for one in vault.list_properties_of_secret_versions(NAME)]

    assert listed not in (made, made[::-1])


async def test_secrets_are_listed_without_those_deleted(vault: SecretClient) -> None:
    for name in ("a", "b", "c"):
        await vault.set_secret(name, "value")
    await vault.delete_secret("b")

    assert ["a", "c"] == [one.name async for one in vault.list_properties_of_secrets()]
    assert ["b"] == [one.name async for one in vault.list_deleted_secrets()]


async def test_an_update_changes_only_what_it_names(vault: SecretClient) -> None:
    made = await vault.set_secret(NAME, "v1", tags={"a": "1"}, content_type="text")

    await vault.update_secret_properties(NAME, made.properties.version, tags={"b": "2"})

    found = await vault.get_secret(NAME)
    assert ("v1", {"b": "2"}, "text") == (found.value, found.properties.tags, found.properties.content_type)


async def test_a_disabled_newest_version_is_refused_and_older_ones_are_not(vault: SecretClient) -> None:
    first = await vault.set_secret(NAME, "v1")
    second = await vault.set_secret(NAME, "v2")
    await vault.update_secret_properties(NAME, second.properties.version, enabled=False)

    with pytest.raises(HttpResponseError) as refused:
        await vault.get_secret(NAME)

    assert (403, "SecretDisabled") == (refused.value.status_code, refused.value.error.innererror["code"])
    assert "v1" == (await vault.get_secret(NAME, first.properties.version)).value


async def test_an_expired_secret_is_still_read(vault: SecretClient) -> None:
    await vault.set_secret(NAME, "v1", expires_on=datetime.now(UTC) - timedelta(days=1))

    assert "v1" == (await vault.get_secret(NAME)).value


async def test_an_unknown_secret_is_not_found(vault: SecretClient) -> None:
    with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
        await vault.get_secret("nobody")


async def test_an_unknown_version_is_not_found(vault: SecretClient) -> None:
    await vault.set_secret(NAME, "v1")

    with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
        await vault.get_secret(NAME, "0" * 32)


async def test_a_deleted_secret_is_not_found_and_its_name_is_taken(vault: SecretClient) -> None:
    await vault.set_secret(NAME, "v1")
    deleted = await vault.delete_secret(NAME)

    with pytest.raises(ResourceNotFoundError):
        await vault.get_secret(NAME)
    with pytest.raises(ResourceExistsError) as refused:
        await vault.set_secret(NAME, "v2")

    assert "ObjectIsDeletedButRecoverable" == refused.value.error.innererror["code"]
    assert timedelta(days=90) == deleted.scheduled_purge_date - deleted.deleted_date


async def test_a_recovered_secret_has_its_versions_again(vault: SecretClient) -> None:
    await vault.set_secret(NAME, "v1")
    await vault.delete_secret(NAME)

    await vault.recover_deleted_secret(NAME)

    assert "v1" == (await vault.get_secret(NAME)).value


async def test_a_purged_name_is_free_again(vault: SecretClient) -> None:
    await vault.set_secret(NAME, "v1")
    await vault.delete_secret(NAME)

    await vault.purge_deleted_secret(NAME)

    assert "v2" == (await vault.set_secret(NAME, "v2")).value
    with pytest.raises(ResourceNotFoundError):
        await vault.get_deleted_secret(NAME)


@pytest.mark.parametrize("name", ["under_score", "dot.ted", "x" * 128])
async def test_a_name_outside_the_alphabet_or_too_long_is_refused(vault: SecretClient, name: str) -> None:
    with pytest.raises(HttpResponseError, match="BadParameter"):
        await vault.set_secret(name, "value")


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ("x" * (25 * 1024 + 1), {}),
        ("x", {str(number): "" for number in range(16)}),
        ("x", {"name": "x" * 257}),
    ],
    ids=["value of more than 25 KB", "more than 15 tags", "tag of more than 256 characters"],
)
async def test_what_exceeds_the_limits_is_refused(vault: SecretClient, value: str, tags: dict[str, str]) -> None:
    with pytest.raises(HttpResponseError, match="BadParameter"):
        await vault.set_secret(NAME, value, tags=tags)


async def test_what_just_keeps_the_limits_is_taken(vault: SecretClient) -> None:
    tags = {str(number): "x" * 256 for number in range(15)}

    await vault.set_secret("x" * 127, "x" * 25 * 1024, tags=tags)

    assert tags == (await vault.get_secret("x" * 127)).properties.tags


def test_the_first_call_is_answered_with_a_challenge_that_names_tenant_and_resource(azure: AzureEmulator) -> None:
    response = requests.get(f"{azure.vaults[0]}/secrets/x/?api-version=7.4", timeout=5)

    authority = f"{azure.login}/{azure.operator['AZURE_TENANT_ID']}"
    challenge = f'Bearer authorization="{authority}", resource="https://vault.azure.net"'
    assert (401, challenge) == (response.status_code, response.headers["WWW-Authenticate"])


async def test_the_sdk_insists_on_azure_s_own_hosts_unless_told_otherwise(
    azure: AzureEmulator, credential: AioCredential
) -> None:
    async with SecretClient(azure.vaults[0], credential) as strict:
        with pytest.raises(ValueError, match="challenge resource"):
            await strict.get_secret(NAME)


@pytest.mark.parametrize("version", ["7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"])
def test_every_api_version_the_sdk_speaks_is_served(azure: AzureEmulator, version: str) -> None:
    client = _sync(azure, version)

    client.set_secret(NAME, version)

    assert version == client.get_secret(NAME).value


def test_an_unknown_api_version_is_refused(azure: AzureEmulator) -> None:
    with pytest.raises(HttpResponseError, match="BadParameter"):
        _sync(azure, "1.0").get_secret(NAME)


async def test_vaults_are_apart(azure: AzureEmulator, vault: SecretClient, credential: AioCredential) -> None:
    await vault.set_secret(NAME, "first")

    async with SecretClient(azure.vaults[1], credential, verify_challenge_resource=False) as second:
        with pytest.raises(ResourceNotFoundError):
            await second.get_secret(NAME)


def test_a_token_for_another_audience_is_refused(azure: AzureEmulator) -> None:
    token = ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"]).get_token(
        "https://management.azure.com/.default"
    )

    response = requests.get(
        f"{azure.vaults[0]}/secrets/x/?api-version=7.4", headers={"Authorization": f"Bearer {token.token}"}, timeout=5
    )

    assert 401 == response.status_code
    assert "AKV10022: Invalid audience" in response.json()["error"]["message"]


async def test_an_expired_token_is_refused(azure: AzureEmulator, vault: SecretClient) -> None:
    await vault.set_secret(NAME, "value")
    azure.travel(25 * 3600)

    with pytest.raises(ClientAuthenticationError, match="Lifetime validation failed"):
        await vault.get_secret(NAME)


def _sync(azure: AzureEmulator, version: str) -> SyncClient:
    credential = ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"])
    return SyncClient(azure.vaults[0], credential, verify_challenge_resource=False, retry_total=0, api_version=version)
