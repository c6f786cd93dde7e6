"""Histories in which a resource leaves the fleet and comes back: it is discovered by its tag, in a scope."""

from typing import Literal

from shared.domain.record import Outcome
from shared.domain.resources import ResourceId, Scope
from shared.rotation.inventory import Fleet
from tests.faults.history import DEFAULTS, EFFECT_SECONDS, NO_TROUBLE, SWEEP
from tests.faults.meddling import Meddling
from tests.faults.memory import NEIGHBOUR, RESOURCE, VAULT, Struck, Worker
from tests.faults.memory_ports import services_of

type Way = Literal["tags wiped", "opted out", "scope taken out", "deleted"]

_SCOPE = Scope(RESOURCE.subscription)
_NEVER_FOUND = 10**6


class Leaving(Meddling):
    """As `Meddling`, for a resource that no setting names."""

    covered, deleted = True, False

    def begin(self, *, settled: bool) -> None:
        """See `History.begin`."""
        super().begin(settled=False)
        self.cloud.resource.tags["key-rotation"] = "enabled"
        if settled:
            self.sweep()
            self.time_passes(49)

    @property
    def has_left(self) -> bool:
        """Whether the app has nothing to do with it now."""
        opted_in = self.cloud.resource.tags.get("key-rotation") in {"enabled", "paused"}
        return self.deleted or not self.covered or not opted_in

    def leave(self, way: Way) -> None:
        """Take it out of the fleet."""
        match way:
            case "tags wiped":
                self.cloud.resource.tags.clear()
                self.judge.moved()
            case "opted out":
                self.cloud.resource.tags["key-rotation"] = "off"
            case "scope taken out":
                self.covered = False
            case "deleted":
                self.cloud.resource.missing, self.deleted = _NEVER_FOUND, True

    def come_back(self, secret: str = "") -> None:
        """Have it managed again, under this secret name if one is given."""
        self.covered, self.deleted, self.cloud.resource.missing = True, False, 0
        self.cloud.resource.tags["key-rotation"] = "enabled"
        if secret:
            self.rename(secret=secret, vault=VAULT)
        else:
            self.judge.moved()

    def sweep(self, resource: ResourceId = RESOURCE, trouble: Struck = NO_TROUBLE) -> Outcome | None:
        """See `History.sweep`. What has left is looked at as a stray."""
        if resource == RESOURCE and self.has_left:
            [outcome] = self.work([(self.wished(SWEEP, resource), trouble)])
            return outcome
        return super().sweep(resource, trouble)

    def clear_the_way(self) -> None:
        """See `History.clear_the_way`."""
        super().clear_the_way()
        self.come_back()

    def _fleet(self, worker: Worker) -> Fleet:
        services = services_of(worker, effect_seconds=EFFECT_SECONDS)
        scopes = (_SCOPE,) if self.covered else ()
        return Fleet(services, named=(NEIGHBOUR,), scopes=scopes, defaults=DEFAULTS[self.template])
