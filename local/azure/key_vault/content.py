"""Secrets as they stand in Key Vault's requests and answers: bundles, items, attributes, limits."""

from datetime import UTC, datetime, timedelta
from typing import Any

from local.azure.call import Refused
from local.azure.key_vault import errors
from local.azure.key_vault.vault import RETENTION_DAYS, Secret, Vault, Version

_LARGEST_VALUE = 25 * 1024
_MOST_TAGS = 15
_LONGEST_TAG = 256


def new_version(content: dict[str, Any]) -> dict[str, Any]:
    """What a PUT asks for, as arguments of `Vault.put`. Raises Refused."""
    value = content.get("value")
    if not isinstance(value, str):
        raise Refused(errors.bad_parameter("The parameter 'value' must be a string."))
    if len(value.encode()) > _LARGEST_VALUE:
        raise Refused(errors.bad_parameter("The secret value exceeds the maximum length of 25600 bytes."))
    attributes = content.get("attributes") or {}
    return {
        "value": value,
        "content_type": content.get("contentType"),
        "tags": _tags(content.get("tags")),
        "enabled": attributes.get("enabled") is not False,
        "expires": _moment(attributes.get("exp")),
        "not_before": _moment(attributes.get("nbf")),
    }


def change(version: Version, content: dict[str, Any], now: datetime) -> None:
    """What a PATCH changes: only what it names. Raises Refused."""
    if content.get("tags") is not None:
        version.tags = _tags(content["tags"])
    if content.get("contentType") is not None:
        version.content_type = content["contentType"]
    attributes = content.get("attributes") or {}
    if attributes.get("enabled") is not None:
        version.enabled = attributes["enabled"]
    if "exp" in attributes:
        version.expires = _moment(attributes["exp"])
    if "nbf" in attributes:
        version.not_before = _moment(attributes["nbf"])
    version.updated = now


def item(vault: Vault, secret: Secret, version: Version, *, versioned: bool) -> dict[str, Any]:
    """A version without its value, as lists and updates show it."""
    attributes: dict[str, Any] = {
        "enabled": version.enabled,
        "created": int(version.created.timestamp()),
        "updated": int(version.updated.timestamp()),
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": RETENTION_DAYS,
    }
    if version.expires is not None:
        attributes["exp"] = int(version.expires.timestamp())
    if version.not_before is not None:
        attributes["nbf"] = int(version.not_before.timestamp())
    shown: dict[str, Any] = {"id": f"{vault.url}/secrets/{secret.name}", "attributes": attributes}
    if versioned:
        shown["id"] += f"/{version.id}"
    if version.content_type is not None:
        shown["contentType"] = version.content_type
    if version.tags:
        shown["tags"] = dict(version.tags)
    return shown


def bundle(vault: Vault, secret: Secret, version: Version) -> dict[str, Any]:
    """A version with its value."""
    return {"value": version.value, **item(vault, secret, version, versioned=True)}


def deleted_bundle(vault: Vault, secret: Secret, *, versioned: bool = True) -> dict[str, Any]:
    """A soft-deleted secret, and until when it can be recovered."""
    deleted = secret.deleted or vault.now()
    return {
        "recoveryId": f"{vault.url}/deletedsecrets/{secret.name}",
        "deletedDate": int(deleted.timestamp()),
        "scheduledPurgeDate": int((deleted + timedelta(days=RETENTION_DAYS)).timestamp()),
        **item(vault, secret, secret.newest, versioned=versioned),
    }


def _tags(tags: object) -> dict[str, str]:
    if tags is None:
        return {}
    if not isinstance(tags, dict) or len(tags) > _MOST_TAGS:
        raise Refused(errors.bad_parameter(f"A secret can have at most {_MOST_TAGS} tags."))
    if any(len(str(part)) > _LONGEST_TAG for pair in tags.items() for part in pair):
        raise Refused(errors.bad_parameter(f"A tag's name and value can have at most {_LONGEST_TAG} characters."))
    return {str(name): str(value) for name, value in tags.items()}


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
