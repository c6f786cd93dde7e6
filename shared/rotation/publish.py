"""Publishing a proven key, once: one new version of the secret for one rotation id.

A `set_secret` whose answer was lost may have added the version, and somebody may have added another one since. So
whoever finds a journal open looks for the version by its rotation id, among all of them, before adding any.
"""

import logging
from datetime import timedelta

from shared.adapters.blob_records import LeasedRecord
from shared.adapters.key_vault import NewSecretVersion
from shared.domain.errors import SecretDisabled, Terminal
from shared.domain.keys import AccessKey
from shared.domain.observation import PublishedSecret, Retirement
from shared.domain.policy import Policy
from shared.domain.record import Kind
from shared.domain.resources import Resource
from shared.rotation.ports import Services
from shared.rotation.regenerate import Abandoned, Regeneration

log = logging.getLogger("rotation")


class Publication:
    """The new version under the open journal of `held`. `added`: it exists, or may."""

    def __init__(
        self, services: Services, held: LeasedRecord, resource: Resource, policy: Policy, regeneration: Regeneration
    ) -> None:
        self._to = services
        self._held = held
        self._resource = resource
        self._policy = policy
        self._regeneration = regeneration
        self.added = False

    async def was_made(self) -> bool:
        """Whether this rotation has added its version already; if so, that is written down.

        Raises what the adapters raise.
        """
        policy, journal = self._policy, self._held.journal
        made = await self._to.vaults.made_by(policy.vault_url, policy.secret_name, journal.rotation_id)
        if made is None:
            return False
        self.added = True
        await self._note(made)
        return True

    async def publish(self, key: AccessKey) -> None:
        """Add the version.

        Raises `SecretDisabled`, `Abandoned` when only publishing was asked and somebody else has published meanwhile,
        and what the adapters raise.
        """
        policy, journal = self._policy, self._held.journal
        newest = await self._to.vaults.newest(policy.vault_url, policy.secret_name)
        if newest and not newest.enabled:
            raise SecretDisabled(
                f"the newest version of {policy.secret_name} is disabled: enable it, or add one, to go on",
                step="publish",
            )
        if journal.kind is Kind.PUBLISH and (newest.version if newest else None) != journal.previous_version:
            raise Abandoned
        made = await self._add(newest, key)
        if seen := self._held.record.snapshot:
            retire_after = made.retirement.after if made.retirement else None
            glance = seen.with_published(made, key.slot, policy, retire_after=retire_after)
            self._held.stage(self._held.record.with_snapshot(glance))
        await self._note(made)
        log.info("key published", extra=self._held.log_fields)

    async def _add(self, newest: PublishedSecret | None, key: AccessKey) -> PublishedSecret:
        journal = self._held.journal
        retirement = await self._retirement(newest, key)
        edition = NewSecretVersion(
            self._resource.id, journal.rotation_id, journal.kind.value, key, self._policy, retirement
        )
        # Key Vault cannot carry the lease id any more than ARM can: so the lease must outlive the call.
        await self._held.renew()
        answer_within = self._held.answer_within
        self.added = True
        try:
            return await self._to.vaults.publish(edition, now=self._to.clock(), answer_within=answer_within)
        except Terminal:  # a refusal
            self.added = False
            raise

    async def _retirement(self, newest: PublishedSecret | None, key: AccessKey) -> Retirement | None:
        """What the new version must say of a leaked key: the one it replaces, or an earlier one that still works."""
        journal = self._held.journal
        if journal.retire:
            return Retirement(journal.retire, self._to.clock() + timedelta(hours=journal.overlap_hours))
        earlier = newest.retirement if newest else None
        if earlier is None or earlier.fingerprint == key.fingerprint:
            return None
        return earlier if (await self._regeneration.read_keys()).slot_of(earlier.fingerprint) else None

    async def _note(self, made: PublishedSecret) -> None:
        published = self._held.journal.published(
            self._to.clock(),
            version=made.version,
            secret_id=made.secret_id,
            fingerprint=made.fingerprint,
            retire_after=made.retirement.after if made.retirement else None,
        )
        await self._held.update(published)
