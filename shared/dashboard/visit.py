"""One visit to the dashboard: look at the fleet or at one resource, try what a rotation would do, or ask for one."""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.dashboard.dry_run_text import dry_run_text
from shared.dashboard.filters import Filters
from shared.dashboard.fleet_cache import FRESH, FleetCache
from shared.dashboard.fleet_view import fleet_view
from shared.dashboard.forms import Act, Asked, Refused, Visit, act_of, resource_of
from shared.dashboard.progress import progress_of
from shared.dashboard.resource_view import resource_view
from shared.domain.record import Record
from shared.domain.resources import ResourceId
from shared.rotation.inventory import Inventory
from shared.rotation.ports import Services
from shared.rotation.submit import Rotations

log = logging.getLogger("rotation.dashboard")

_AT_ONCE, _SOON, _NOW_AND_THEN = 2, 4, 20  # seconds until a page asks again
_METHODS = frozenset({"GET", "HEAD", "POST"})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a visit gets to see: a template and its facts, not yet rendered."""

    template: str
    now: datetime
    facts: Mapping[str, object]


class Dashboard:
    """Answers visits from what the ledger holds; what is asked for goes the way every other request goes."""

    def __init__(
        self,
        rotations: Rotations,
        inventory: Inventory,
        services: Services,
        *,
        grace: timedelta,
    ) -> None:
        self._rotator = rotations
        self._services = services
        self._clock = services.clock
        self._grace = grace
        self._glances = FleetCache(inventory, services, services.clock)

    async def answer(self, visit: Visit) -> Shown:
        """What a visit gets. Raises `Refused`, and what the ledger and the rotator raise."""
        if visit.method not in _METHODS:
            raise Refused(405, "use GET, HEAD or POST")
        fields = visit.fields
        if act_of(fields) is not Act.VIEW:
            if visit.method != "POST":
                raise Refused(405, "what changes something is sent as a form")
            visit.require_same_origin()
            return await self._act(Asked.of(fields))
        resource = resource_of(fields)
        if resource is None:
            return await self._fleet(Filters.of(fields))
        return await self._resource(resource, follow=_uuid(fields.get("follow", "")))

    async def _act(self, asked: Asked) -> Shown:
        if asked.act is Act.PREVIEW or asked.resource is None:
            notice = await self._previewed(asked) if asked.resource else await self._swept(asked)
            return await (self._resource(asked.resource, notice) if asked.resource else self._fleet(Filters(), notice))
        requests = await self._rotator.submit(asked.wish)
        log.info("rotation asked for", extra={"resource": str(asked.resource), "mode": asked.mode.value})
        return await self._resource(asked.resource, "Asked for. Its steps follow below.", requests[0].rotation_id)

    async def _previewed(self, asked: Asked) -> str:
        previews = await self._rotator.preview(asked.wish)
        return (
            "Dry run: "
            + "; ".join(dry_run_text(preview, self._clock()) for preview in previews)
            + ". Nothing was done."
        )

    async def _swept(self, asked: Asked) -> str:
        requests = await self._rotator.submit(asked.wish)
        log.info("sweep asked for", extra={"resources": len(requests)})
        return f"Asked for a look at {len(requests)} resources. What is due is rotated within minutes."

    async def _fleet(self, choice: Filters, notice: str = "") -> Shown:
        now = self._clock()
        glance = await self._glances.look()
        view = fleet_view(glance.entries, choice, now, grace=self._grace)
        facts = {
            "view": view,
            "notice": notice or glance.warning,
            "token": str(uuid.uuid4()),
            "refresh": choice.link(),
            "seen_at": glance.at,
            "swept_at": glance.heartbeat.ended_at if glance.heartbeat else None,
            "every": _AT_ONCE if now > glance.at + FRESH else _SOON if view.running else _NOW_AND_THEN,
        }
        return Shown("fleet.html", now, facts)

    async def _resource(self, resource: ResourceId, notice: str = "", follow: str = "") -> Shown:
        now, record = self._clock(), await self._services.records.read(resource)
        glance = await self._glances.look_for(resource)
        if record is None:
            if not glance.holds(resource):
                raise Refused(404, f"nothing is known of {resource}")
            record = Record(resource=str(resource))
        status = await self._rotator.status(follow) if follow else None
        followed = progress_of(status) if status and ResourceId.parse(status.operation.resource) == resource else None
        view = resource_view(record, now, grace=self._grace, managed=glance.holds(resource), follow=followed)
        refresh = view.row.link + (f"&follow={follow}" if followed else "")
        facts = {
            "view": view,
            "notice": notice or glance.warning,
            "token": str(uuid.uuid4()),
            "refresh": refresh,
            "seen_at": now,
            "swept_at": glance.heartbeat.ended_at if glance.heartbeat else None,
            "every": _AT_ONCE if view.changing else _NOW_AND_THEN,
        }
        return Shown("resource.html", now, facts)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""
