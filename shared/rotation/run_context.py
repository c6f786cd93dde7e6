"""What every step of one run needs: the services, the leased record, the resource and its policy."""

from dataclasses import dataclass

from shared.domain.keys import KeyPair, Slot
from shared.domain.policy import Policy
from shared.domain.record import Journal
from shared.domain.resources import Resource
from shared.rotation.leased_record import LeasedRecord
from shared.rotation.ports import Services


class Abandoned(Exception):  # noqa: N818 - not an error: the premises changed before a key was touched
    """The journal's premises no longer hold: close it, and decide again."""


@dataclass(slots=True)
class RunContext:
    """One run of the open journal of `leased`.

    `resumed`: the journal was found open, and the worker that opened it may have done more than it says.
    `verified`: the fingerprint of the key that SignalR accepted. `version_may_exist`: this run added a version, or may
    have. `keys`: those just read, good for one use.
    """

    services: Services
    leased: LeasedRecord
    resource: Resource
    policy: Policy
    keys: KeyPair | None
    resumed: bool
    verified: str | None = None
    version_may_exist: bool = False

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
        """The keys as they are now; those that were given at the start are used once. Raises what ARM raises."""
        keys, self.keys = self.keys, None
        return keys or await self.services.signalr.keys(self.resource.id, begun=True)
