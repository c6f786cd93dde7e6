"""One key vault's secrets: versions in the order they were made, soft delete, recovery."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from local.azure.clock import Clock

RETENTION_DAYS = 90


@dataclass(slots=True)
class Version:
    """One version of a secret."""

    id: str
    value: str = field(repr=False)
    created: datetime
    updated: datetime
    enabled: bool = True
    content_type: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    expires: datetime | None = None
    not_before: datetime | None = None


@dataclass(slots=True)
class Secret:
    """A secret and its versions, oldest first. `deleted` is when it was soft-deleted."""

    name: str
    versions: list[Version] = field(default_factory=list)
    deleted: datetime | None = None

    @property
    def newest(self) -> Version:
        """What is answered when no version is asked for."""
        return self.versions[-1]

    def version(self, wanted: str) -> Version | None:
        """That version, the newest for an empty string."""
        if not wanted:
            return self.newest
        return next((one for one in self.versions if one.id == wanted), None)


class NameDeletedError(Exception):
    """The name belongs to a soft-deleted secret and cannot be used until that is recovered or purged."""


class Vault:
    """All secrets of one vault. Names know no case but keep the one they were given first."""

    def __init__(self, name: str, url: str, scope: str, clock: Clock, random: Random) -> None:
        self.name = name
        self.url = url
        self.scope = scope
        self.secrets: dict[str, Secret] = {}
        self.deleted: dict[str, Secret] = {}
        self.on_new_version: Callable[[Vault, Secret, Version], None] = lambda _vault, _secret, _version: None
        self._clock = clock
        self._random = random

    def now(self) -> datetime:
        """The time the vault stamps."""
        return self._clock.now()

    def put(  # the arguments are the attributes a version has on the wire
        self,
        name: str,
        value: str,
        *,
        content_type: str | None = None,
        tags: Mapping[str, str] | None = None,
        enabled: bool = True,
        expires: datetime | None = None,
        not_before: datetime | None = None,
        created: datetime | None = None,
    ) -> tuple[Secret, Version]:
        """Add a version, and the secret if it is new. Raises NameDeletedError."""
        if name.lower() in self.deleted:
            raise NameDeletedError
        secret = self.secrets.setdefault(name.lower(), Secret(name))
        moment = created or self.now()
        version = Version(
            f"{self._random.getrandbits(128):032x}",
            value,
            moment,
            moment,
            enabled=enabled,
            content_type=content_type,
            tags=dict(tags or {}),
            expires=expires,
            not_before=not_before,
        )
        secret.versions.append(version)
        self.on_new_version(self, secret, version)
        return secret, version

    def find(self, name: str) -> Secret | None:
        """A secret that is not deleted."""
        return self.secrets.get(name.lower())

    def delete(self, name: str) -> Secret | None:
        """Soft-delete; None when there is no such secret."""
        secret = self.secrets.pop(name.lower(), None)
        if secret is not None:
            secret.deleted = self.now()
            self.deleted[name.lower()] = secret
        return secret

    def recover(self, name: str) -> Secret | None:
        """Undo a soft delete; None when there is nothing to recover."""
        secret = self.deleted.pop(name.lower(), None)
        if secret is not None:
            secret.deleted = None
            self.secrets[name.lower()] = secret
        return secret

    def clear(self) -> None:
        """Forget everything."""
        self.secrets.clear()
        self.deleted.clear()

    def purge(self, name: str) -> Secret | None:
        """Forget a soft-deleted secret; None when there is none."""
        return self.deleted.pop(name.lower(), None)
