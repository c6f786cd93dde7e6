"""What was read just now of a resource and its secret: all that a decision may rest on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlsplit

from shared.domain.connection_strings import Shape, with_access_key
from shared.domain.keys import AccessKey, SecretFormat, Slot
from shared.domain.policy import Policy, place_of
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire


class Retirement(Wire):
    """A replaced key that is to be invalidated, and when (UTC). `by_policy`: it has not leaked, and waits for a window.

    `close_connections`: hubs whose connections are to be closed then. Only the record holds them, no tag does.
    """

    fingerprint: str
    after: datetime
    by_policy: bool = False
    close_connections: tuple[str, ...] = ()


class Publication(Wire):
    """A key that was published: which one, since when (UTC), and in which secret.

    `overlap_hours`: how long the key before it was promised to live on, where that is longer than the policy says.
    `written_at`: when its latest version was made (UTC), where that is known: a version that repeats a key, or moves
    it to another name, does not begin anew, but its clients read it only since then.
    """

    fingerprint: str
    since: datetime
    vault_url: str
    secret_name: str
    overlap_hours: float = 0
    written_at: datetime | None = None

    @classmethod
    def of(
        cls, fingerprint: str, since: datetime, policy: Policy, *, written_at: datetime, overlap_hours: float = 0
    ) -> Self:
        """A key that is published where the policy says."""
        return cls(
            fingerprint=fingerprint,
            since=since,
            vault_url=policy.vault_url,
            secret_name=policy.secret_name,
            overlap_hours=overlap_hours,
            written_at=written_at,
        )

    def continued(self, before: "Publication | None") -> Self:
        """With what was promised and written of the same key before: neither becomes less with another look."""
        if before is None or before.fingerprint != self.fingerprint:
            return self
        hours = max(before.overlap_hours, self.overlap_hours)
        times = [at for at in (before.written_at, self.written_at) if at]
        return self.model_copy(update={"overlap_hours": hours, "written_at": max(times, default=None)})

    def is_in(self, vault_url: str, secret_name: str) -> bool:
        """Whether this is the secret."""
        return place_of(self.vault_url, self.secret_name) == place_of(vault_url, secret_name)


class RejectedKey(Wire):
    """A key that ARM lists and SignalR rejected: which one, and since when that is known (UTC).

    `retire`, `overlap_hours` and `close_connections`: what was asked of the regeneration that made it, for the key that
    it was to replace; `by_policy`: that key has not leaked. `close_now`: hubs to be cut as it takes effect, for the key
    before it in its own slot.
    """

    slot: Slot
    fingerprint: str
    at: datetime
    retire: bool = False
    by_policy: bool = False
    leaked: str = ""  # fingerprint of the key that it was to replace, where that leaked
    overlap_hours: float | None = None
    close_connections: tuple[str, ...] = ()
    close_now: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedSecret:
    """The newest version of the published secret. `fingerprint` is None when the version is disabled: it can't be read.

    `since` is when Key Vault created the version (UTC, whole seconds): from then on its key is the published one.
    `fault` says why consumers reject a value that a key can be read out of (docs/reference/connection-strings.md).
    Its text holds a key: it is not shown, and leaves this object only as `with_key`.
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
    endpoint: str = ""
    shape: Shape = Shape.CONNECTION_STRING
    fault: str = ""
    _text: str = field(default="", repr=False, compare=False)

    @property
    def enabled(self) -> bool:
        """Whether consumers can read this version."""
        return self.fingerprint is not None

    @property
    def secret_format(self) -> SecretFormat | None:
        """The format that the value has; None where it is neither of the two."""
        return SecretFormat(self.shape.value) if self.shape in {Shape.ACCESS_KEY, Shape.CONNECTION_STRING} else None

    def with_key(self, key: AccessKey) -> str:
        """The same connection string with another access key: for Key Vault only. Raises `ValueError` for others."""
        return with_access_key(self._text, key.reveal())

    @property
    def vault_url(self) -> str:
        """The vault that holds it."""
        parts = urlsplit(self.secret_id)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Observation:
    """All that a decision may rest on. `fingerprints`: of the keys that ARM lists, by slot.

    What was read just now, and what the record remembers: the last known `publication`, the retirement that was
    `promised`, a regenerated key that SignalR still `rejected` when its effect window ended, and the published key
    where SignalR rejected that (`suspect`), the slot of a key that was invalidated and not seen dead (`unconfirmed`).
    `accepted` is SignalR's word on the listed keys that it was asked about.
    `owned`: the app may write a version of this secret.
    """

    provisioning_state: str
    local_auth_disabled: bool
    paused: bool
    fingerprints: Mapping[Slot, str]
    published: PublishedSecret | None
    endpoint: str = ""
    run_open: bool = False
    announced: bool = True  # False: the record does not know that the newest version was announced
    publication: Publication | None = None
    promised: Retirement | None = None
    rejected: RejectedKey | None = None
    suspect: RejectedKey | None = None
    unconfirmed: Slot | None = None
    accepted: Mapping[Slot, bool] = field(default_factory=dict)
    owned: bool = True

    @property
    def published_slot(self) -> Slot | None:
        """The slot whose live key is published: derived by comparing values, never stored."""
        if self.published is None or self.published.fingerprint is None:
            return None
        return next((slot for slot, listed in self.fingerprints.items() if listed == self.published.fingerprint), None)

    @property
    def published_since(self) -> datetime:
        """Since when the published key is published: a version that repeats it, or moves it, does not begin anew."""
        if self.published is None:
            raise AssertionError("nothing is published")
        known, since = self.publication, self.published.since
        return min(known.since, since) if known and known.fingerprint == self.published.fingerprint else since

    def promised_overlap(self, policy: Policy) -> timedelta:
        """How long after `published_since` the other key was promised to live on; zero: as long as the policy says.

        Longer where that was requested, or where the published key came to another name later: clients of that name
        have their overlap from then.
        """
        known, published = self.publication, self.published
        if known is None or published is None or known.fingerprint != published.fingerprint:
            return timedelta()
        longer = known.since + max(policy.overlap, timedelta(hours=known.overlap_hours)) - self.published_since
        return longer if longer > policy.overlap else timedelta()

    @property
    def known_slot(self) -> Slot | None:
        """The slot that holds the key of the last known publication, if any does."""
        if self.publication is None:
            return None
        return self.slot_of(self.publication.fingerprint)

    @property
    def late(self) -> RejectedKey | None:
        """The regenerated key that could not be published, while ARM lists it and it is not published after all."""
        key = self.rejected
        return key if key and self.slot_of(key.fingerprint) is key.slot is not self.published_slot else None

    @property
    def revoking(self) -> bool:
        """Whether the late key was made because the published one leaked: that is not forgotten until it is done."""
        return self.late is not None and self.late_retires and not self.late.by_policy

    @property
    def late_retires(self) -> bool:
        """Whether the key that the late one was to replace is still to be invalidated: not if it is gone already."""
        late = self.late
        return late is not None and late.retire and (not late.leaked or self.still_leaked(late))

    def still_leaked(self, late: RejectedKey) -> bool:
        """Whether ARM still lists the leaked key that this one was to replace."""
        return bool(late.leaked) and self.slot_of(late.leaked) is not None

    @property
    def published_rejected(self) -> bool:
        """Whether SignalR rejects the published key, which ARM lists."""
        return self.published_slot is not None and self.accepted.get(self.published_slot) is False

    @property
    def retirement(self) -> Retirement | None:
        """The retirement that was promised, by the record or by the version's tags, while the key is still listed."""
        tagged = self.published.retirement if self.published else None
        return next((each for each in (self.promised, tagged) if each and self.slot_of(each.fingerprint)), None)

    def has_leaked(self, slot: Slot) -> bool:
        """Whether this slot's key is to be retired because it leaked: it is never handed out again."""
        retirement = self.retirement
        if retirement is None or retirement.by_policy:
            return False
        return self.fingerprints[slot] == retirement.fingerprint

    def left_behind(self, policy: Policy) -> bool:
        """Whether the secret's version is older than that of the key which was published last, under another name.

        Clients hold both keys then, so neither may be regenerated.
        """
        known, published, retirement = self.publication, self.published, self.retirement
        if known is None or published is None or known.is_in(policy.vault_url, policy.secret_name):
            return False
        retired = retirement is not None and retirement.fingerprint == known.fingerprint
        listed = self.published_slot is not None and self.known_slot is self.published_slot.other
        return listed and not retired and published.since < (known.written_at or known.since)

    def slot_of(self, fingerprint: str) -> Slot | None:
        """The slot whose listed key has this fingerprint."""
        return next((slot for slot, listed in self.fingerprints.items() if listed == fingerprint), None)
