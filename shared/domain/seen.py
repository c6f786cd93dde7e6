"""What was last observed of a resource: kept in its record so that a list of the fleet need not ask Azure again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from shared.domain.decision import overlap_end, pending_retirement
from shared.domain.keys import Slot
from shared.domain.observation import Observation, PublishedSecret
from shared.domain.policy import Policy
from shared.domain.wire import Wire


class Snapshot(Wire):
    """One observation, keys by fingerprint only. `due` is when the next rotation is; times are UTC."""

    secret_name: str
    vault_url: str
    provisioning_state: str
    paused: bool = False
    local_auth_disabled: bool = False
    endpoint: str = ""
    live: Mapping[Slot, str] = {}
    live_slot: Slot | None = None
    fingerprint: str | None = None
    version: str | None = None
    since: datetime | None = None
    due: datetime | None = None
    overlap_until: datetime | None = None
    retire_after: datetime | None = None

    @classmethod
    def of(cls, seen: Observation, policy: Policy) -> Self:
        """Boil an observation down."""
        known = {
            "secret_name": policy.secret_name,
            "vault_url": policy.vault_url,
            "provisioning_state": seen.provisioning_state,
            "paused": seen.paused,
            "local_auth_disabled": seen.local_auth_disabled,
            "endpoint": seen.endpoint,
            "live": dict(seen.live),
        }
        glance = cls.model_validate(known)
        retirement = pending_retirement(seen)
        if seen.published is None:
            return glance
        return glance.with_published(
            seen.published, seen.published_slot, policy, retire_after=retirement.after if retirement else None
        )

    def with_published(
        self, published: PublishedSecret, slot: Slot | None, policy: Policy, *, retire_after: datetime | None
    ) -> Self:
        """The same, with this version as the published one. A disabled version says nothing of times."""
        facts: dict[str, object] = {
            "live_slot": slot,
            "fingerprint": published.fingerprint,
            "version": published.version,
        }
        if slot and published.fingerprint:
            facts["live"] = {**self.live, slot: published.fingerprint}
        if published.enabled:
            facts |= {
                "since": published.since,
                "due": published.since + policy.period,
                "overlap_until": overlap_end(published, policy.overlap),
                "retire_after": retire_after,
            }
        return self.model_copy(update=facts)

    def retired(self, slot: Slot, fingerprint: str | None) -> Self:
        """The same, after a leaked key of this slot has been replaced by one of this fingerprint."""
        return self.model_copy(update={"retire_after": None, "live": {**self.live, slot: fingerprint or ""}})
