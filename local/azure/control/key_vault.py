"""What a test may do to secrets, past all tokens and roles."""

from datetime import UTC, datetime
from typing import Any

from local.azure.clock import timestamp
from local.azure.cloud import Cloud
from local.azure.event_grid.system_events import secret_event
from local.azure.key_vault.vault import Vault


class KeyVaultControl:
    """One method a verb. Arguments and results are JSON values."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def secrets(self, vault_url: str | None = None) -> dict[str, Any]:
        """All secrets that are not deleted, with their values, versions oldest first."""
        return {
            secret.name: [
                {
                    "version": version.id,
                    "value": version.value,
                    "tags": version.tags,
                    "contentType": version.content_type,
                    "enabled": version.enabled,
                    "created": timestamp(version.created),
                    "expires": timestamp(version.expires) if version.expires else None,
                }
                for version in secret.versions
            ]
            for secret in self._vault(vault_url).secrets.values()
        }

    def put_secret(
        self,
        name: str,
        value: str,
        vault_url: str | None,
        created: float | None,
        expires: float | None,
        **attributes: Any,  # noqa: ANN401  # tags, content_type, enabled: as they come
    ) -> str:
        """A new version, made at any time one likes (seconds since 1970); its id."""
        vault, at = self._vault(vault_url), _moment(created)
        return vault.put(name, value, created=at, expires=_moment(expires), **attributes)[1].id

    def set_secret_version_enabled(self, name: str, version: str, vault_url: str | None, *, enabled: bool) -> None:
        """Switch one version (the newest for an empty string) on or off."""
        secret = self._vault(vault_url).find(name)
        found = secret.version(version) if secret else None
        if found is None:
            raise LookupError(f"No version {version or '(newest)'} of {name}")
        found.enabled = enabled

    def delete_secret(self, name: str, vault_url: str | None, *, purge: bool) -> None:
        """Soft-delete, and purge if asked to."""
        vault = self._vault(vault_url)
        if vault.delete(name) is None:
            raise LookupError(f"No secret {name}")
        if purge:
            vault.purge(name)

    def raise_near_expiry(self, vault_url: str | None, name: str, version: str) -> str:
        """Have Key Vault announce NearExpiry of a version (empty: the newest); the event's id."""
        vault = self._vault(vault_url)
        secret = vault.find(name)
        found = secret.version(version) if secret else None
        if secret is None or found is None:
            raise LookupError(f"No such version of {name}")
        event = secret_event(self._cloud.random, "NearExpiry", vault, secret, found)
        self._cloud.deliveries.deliver("keyvault", event)
        return str(event["id"])

    def _vault(self, url: str | None) -> Vault:
        return self._cloud.vaults[url.rstrip("/")] if url else next(iter(self._cloud.vaults.values()))


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
