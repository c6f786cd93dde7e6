"""Keys: slots, formats, fingerprints, and the values that hold a key and cannot show it.

Frozen, and without a service's SDK. `repr` is masked, and a value leaves its object only through `reveal()`.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum


class Slot(StrEnum):
    """Which of the two access keys of a SignalR resource is meant."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"

    @property
    def other(self) -> "Slot":
        """The slot that this one is not."""
        return Slot.SECONDARY if self is Slot.PRIMARY else Slot.PRIMARY


class KeyType(StrEnum):
    """What `regenerateKey` can regenerate (ARM's `KeyType`, Microsoft.SignalRService 2023-02-01)."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"
    SALT = "Salt"


class SecretFormat(StrEnum):
    """What the published secret holds."""

    CONNECTION_STRING = "connection-string"
    ACCESS_KEY = "access-key"

    @property
    def content_type(self) -> str:
        """The content type of a secret version in this format."""
        return f"application/vnd.signalr.{self}"


def fingerprint(key: str) -> str:
    """Name a key without giving it away: the first 12 hex digits of SHA-256 of its UTF-8 text."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One live access key and the endpoint it opens. Its value leaves this object only through `reveal()`."""

    slot: Slot
    endpoint: str
    _value: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """How logs, events and the journal name this key."""
        return fingerprint(self._value)

    def reveal(self) -> str:
        """The access key itself: for signing a probe."""
        return self._value

    def secret_value(self, secret_format: SecretFormat) -> str:
        """What a secret version of that format holds: for Key Vault only."""
        if secret_format is SecretFormat.ACCESS_KEY:
            return self._value
        return f"Endpoint={self.endpoint};AccessKey={self._value};Version=1.0;"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both access keys of one resource, as `listKeys` gave them."""

    primary: AccessKey
    secondary: AccessKey

    def __getitem__(self, slot: Slot) -> AccessKey:
        return self.primary if slot is Slot.PRIMARY else self.secondary

    def slot_of(self, key_fingerprint: str) -> Slot | None:
        """The slot that holds the key with this fingerprint now, if any does."""
        return next((slot for slot in Slot if self[slot].fingerprint == key_fingerprint), None)
