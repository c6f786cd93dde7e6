"""Whether rotations would succeed now: the preflight of the resources, without a request behind it."""

from datetime import datetime, timedelta

from pydantic import Field

from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire
from shared.rotation.inventory import Inventory
from shared.rotation.ports import Services
from shared.rotation.submit import Rotations

_RECENT = timedelta(days=3)
MOST_CHECKED = 20  # a look at a resource draws on ARM's write budget, which rotations need


class Finding(Wire):
    """What would keep one resource, or all of a subscription, from being rotated."""

    resource: str = Field(description="ARM id; empty where it concerns the whole app")
    code: str
    message: str


class HealthReport(Wire):
    """What was looked at, and what was found."""

    managed: int = Field(description="How many resources are managed")
    checked: int = Field(description="How many of them were looked at")
    last_sweep_at: datetime | None = Field(None, description="When the timer last looked at all of them")
    overdue: int | None = Field(None, description="How many it found past due")
    findings: tuple[Finding, ...] = ()


class Health:
    """Looks at the managed resources as a rotation would."""

    def __init__(self, services: Services, inventory: Inventory, rotations: Rotations) -> None:
        self._services = services
        self._inventory = inventory
        self._rotations = rotations

    async def report(self, resource: ResourceId | None = None) -> HealthReport:
        """Look at one resource, or at the first twenty, and change nothing. Raises what ARM and storage raise."""
        managed = [each.resource_id for each in await self._inventory.all()]
        chosen = [resource] if resource else managed[:MOST_CHECKED]
        # As if a caller asked for a rotation now: only then does everything show that one would meet.
        asked = [RotationCommand("health", each, Mode.ROTATE, force=True) for each in chosen]
        previews = [preview for command in asked for preview in await self._rotations.preview(command)]
        findings = [
            Finding(resource=preview.item.resource, code=each.code, message=each.message)
            for preview in previews
            for each in preview.findings
        ]
        sweep = await self._services.records.heartbeat()
        if sweep and resource is None:
            findings += [
                Finding(resource=f"/subscriptions/{each.subscription}", code=each.code, message=each.message)
                for each in sweep.unreadable
            ]
        if resource is None:
            findings += await self._others()
        return HealthReport(
            managed=len(managed),
            checked=len(chosen),
            last_sweep_at=sweep.started_at if sweep else None,
            overdue=sweep.overdue if sweep else None,
            findings=tuple(findings),
        )

    async def _others(self) -> list[Finding]:
        """Other installations that swept lately with the same storage account: each may take the other's messages."""
        swept = await self._services.records.other_installations()
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
