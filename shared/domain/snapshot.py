"""What was last observed of a resource: stored in its record, so that a list of the fleet need not ask Azure again."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field

from shared.domain.decision import overlap_end
from shared.domain.keys import Slot
from shared.domain.observation import Observation, PublishedSecret, Retirement
from shared.domain.policy import Policy, place_of
from shared.domain.rotation_window import rotation_window
from shared.domain.wire import Wire


class Snapshot(Wire):
    """One observation, keys by fingerprint only. Times are UTC.

    `published_at` is when the published key became so, `due_at` when the next rotation is, `notice_at` when that is to
    be announced. `window`: when scheduled changes may begin, as it was written; empty: at any time. `unknown_word`: its
    tag says a word that the app does not know, so that no key is changed by schedule.
    """

    secret_name: str
    vault_url: str
    provisioning_state: str
    paused: bool = False
    unknown_word: bool = False
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
    retires_by_policy: bool = False
    notice_at: datetime | None = None
    window: str = ""

    @classmethod
    def of(cls, observation: Observation, policy: Policy) -> Self:
        """Reduce an observation to what is stored of it."""
        snapshot = cls(
            secret_name=policy.secret_name,
            vault_url=policy.vault_url,
            provisioning_state=observation.provisioning_state,
            paused=observation.paused,
            unknown_word=bool(policy.unknown_word),
            local_auth_disabled=observation.local_auth_disabled,
            endpoint=observation.endpoint,
            fingerprints=dict(observation.fingerprints),
            window=policy.window.text if policy.window else "",
        )
        if observation.published is None:
            return snapshot
        since = observation.published_since if observation.published.enabled else None
        return snapshot.with_published(
            observation.published,
            observation.published_slot,
            policy,
            since=since,
            retirement=observation.retirement,
            overlap=observation.promised_overlap(policy),
        )

    def with_published(
        self,
        published: PublishedSecret,
        slot: Slot | None,
        policy: Policy,
        *,
        since: datetime | None,
        retirement: Retirement | None,
        overlap: timedelta = timedelta(),
    ) -> Self:
        """The same, with this version published, its key since then. A disabled one says nothing of times.

        `overlap`: how long the key before it was promised to live on, where that is longer than the policy says.
        """
        changes: dict[str, object] = {
            "published_slot": slot,
            "fingerprint": published.fingerprint,
            "version": published.version,
        }
        if slot and published.fingerprint:
            changes["fingerprints"] = {**self.fingerprints, slot: published.fingerprint}
        if published.enabled and since:
            due = max(policy.due(since), overlap_end(since, overlap))
            changes |= {
                "published_at": since,
                "due_at": due,
                "overlap_until": overlap_end(since, max(policy.overlap, overlap)),
                "retire_after": retirement.after if retirement else None,
                "retires_by_policy": retirement is not None and retirement.by_policy,
                "notice_at": due - policy.notice if policy.notice else None,
            }
        return self.model_copy(update=changes)

    def planned_for(self, policy: Policy) -> Self:
        """The same for the secret that this policy names."""
        return self.model_copy(update={"secret_name": policy.secret_name, "vault_url": policy.vault_url})

    def with_retired(self, slot: Slot, fingerprint: str | None) -> Self:
        """The same, after the key of this slot was invalidated: the new one has this fingerprint."""
        fingerprints = {**self.fingerprints, slot: fingerprint or ""}
        changes = {"retire_after": None, "retires_by_policy": False, "fingerprints": fingerprints}
        return self.model_copy(update=changes)

    def opens_at(self, now: datetime) -> datetime | None:
        """When scheduled changes may begin; None: now, and where what was stored cannot be read any more."""
        with suppress(ValueError):
            return rotation_window(self.window).opens_at(now) if self.window else None
        return None

    @property
    def revoke_at(self) -> datetime | None:
        """From when on a leaked key is to be invalidated; None: none is. What the policy retires did not leak."""
        return None if self.retires_by_policy else self.retire_after

    def is_due(self, now: datetime) -> bool:
        """Whether the next rotation is due."""
        return self.due_at is not None and self.due_at <= now

    def calls_for_work(self, now: datetime, *, waits: bool = False) -> bool:
        """Whether a rotation or a retirement is due, and may begin. `waits`: no rotation may, on hold or in waves."""
        due = self.is_due(now) and not waits
        retires = self.retire_after is not None and self.retire_after <= now
        if retires and self.revoke_at:
            return True
        return (due or retires) and self.opens_at(now) is None

    def publishes_to(self, vault_url: str, secret_name: str) -> bool:
        """Whether this is the secret it publishes to."""
        return place_of(self.vault_url, self.secret_name) == place_of(vault_url, secret_name)
