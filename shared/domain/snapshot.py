"""What was last observed of a resource: stored in its record, so that a list of the fleet need not ask Azure again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import Field

from shared.domain.decision import overlap_end
from shared.domain.keys import Slot
from shared.domain.observation import Observation, PublishedSecret
from shared.domain.policy import Policy
from shared.domain.wire import Wire


class Snapshot(Wire):
    """One observation, keys by fingerprint only. Times are UTC.

    `published_at` is when the published key became so, `due_at` when the next rotation is.
    """

    secret_name: str
    vault_url: str
    provisioning_state: str
    paused: bool = False
    local_auth_disabled: bool = False
    endpoint: str = ""
    fingerprints: Mapping[Slot, str] = Field({}, alias="live")
    published_slot: Slot | None = Field(None, alias="liveSlot")
    fingerprint: str | None = None
    version: str | None = None
    published_at: datetime | None = Field(None, alias="since")
    due_at: datetime | None = Field(None, alias="due")
    overlap_until: datetime | None = None
    retire_after: datetime | None = None

    @classmethod
    def of(cls, observation: Observation, policy: Policy) -> Self:
        """Reduce an observation to what is stored of it."""
        snapshot = cls(
            secret_name=policy.secret_name,
            vault_url=policy.vault_url,
            provisioning_state=observation.provisioning_state,
            paused=observation.paused,
            local_auth_disabled=observation.local_auth_disabled,
            endpoint=observation.endpoint,
            fingerprints=dict(observation.fingerprints),
        )
        if observation.published is None:
            return snapshot
        retirement = observation.retirement
        since = observation.published_since if observation.published.enabled else None
        return snapshot.with_published(
            observation.published,
            observation.published_slot,
            policy,
            since=since,
            retire_after=retirement.after if retirement else None,
        )

    def with_published(
        self,
        published: PublishedSecret,
        slot: Slot | None,
        policy: Policy,
        *,
        since: datetime | None,
        retire_after: datetime | None,
    ) -> Self:
        """The same, with this version published, its key since then. A disabled one says nothing of times."""
        changes: dict[str, object] = {
            "published_slot": slot,
            "fingerprint": published.fingerprint,
            "version": published.version,
        }
        if slot and published.fingerprint:
            changes["fingerprints"] = {**self.fingerprints, slot: published.fingerprint}
        if published.enabled and since:
            changes |= {
                "published_at": since,
                "due_at": since + policy.period,
                "overlap_until": overlap_end(since, policy.overlap),
                "retire_after": retire_after,
            }
        return self.model_copy(update=changes)

    def with_retired(self, slot: Slot, fingerprint: str | None) -> Self:
        """The same, after a leaked key of this slot was replaced by one with this fingerprint."""
        fingerprints = {**self.fingerprints, slot: fingerprint or ""}
        return self.model_copy(update={"retire_after": None, "fingerprints": fingerprints})

    def publishes_to(self, vault_url: str, secret_name: str) -> bool:
        """Whether this is the secret it publishes to. Key Vault compares names without regard to case."""
        return (self.vault_url.lower(), self.secret_name.lower()) == (vault_url.lower(), secret_name.lower())
