"""All that a run talks to, in one value that is built in one place (`composition`)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.adapters.arm_signalr import ArmSignalR
from shared.adapters.event_grid import EventGridTopic
from shared.adapters.key_vault import KeyVaultSecrets
from shared.adapters.signalr_probe import SignalRProbe


@dataclass(frozen=True, slots=True)
class Services:
    """The adapters, and the clock that everything written down is dated by (UTC).

    `effect_seconds` is how long a new key may take to show and to work.
    """

    signalr: ArmSignalR
    data_plane: SignalRProbe
    vaults: KeyVaultSecrets
    topic: EventGridTopic
    clock: Callable[[], datetime]
    effect_seconds: float

    @property
    def look_again_seconds(self) -> float:
        """How often it is looked for meanwhile."""
        return min(3.0, self.effect_seconds / 10)
