"""What was read just now of a resource and its secret: all that a decision may rest on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from shared.domain.keys import Slot
from shared.domain.resources import ResourceId


@dataclass(frozen=True, slots=True)
class Retirement:
    """A replaced key that a published version asks to be invalidated, and when (UTC)."""

    fingerprint: str
    after: datetime


@dataclass(frozen=True, slots=True)
class PublishedSecret:
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
    """All that a decision may rest on, read just now. `fingerprints`: of the keys that ARM lists, by slot."""

    provisioning_state: str
    local_auth_disabled: bool
    paused: bool
    fingerprints: Mapping[Slot, str]
    published: PublishedSecret | None
    endpoint: str = ""
    run_open: bool = False
    announced: bool = True  # False: the record does not know that the newest version was announced

    @property
    def published_slot(self) -> Slot | None:
        """The slot whose live key is published: derived by comparing values, never stored."""
        if self.published is None or self.published.fingerprint is None:
            return None
        return next((slot for slot, listed in self.fingerprints.items() if listed == self.published.fingerprint), None)
