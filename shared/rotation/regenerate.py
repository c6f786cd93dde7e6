"""Getting a new key, and proof that it is one: the steps in which ARM is asked to change something.

A call whose answer is lost may have changed the key. So nothing here believes an answer, or the lack of one: the keys
are read again, and their fingerprints tell.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Literal

from shared.adapters.arm_rate_limit import Permit
from shared.adapters.arm_signalr import Ending, Regenerated
from shared.adapters.blob_records import LeasedRecord
from shared.adapters.signalr_probe import Verdict
from shared.domain.errors import (
    KeyRejected,
    KeyUnchanged,
    OperationFailed,
    RotationError,
    SaltOutcomeUnknown,
    Throttled,
)
from shared.domain.keys import AccessKey, KeyPair, KeyType, Slot
from shared.domain.observation import PublishedSecret
from shared.domain.policy import Policy
from shared.domain.record import Kind, Step
from shared.domain.resources import Resource
from shared.observability import telemetry
from shared.rotation.ports import Services

log = logging.getLogger("rotation")

_LOOKS = 5  # at a new key that SignalR does not accept yet, before ARM is asked for it
MOST_ATTEMPTS = 2  # an operation that left the key as it was is asked for once more, then given up


class Abandoned(Exception):  # noqa: N818 - not an error: the world moved on before a key was touched
    """The journal's premises no longer hold: close it, and decide again."""


class Regeneration:
    """One slot's key, or the salt, renewed under the open journal of `held`. `keys`: those just read, if they were."""

    def __init__(
        self, services: Services, held: LeasedRecord, resource: Resource, policy: Policy, keys: KeyPair | None = None
    ) -> None:
        self._to = services
        self._held = held
        self._resource = resource
        self._policy = policy
        self._keys = keys
        self._proven: str | None = None

    @property
    def _slot(self) -> Slot:
        slot = self._held.journal.slot
        if slot is None:
            raise AssertionError("only a salt journal has no slot")
        return slot

    @property
    def _replaced(self) -> str | None:
        """The fingerprint of the key that must not come back."""
        journal = self._held.journal
        return None if journal.kind is Kind.PUBLISH else journal.before[self._slot]

    async def proven_key(self) -> AccessKey:
        """The live key of the journal's slot: regenerated, unless publishing is all that was asked, and proven.

        Raises `Abandoned`, `KeyUnchanged`, `OperationFailed`, `KeyRejected`, and what the adapters raise.
        """
        keys = await self.read_keys()
        if self._held.journal.kind is not Kind.PUBLISH:
            with telemetry.step("regenerate", self._held):
                keys = await self._renewed(keys)
        with telemetry.step("prove", self._held):
            return await self._prove(keys[self._slot])

    async def salt(self) -> None:
        """Renew the salt. It leaves no trace to compare: after a lost answer it is not repeated.

        Raises `SaltOutcomeUnknown`, `OperationFailed`, and what the adapter raises.
        """
        journal, name = self._held.journal, self._resource.id.name
        if journal.step is not Step.PLANNED:
            return
        if journal.unrefused:
            raise SaltOutcomeUnknown(name)
        with await self._to.signalr.turn(self._resource.id) as turn:
            done = await self._post(KeyType.SALT, turn)
        if done.ending is Ending.UNKNOWN:
            raise SaltOutcomeUnknown(name, done.needs)
        if done.ending is Ending.FAILED:
            raise OperationFailed(f"ARM's operation on {name} failed; look at its activity log", step="regenerate")
        await self._held.update(journal.regenerated(self._to.clock()))

    async def read_keys(self) -> KeyPair:
        """The keys as they are now; those that were given at the start are used once."""
        keys, self._keys = self._keys, None
        return keys or await self._to.signalr.keys(self._resource.id, begun=True)

    async def _renewed(self, keys: KeyPair) -> KeyPair:
        slot, failed = self._slot, False
        self._expect_premises(keys)
        while self._unchanged(keys):
            confirmed = None
            if self._held.journal.unrefused and not failed and self._may_still_take_effect():
                await asyncio.sleep(self._to.look_again_seconds)
            else:
                self._give_up_if_tried_enough(failed=failed)
                done = await self._attempt(keys)
                failed = done.ending is Ending.FAILED
                confirmed = await self._confirmed(keys, done.shown)
            keys = confirmed or await self.read_keys()
        journal = self._held.journal
        if journal.step is Step.PLANNED or journal.after != keys[slot].fingerprint:
            new = keys[slot].fingerprint
            known = journal.verified_by("dataplane", new) if new == self._proven else journal
            await self._held.update(known.regenerated(self._to.clock(), new))
            log.info("key regenerated", extra=self._held.log_fields)
        if keys[slot.other].fingerprint != journal.before[slot.other]:
            # Somebody renewed the other key meanwhile. If it was the published one, publishing ours is what heals that.
            log.warning("other key changed too", extra=self._held.log_fields)
        return keys

    async def _confirmed(self, keys: KeyPair, shown: AccessKey | None) -> KeyPair | None:
        """The keys as SignalR itself confirms them: the new one works, and so does the other, as it was.

        `listKeys` draws on ARM's write budget, which is what limits a large fleet; the data plane has no such limit.
        None where it can't be told so: ARM has to be asked.
        """
        if shown is None or shown.fingerprint == self._replaced:
            return None
        for _ in range(_LOOKS):
            if (verdict := await self._to.data_plane.probe(shown)) is not Verdict.REJECTED:
                break
            await asyncio.sleep(self._to.look_again_seconds)
        other = keys[self._slot.other]
        if verdict is not Verdict.ACCEPTED or await self._to.data_plane.probe(other) is not Verdict.ACCEPTED:
            return None
        self._proven = shown.fingerprint
        return KeyPair(shown, other) if self._slot is Slot.PRIMARY else KeyPair(other, shown)

    def _expect_premises(self, keys: KeyPair) -> None:
        """Raise `Abandoned` if the keys are not those that were decided on, and it was not this journal's doing."""
        journal = self._held.journal
        # After a refusal too, a change of our slot counts as ours: a second one could never be taken back.
        others = [slot for slot in Slot if not (slot is self._slot and journal.attempts)]
        if not journal.unrefused and any(keys[slot].fingerprint != journal.before[slot] for slot in others):
            raise Abandoned

    def _unchanged(self, keys: KeyPair) -> bool:
        return keys[self._slot].fingerprint == self._replaced

    def _may_still_take_effect(self) -> bool:
        sent_at = self._held.journal.sent_at
        return sent_at is not None and self._to.clock() < sent_at + timedelta(seconds=self._to.effect_seconds)

    def _give_up_if_tried_enough(self, *, failed: bool) -> None:
        if self._held.journal.unrefused < MOST_ATTEMPTS:
            return
        name = self._resource.id.name
        if failed:
            raise OperationFailed(
                f"ARM's operation on {name} failed twice; look at its activity log", step="regenerate"
            )
        raise KeyUnchanged(
            f"ARM was asked twice to regenerate {self._slot} on {name}, but the key did not change; "
            "regenerate it in the portal or open a support request",
            step="regenerate",
        )

    async def _attempt(self, keys: KeyPair) -> Regenerated:
        """Send the POST, having made sure that nobody needs the key."""
        # Before all that must be true when it is sent: standing in a line takes time.
        with await self._to.signalr.turn(self._resource.id) as turn:
            newest = await self._to.vaults.newest(self._policy.vault_url, self._policy.secret_name)
            if not self._still_right(newest, keys):
                raise Abandoned
            try:
                return await self._post(KeyType(self._slot), turn)
            except Throttled:  # at ARM's door: asking for the keys would only be throttled as well
                raise
            except RotationError:
                # A refusal, if the key, read again, is what it was.
                if self._unchanged(await self.read_keys()):
                    raise
                return Regenerated(Ending.UNKNOWN)

    async def _post(self, key_type: KeyType, turn: Permit) -> Regenerated:
        # ARM's POST cannot carry the lease id. So the lease must outlive it. That it is sent is written down first, and
        # under the lease: whoever comes next must know that the key may have changed, and who lost it stops here.
        await self._held.prolong()
        await self._held.update(self._held.journal.sending(self._to.clock()))
        answer_within = self._held.answer_within
        try:
            return await self._to.signalr.regenerate(
                self._resource.id, key_type, turn=turn, answer_within=answer_within
            )
        except RotationError:
            await self._held.update(self._held.journal.refused_by_arm())
            raise

    def _still_right(self, newest: PublishedSecret | None, keys: KeyPair) -> bool:
        """Whether the secret is still the one that was decided on, and does not hold the key to be regenerated."""
        journal = self._held.journal
        if (newest.version if newest else None) != journal.previous_version:
            return False
        published_here = newest is not None and newest.fingerprint == keys[self._slot].fingerprint
        return journal.in_place or not published_here

    async def _prove(self, key: AccessKey) -> AccessKey:
        """See SignalR accept the key; where SignalR can't be asked, ARM must show the key once more."""
        if key.fingerprint == self._proven:
            return key
        deadline = self._to.clock() + timedelta(seconds=self._to.effect_seconds)
        while (verdict := await self._to.data_plane.probe(key)) is not Verdict.ACCEPTED:
            again = (await self.read_keys())[self._slot]
            if verdict is Verdict.UNREACHABLE and again.fingerprint == key.fingerprint:
                break
            if again.fingerprint != self._replaced:  # ARM's replicas may disagree for a moment
                key = again
            if self._to.clock() >= deadline:
                raise KeyRejected(
                    f"SignalR refuses the {self._slot} key of {self._resource.id.name} "
                    f"{self._to.effect_seconds:g} s after ARM gave it; what was published before is untouched",
                    step="prove",
                )
            await asyncio.sleep(self._to.look_again_seconds)
        witness: Literal["dataplane", "arm"] = "dataplane" if verdict is Verdict.ACCEPTED else "arm"
        await self._held.update(self._held.journal.verified_by(witness, key.fingerprint))
        return key
