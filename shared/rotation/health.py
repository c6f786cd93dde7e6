"""Whether rotations would succeed now: the preflight of the resources, without a request behind it.

It has to answer in an outage above all. So everything is looked at side by side, under one deadline, and what could not
be looked at in time is a finding like any other.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import Field

from shared.domain.errors import Unavailable
from shared.domain.heartbeat import NO_SWEEP, WITHOUT_SWEEPS, Finding, Heartbeat, is_silent
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire
from shared.rotation.inventory import Fleet, Inventory, entries_by_resource
from shared.rotation.ports import Services
from shared.rotation.preflight import Preflight
from shared.rotation.submit import not_managed

_RECENT = timedelta(days=3)
MOST_CHECKED = 20  # a look at a resource draws on ARM's write budget, which rotations need
LONGEST_SECONDS = 60.0
LISTING_SECONDS = 15.0
_RECENT = timedelta(days=3)
_REPEATEDLY = 2
_MOST_FINDINGS = 10


class HealthReport(Wire):
    """What was looked at, and what was found."""

    managed: int = Field(description="How many resources are managed")
    checked: int = Field(description="How many of them were looked at")
    last_sweep_at: datetime | None = Field(None, description="When the last sweep began")
    overdue: int | None = Field(None, description="How many it found past due")
    findings: tuple[Finding, ...] = ()


class Health:
    """Looks at the managed resources as a rotation would. `silent_after`: how long without a sweep is too long."""

    def __init__(self, services: Services, fleet: Fleet, inventory: Inventory, *, silent_after: timedelta) -> None:
        self._services = services
        self._fleet = fleet
        self._inventory = inventory
        self._preflight = Preflight(services, fleet)
        self._silent_after = silent_after

    async def report(self, resource: ResourceId | None = None) -> HealthReport:
        """Look at one resource, or at a sample of twenty, and change nothing. It takes a minute at most.

        Raises `NotManaged`, what ARM and storage raise, and `Unavailable` where the fleet can't be listed in time.
        """
        until = asyncio.get_running_loop().time() + LONGEST_SECONDS
        try:
            async with asyncio.timeout(2 * LISTING_SECONDS):
                if resource and not await self._fleet.manages(resource):
                    raise not_managed(resource)
                records = self._services.records
                (entries, findings), sweep, others = await asyncio.gather(
                    self._entries(), records.heartbeat(), records.other_installations()
                )
        except TimeoutError:
            raise Unavailable("neither ARM nor the app's own records answered in time") from None
        chosen = [resource] if resource else _sample([each.resource_id for each in entries])
        findings += await self._look(chosen, seconds=until - asyncio.get_running_loop().time())
        if resource is None:
            findings += [*self._of_the_app(sweep), *self._of_installations(others)]
        findings += self._of_the_clock()
        findings += self._of_others([each for each in entries if resource in {None, each.resource_id}])
        return HealthReport(
            managed=len(entries),
            checked=len(chosen),
            last_sweep_at=sweep.started_at if sweep else None,
            overdue=sweep.overdue if sweep else None,
            findings=tuple(dict.fromkeys(findings)),
        )

    async def _entries(self) -> tuple[Sequence[InventoryEntry], list[Finding]]:
        """The fleet; where ARM does not list it in time, what the records know of it, and that this is so."""
        try:
            async with asyncio.timeout(LISTING_SECONDS):
                return await self._inventory.all(), []
        except TimeoutError:
            message = f"ARM did not list the fleet within {LISTING_SECONDS:g} s: what is known of it was looked at"
            known = await entries_by_resource(self._services.records)
            return [*known.values()], [Finding(resource="", code=Unavailable.code, message=message)]

    async def _look(self, resources: Sequence[ResourceId], *, seconds: float) -> list[Finding]:
        previews = await self._preflight.look([self._item(each) for each in resources], seconds=seconds)
        return [
            Finding(resource=preview.item.resource, code=each.code, message=each.message)
            for preview in previews
            for each in preview.findings
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
            f"the clock of this worker is {abs(off):g} s {'ahead of' if off > 0 else 'behind'} SignalR's, and tokens "
            "live from a minute ago until in five minutes: no key can be verified. Restart the function app"
        )
        return [Finding(resource="", code="ClockOff", message=message)]

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

    def _of_others(self, entries: Sequence[InventoryEntry]) -> list[Finding]:
        """That somebody else regenerates keys, again and again."""
        now = self._services.clock()
        counts = ((each.resource, each.changes_elsewhere(now)) for each in entries)
        return [
            Finding(
                resource=resource,
                code="KeysChangedElsewhere",
                message=f"its published key was replaced from outside of this app {count} times in 90 days: look in "
                "the activity log for another installation of this app, a script or a person, and let one rotate it",
            )
            for resource, count in counts
            if count >= _REPEATEDLY
        ][:_MOST_FINDINGS]


def _sample(resources: Sequence[ResourceId]) -> list[ResourceId]:
    """Twenty, other ones each time, in the order of their ids."""
    chosen = random.sample(resources, k=min(MOST_CHECKED, len(resources)))
    return sorted(chosen, key=lambda resource: resource.key)
