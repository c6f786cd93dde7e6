"""Whether rotations would succeed now: the preflight of the resources, without a request behind it.

It has to answer in an outage above all. So everything is looked at side by side, under one deadline, and what could not
be looked at in time is a finding like any other.
"""

import asyncio
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from shared.domain.errors import Unavailable
from shared.domain.heartbeat import NO_SWEEP, WITHOUT_SWEEPS, Finding, Heartbeat, is_silent
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.domain.rollout import RolloutState
from shared.domain.swept_fleet import SweptFleet
from shared.domain.wire import Wire
from shared.rotation.inventory import Fleet, Inventory, entries_by_resource
from shared.rotation.ports import Services
from shared.rotation.preflight import Preflight
from shared.rotation.submit import not_managed

# A look at a resource draws on ARM's write budget, which rotations need.
LOOKS, LOOKS_WITHIN = 20, timedelta(minutes=10)
KEPT_FOR_NAMED = 4  # of these, so that a monitor's questions leave some to an operator
MOST_CHECKED = LOOKS - KEPT_FOR_NAMED
LONGEST_SECONDS = 60.0
LISTING_SECONDS = 15.0
_RECENT = timedelta(days=3)
_MOST_FINDINGS = 10


class HealthReport(Wire):
    """What was looked at, and what was found."""

    managed: int = Field(description="How many resources are managed")
    as_of: datetime | None = Field(None, description="When it was last found out which resources are managed")
    checked: int = Field(description="How many of them were looked at, now or in the last ten minutes")
    looked_at: datetime | None = Field(None, description="When the first of these looks was")
    last_sweep_at: datetime | None = Field(None, description="When the last sweep began")
    overdue: int | None = Field(None, description="How many it found past due")
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at one resource, and what it found."""

    at: datetime
    resource: ResourceId
    findings: tuple[Finding, ...]


class Health:
    """Looks at the managed resources as a rotation would. `silent_after`: how long without a sweep is too long."""

    def __init__(self, services: Services, fleet: Fleet, inventory: Inventory, *, silent_after: timedelta) -> None:
        self._services = services
        self._fleet = fleet
        self._inventory = inventory
        self._preflight = Preflight(services, fleet)
        self._silent_after = silent_after
        self._looks: deque[_Look] = deque()
        self._looking = asyncio.Lock()

    async def report(self, resource: ResourceId | None = None) -> HealthReport:
        """Look at one resource, or at a sample of sixteen, and change nothing. It takes a minute at most.

        However often it is asked, a worker process looks at twenty resources in ten minutes: what it looked at before
        is told again. Raises `NotManaged`, what ARM and storage raise, and `Unavailable` where the fleet can't be
        listed in time, or the resource can't be looked at now.
        """
        until = asyncio.get_running_loop().time() + LONGEST_SECONDS
        try:
            async with asyncio.timeout(2 * LISTING_SECONDS):
                if resource and not await self._fleet.manages(resource):
                    raise not_managed(resource)
                records = self._services.records
                (fleet, findings), sweep, others, rollout, unwritable = await asyncio.gather(
                    self._managed(),
                    records.heartbeat(),
                    records.other_installations(),
                    self._services.rollouts.read(),
                    records.unwritable(),
                )
        except TimeoutError:
            raise Unavailable("neither ARM nor the app's own records answered in time") from None
        looks = await self._looked(resource, fleet, until=until)
        findings += [finding for look in looks for finding in look.findings]
        if resource is None:
            findings += [*self._of_the_app(sweep), *self._of_rollout(rollout), *self._of_installations(others)]
        findings += [each for each in unwritable if resource is None or each.resource in {"", str(resource)}]
        findings += self._of_the_clock()
        findings += self._of_others(fleet, resource)
        return HealthReport(
            managed=len(fleet.managed),
            as_of=fleet.as_of,
            checked=len(looks),
            looked_at=min((look.at for look in looks), default=None),
            last_sweep_at=sweep.started_at if sweep else None,
            overdue=sweep.overdue if sweep else None,
            findings=tuple(dict.fromkeys(findings)),
        )

    async def _managed(self) -> tuple[SweptFleet, list[Finding]]:
        """The fleet; where ARM is asked and does not list it in time, what the records know, and that this is so."""
        try:
            async with asyncio.timeout(LISTING_SECONDS):
                return await self._inventory.swept(), []
        except TimeoutError:
            message = f"ARM did not list the fleet within {LISTING_SECONDS:g} s: what is known of it was looked at"
            known = await entries_by_resource(self._services.records)
            unlisted = Finding(resource="", code=Unavailable.code, message=message)
            return self._fleet.swept(dict.fromkeys(known), known, as_of=self._services.clock()), [unlisted]

    async def _looked(self, resource: ResourceId | None, fleet: SweptFleet, *, until: float) -> list[_Look]:
        """Looks at this resource, or at a sample. What one report looks at, another that waits for it tells again."""
        try:
            async with asyncio.timeout_at(until):
                await self._looking.acquire()
        except TimeoutError:
            raise Unavailable("another look takes long, and this one was not begun in time") from None
        try:
            return await self._looked_by_turns(resource, fleet, until=until)
        finally:
            self._looking.release()

    async def _looked_by_turns(self, resource: ResourceId | None, fleet: SweptFleet, *, until: float) -> list[_Look]:
        """New looks as far as there are any left, and those that are recent."""
        while self._looks and self._services.clock() >= self._looks[0].at + LOOKS_WITHIN:
            self._looks.popleft()
        recent = {look.resource: look for look in self._looks}  # the newest of each
        left = LOOKS - len(self._looks)
        if resource:
            chosen = [resource] if left else []
        else:
            chosen = _sample(fleet, recent, most=min(left - KEPT_FOR_NAMED, MOST_CHECKED))
        seconds = until - asyncio.get_running_loop().time()
        new = {look.resource: look for look in await self._look(chosen, seconds=seconds)}
        self._looks.extend(new.values())
        looks = recent | new
        if resource is None:
            told = [look for each, look in looks.items() if each.order in fleet.by_order]
            return sorted(told, key=lambda look: (look.resource not in new, look.resource.key))[:MOST_CHECKED]
        if resource not in looks:
            soon = self._looks[0].at + LOOKS_WITHIN - self._services.clock()
            raise Unavailable(
                f"{LOOKS} resources were looked at in the last ten minutes, and no more may be: each look takes a "
                "write of ARM, which rotations need. Try again later, or request a dry run of this resource",
                retry_after=soon.total_seconds(),
            )
        return [looks[resource]]

    async def _look(self, resources: Sequence[ResourceId], *, seconds: float) -> list[_Look]:
        previews = await self._preflight.look([self._item(each) for each in resources], seconds=seconds)
        return [
            _Look(
                self._services.clock(),
                preview.item.resource_id,
                tuple(
                    Finding(resource=preview.item.resource, code=each.code, message=each.message)
                    for each in preview.findings
                ),
            )
            for preview in previews
        ]

    def _item(self, resource: ResourceId) -> WorkItem:
        """As if a caller asked for a rotation now: only then does everything show that one would meet."""
        return RotationCommand("health", resource, Mode.ROTATE, force=True).for_resource(
            resource, self._services.clock()
        )

    def _of_the_app(self, sweep: Heartbeat | None) -> list[Finding]:
        """That no sweep ends, or what the last one found."""
        findings = []
        if is_silent(sweep, self._services.clock(), after=self._silent_after):
            since = f"since {sweep.ended_at:%Y-%m-%dT%H:%M:%SZ}" if sweep else "yet"
            message = f"no sweep has ended {since}: {WITHOUT_SWEEPS}"
            findings.append(Finding(resource="", code=NO_SWEEP, message=message))
        if sweep:
            findings += [
                Finding(resource=f"/subscriptions/{each.subscription}", code=each.code, message=each.message)
                for each in sweep.unreadable
            ]
            findings += sweep.findings
        return findings

    def _of_the_clock(self) -> list[Finding]:
        """That this worker's clock is off: SignalR rejects the tokens by which keys are verified."""
        off = self._services.probe.clock_error_seconds
        if not off:
            return []
        message = (
            f"the clock of this worker is {abs(off):g} s {'ahead of' if off > 0 else 'behind'} Azure's, and tokens "
            "live from a minute ago until in five minutes: no key can be verified. Restart the function app"
        )
        return [Finding(resource="", code="ClockOff", message=message)]

    def _of_rollout(self, rollout: RolloutState) -> list[Finding]:
        """That scheduled rotations are on hold."""
        hold = rollout.held(self._services.clock())
        return [Finding(resource="", code="RotationsHeld", message=hold.message)] if hold else []

    def _of_installations(self, swept: Mapping[str, datetime]) -> list[Finding]:
        """Other installations that swept lately with the same storage account: each may take the other's messages."""
        return [
            Finding(
                resource="",
                code="ForeignInstallation",
                message=f"the installation {name} uses the same storage account and swept at {at:%Y-%m-%d %H:%M} UTC. "
                "Neither touches what is the other's, but requests take longer: give each a storage account of its own "
                "(AzureWebJobsStorage)",
            )
            for name, at in sorted(swept.items())
            if at > self._services.clock() - _RECENT
        ]

    def _of_others(self, fleet: SweptFleet, named: ResourceId | None) -> list[Finding]:
        """That somebody else regenerates keys, again and again, as far as the last sweep saw."""
        return [
            Finding(
                resource=resource,
                code="KeysChangedElsewhere",
                message=f"its published key was replaced from outside of this app {count} times in 90 days: look in "
                "the activity log for another installation of this app, a script or a person, and let one rotate it",
            )
            for resource, count in fleet.changed_elsewhere.items()
            if named in {None, ResourceId.parse(resource)}
        ][:_MOST_FINDINGS]


def _sample(fleet: SweptFleet, recent: Mapping[ResourceId, _Look], *, most: int) -> list[ResourceId]:
    """Others each time, in the order of their ids: those that were not looked at lately first, then longest ago."""
    if most <= 0:
        return []
    orders = {each.order for each in recent}
    new = [each.resource for order, each in fleet.by_order.items() if order not in orders]
    chosen = random.sample(new, k=min(most, len(new)))
    known = sorted((each for each in recent if each.order in fleet.by_order), key=lambda each: recent[each].at)
    found = [*map(ResourceId.parse, chosen), *known[: most - len(chosen)]]
    return sorted(found, key=lambda resource: resource.key)
