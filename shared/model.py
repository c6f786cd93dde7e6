"""The values everything else speaks in: slots, keys, resources, policies, what was asked and what was seen.

Frozen, and without a service's SDK. What holds a key cannot show it: `repr` is masked, and a value leaves its object
only through `reveal()`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

_ARM_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-fA-F-]{36})/resourceGroups/(?P<group>[-\w.()]{1,90})"
    r"/providers/Microsoft\.SignalRService/SignalR/(?P<name>[a-zA-Z][a-zA-Z0-9-]{1,61}[a-zA-Z0-9])/?",
    re.IGNORECASE,
)


class Slot(StrEnum):
    """Which of the two access keys of a SignalR resource is meant."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"

    @property
    def other(self) -> "Slot":
        """The slot that this one is not."""
        return Slot.SECONDARY if self is Slot.PRIMARY else Slot.PRIMARY


class KeyType(StrEnum):
    """What `regenerateKey` can renew (ARM's `KeyType`, Microsoft.SignalRService 2023-02-01)."""

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


def read_secret(secret_value: str) -> tuple[str, str]:
    """The endpoint (empty where it names none) and the access key in a secret's value, whichever format it has.

    Parts of a connection string are split at the first `=` only: base64 keys end in `=`.
    """
    parts = (part.strip().partition("=") for part in secret_value.split(";"))
    named = {name.lower(): value for name, _, value in parts}
    return (named.get("endpoint", "").rstrip("/"), named["accesskey"]) if named.get("accesskey") else ("", secret_value)


def published_fingerprint(secret_value: str) -> str:
    """The fingerprint of the access key in a secret's value, whichever of the two formats it has."""
    return fingerprint(read_secret(secret_value)[1])


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The ARM id of one Azure SignalR Service resource. ARM compares ids without regard to case, and so do we."""

    subscription: str
    group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ARM id. Raises `ValueError` that shows the expected form."""
        match = _ARM_ID.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"not the id of an Azure SignalR Service resource: {text[:300]!r}; expected /subscriptions/<guid>/"
                "resourceGroups/<group>/providers/Microsoft.SignalRService/SignalR/<name>"
            )
        return cls(match["subscription"].lower(), match["group"], match["name"])

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.SignalRService/SignalR/{self.name}"
        )

    @property
    def key(self) -> str:
        """One spelling for every casing of this id: for blob names, ids and sets."""
        return f"{self.subscription}/{self.group}/{self.name}".lower()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, slots=True)
class Policy:
    """How one resource is to be rotated: the app's settings, overridden by the resource's own tags."""

    period: timedelta
    overlap: timedelta
    vault_url: str
    secret_name: str
    secret_format: SecretFormat
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """What ARM says of one SignalR resource, keys apart."""

    id: ResourceId
    provisioning_state: str
    local_auth_disabled: bool
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Retirement:
    """A key that a published version asks to be renewed once nobody needs it any more."""

    fingerprint: str
    after: datetime


@dataclass(frozen=True, slots=True)
class Published:
    """The newest version of the published secret. `fingerprint` is None when the version is disabled: it can't be read.

    `since` is when Key Vault created the version (UTC, whole seconds): from then on its key is the published one.
    """

    version: str
    secret_id: str
    since: datetime
    fingerprint: str | None = None
    slot_hint: Slot | None = None
    owner: ResourceId | None = None
    rotation_id: str | None = None
    kind_hint: str | None = None
    retirement: Retirement | None = None

    @property
    def enabled(self) -> bool:
        """Whether consumers can read this version."""
        return self.fingerprint is not None

    @property
    def vault_url(self) -> str:
        """The vault that holds it."""
        parts = urlsplit(self.secret_id)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Observation:
    """All that a decision may rest on, read just now."""

    provisioning_state: str
    local_auth_disabled: bool
    paused: bool
    live: Mapping[Slot, str]
    published: Published | None
    endpoint: str = ""
    unfinished: bool = False
    told: bool = True  # False: the record does not know that the newest version was announced

    @property
    def published_slot(self) -> Slot | None:
        """The slot whose live key is published: derived by comparing values, never remembered."""
        if self.published is None or self.published.fingerprint is None:
            return None
        return next((slot for slot, live in self.live.items() if live == self.published.fingerprint), None)
