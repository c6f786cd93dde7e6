"""What every step of one run needs: the services, the leased record, the resource and its policy."""

from dataclasses import dataclass

from shared.domain.errors import MissingNow, NotFound, Unavailable
from shared.domain.journal import Journal
from shared.domain.keys import AccessKey, KeyPair, Slot
from shared.domain.policy import Policy
from shared.domain.resources import Resource
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.ports import Services
from shared.rotation.rollout import Rollouts

MOST_KEY_READS = 20
_PAUSE_SECONDS = 60.0


class Abandoned(Exception):  # noqa: N818 - not an error: the premises changed before a key was touched
    """The journal's premises no longer hold: close it, and decide again."""


@dataclass(slots=True)
class RunContext:
    """One run of the open journal of `leased`.

    `resumed`: the journal was found open, and the worker that opened it may have done more than it says.
    `verified`: the fingerprint of the key that SignalR accepted. `version_may_exist`: this run added a version, or may
    have. `keys`: those just read, good for one use. `discriminates`: SignalR was seen to reject a random key.
    `replaced`: the key that this run regenerates, as it was; None where a worker before did.
    `rollouts`: what counts how scheduled rotations end. `departed`: the resource is managed no more.
    """

    services: Services
    leased: LeasedRecord
    resource: Resource
    policy: Policy
    keys: KeyPair | None
    resumed: bool
    rollouts: Rollouts
    departed: bool = False
    verified: str | None = None
    version_may_exist: bool = False
    discriminates: bool = False
    replaced: AccessKey | None = None
    key_reads: int = 0

    @property
    def journal(self) -> Journal:
        """The open journal."""
        return self.leased.journal

    @property
    def slot(self) -> Slot:
        """The slot that the journal is about."""
        slot = self.journal.slot
        if slot is None:
            raise AssertionError("only a salt journal has no slot")
        return slot

    async def read_keys(self) -> KeyPair:
        """The keys as they are now; those that were given at the start are used once. Raises what ARM raises.

        Each read draws on the write budget of the subscription: a run that needs too many goes on later. So does one
        whose resource ARM does not find: absence is believed twice, and the next attempt looks.
        """
        keys, self.keys = self.keys, None
        if keys:
            return keys
        if self.key_reads >= MOST_KEY_READS:
            raise Unavailable(
                f"the keys of {self.resource.id.name} were read {self.key_reads} times in this run; it goes on later",
                step="listKeys",
                retry_after=_PAUSE_SECONDS,
            )
        self.key_reads += 1
        try:
            return await self.services.signalr.keys(self.resource.id, begun=True)
        except NotFound:
            raise MissingNow(self.resource.id.name, "listKeys") from None
