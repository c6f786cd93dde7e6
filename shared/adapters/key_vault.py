"""Key Vault: read the newest version of a secret, add one (`Get Secret`, `Get Secret Versions`, `Set Secret`).

A version is written in a single `set_secret`: value, tags, content type and expiry. Tags in a second call could be
lost, and the version would then lie about its slot. The tags follow Microsoft's convention for rotated secrets
(Key Vault documentation, "Automate rotation for resources with two sets of credentials").
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
from azure.keyvault.secrets.aio import SecretClient

from shared.adapters.azure_errors import inner_code, translated
from shared.domain.connection_strings import read_secret_value
from shared.domain.errors import SecretSoftDeleted
from shared.domain.keys import AccessKey, Slot, fingerprint
from shared.domain.observation import PublishedSecret, Retirement
from shared.domain.resources import ResourceId
from shared.rotation.ports import NewSecretVersion

# Key Vault raises SecretNearExpiry 30 days before a version expires: exactly when the next rotation is due.
NEAR_EXPIRY = timedelta(days=30)
_TAG_LIMIT = 256
_CONFLICT = 409
_OFFICER = "the role Key Vault Secrets Officer on the vault"


class KeyVaultSecrets:
    """`SecretStore` in the vaults that `client_for` reaches, by URL."""

    def __init__(self, client_for: Callable[[str], SecretClient]) -> None:
        self._client_for = client_for

    async def newest(self, vault_url: str, name: str) -> PublishedSecret | None:
        """See `SecretStore.newest`. An expired version is read like any other."""
        return (await self.newest_with_key(vault_url, name))[0]

    async def newest_with_key(self, vault_url: str, name: str) -> tuple[PublishedSecret | None, AccessKey | None]:
        """See `SecretStore.newest_with_key`."""
        with translated(f"Key Vault (get {name})", needs=_OFFICER, step="observe"):
            client = self._client_for(vault_url)
            try:
                found = await client.get_secret(name)
            except ResourceNotFoundError:
                await self._refuse_soft_deleted(client, name)
                return None, None
            except HttpResponseError as error:
                if inner_code(error) != "SecretDisabled":
                    raise
                # Key Vault does not say which version it is that it won't show.
                disabled = PublishedSecret(
                    version="", secret_id=f"{vault_url}/secrets/{name}", since=datetime.max.replace(tzinfo=UTC)
                )
                return disabled, None
            published, value = _published(found), read_secret_value(found.value or "")
            if not value.reveal():
                return published, None
            return published, AccessKey(published.slot_hint or Slot.PRIMARY, value.endpoint, value.reveal())

    async def made_by(self, vault_url: str, name: str, rotation_id: str) -> PublishedSecret | None:
        """See `SecretStore.made_by`."""
        # A secret that never had a version may be answered 404 here.
        with (
            translated(f"Key Vault (list versions of {name})", needs=_OFFICER, step="publish"),
            suppress(ResourceNotFoundError),
        ):
            client = self._client_for(vault_url)
            async for version in client.list_properties_of_secret_versions(name):
                if (version.tags or {}).get("RotationId") == rotation_id:
                    # A list has no values. One that is disabled is shown to none.
                    return (
                        _published(await client.get_secret(name, version.version))
                        if version.enabled
                        else _described(version)
                    )
        return None

    async def publish(self, version: NewSecretVersion, *, now: datetime, timeout_seconds: float) -> PublishedSecret:
        """See `SecretStore.publish`."""
        policy = version.policy
        with translated(f"Key Vault (set {policy.secret_name})", needs=_OFFICER, step="publish"):
            client = self._client_for(policy.vault_url)
            try:
                async with asyncio.timeout(timeout_seconds):
                    made = await client.set_secret(
                        policy.secret_name,
                        version.secret_value(),
                        tags=_tags(version),
                        content_type=version.secret_format.content_type,
                        expires_on=now + policy.period + NEAR_EXPIRY,
                        retry_total=0,
                    )
            except HttpResponseError as error:
                if error.status_code == _CONFLICT:
                    await self._refuse_soft_deleted(client, policy.secret_name)
                raise
            return _published(made)

    async def _refuse_soft_deleted(self, client: SecretClient, name: str) -> None:
        try:
            await client.get_deleted_secret(name)
        except ResourceNotFoundError:
            return
        raise SecretSoftDeleted(
            f"the secret {name} in {client.vault_url} is deleted but not purged: recover it "
            f"(az keyvault secret recover) or purge it (az keyvault secret purge), then rotate again",
            step="publish",
        )


def _tags(version: NewSecretVersion) -> dict[str, str]:
    """The version's tags. An ARM id can be longer than a tag: the rest stands in a second one."""
    address = str(version.resource)
    tags = {
        "CredentialId": version.key.slot.value,
        "ProviderAddress": address[:_TAG_LIMIT],
        "ValidityPeriodDays": f"{version.policy.period / timedelta(days=1):g}",
        "RotationId": version.rotation_id,
        "RotationKind": version.kind,
    }
    if address[_TAG_LIMIT:]:
        tags["ProviderAddressContinued"] = address[_TAG_LIMIT:]
    if version.retirement:
        tags["RetireFingerprint"] = version.retirement.fingerprint
        tags["RetireAfter"] = version.retirement.after.isoformat()
        if version.retirement.by_policy:
            tags["RetireByPolicy"] = "true"
    return tags


def _published(secret: KeyVaultSecret) -> PublishedSecret:
    text = secret.value or ""
    value = read_secret_value(text)
    return replace(
        _described(secret.properties),
        fingerprint=fingerprint(value.reveal()) if value.reveal() else "",
        endpoint=value.endpoint,
        shape=value.shape,
        fault=value.fault,
        _text=text,
    )


def _described(version: SecretProperties) -> PublishedSecret:
    tags = version.tags or {}
    return PublishedSecret(
        version=version.version or "",
        secret_id=version.id or "",
        since=version.created_on or datetime.now(UTC),
        slot_hint=_slot(tags.get("CredentialId", "")),
        owner=_owner(tags),
        rotation_id=tags.get("RotationId"),
        kind_hint=tags.get("RotationKind"),
        retirement=_retirement(tags),
    )


def _owner(tags: dict[str, str]) -> ResourceId | None:
    try:
        return ResourceId.parse(tags.get("ProviderAddress", "") + tags.get("ProviderAddressContinued", ""))
    except ValueError:  # published by hand, or by something else
        return None


def _slot(text: str) -> Slot | None:
    return next((slot for slot in Slot if slot.value.lower() == text.strip().lower()), None)


def _retirement(tags: dict[str, str]) -> Retirement | None:
    try:
        after = datetime.fromisoformat(tags["RetireAfter"])
        return Retirement(
            fingerprint=tags["RetireFingerprint"],
            after=after if after.tzinfo else after.replace(tzinfo=UTC),
            by_policy=tags.get("RetireByPolicy") == "true",
        )
    except (KeyError, ValueError):  # a tag that was edited by hand is no reason to stop
        return None
