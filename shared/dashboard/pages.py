"""What each request to the dashboard shows: the fleet, one resource, a dry run, or the rotation just submitted."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.dashboard.dry_run_text import dry_run_text
from shared.dashboard.filters import Filters, resource_link
from shared.dashboard.fleet_cache import FRESH, SILENT_AFTER, CachedFleet, FleetCache
from shared.dashboard.fleet_view import FleetView, fleet_view
from shared.dashboard.forms import Act, DashboardForm, PageError, act_of, form_fields, require_same_origin, resource_of
from shared.dashboard.progress import progress_of
from shared.dashboard.resource_view import ResourceView, resource_view
from shared.domain.errors import KeyReused, RotationError
from shared.domain.record import Record
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.http import app_roles
from shared.http.messages import HttpRequest
from shared.rotation.inventory import Inventory
from shared.rotation.ports import Services
from shared.rotation.rollout import Rollouts
from shared.rotation.submit import Rotations

# Seconds until a page refreshes itself: while something newer is being read, while a rotation runs, otherwise.
_IMMEDIATELY, _SOON, _LATER = 2, 4, 20
_METHODS = ("GET", "HEAD", "POST")


@dataclass(frozen=True, slots=True)
class View:
    """A template and its variables, not yet rendered."""

    template: str
    now: datetime
    variables: Mapping[str, object]


class Dashboard:
    """Shows what the records hold; commands take the same way as those of every other trigger."""

    def __init__(
        self,
        rotations: Rotations,
        inventory: Inventory,
        services: Services,
        rollouts: Rollouts,
        *,
        grace: timedelta,
        silent_after: timedelta = SILENT_AFTER,
    ) -> None:
        self._rotations = rotations
        self._inventory = inventory
        self._services = services
        self._rollouts = rollouts
        self._clock = services.clock
        self._grace = grace
        self._cache = FleetCache(inventory, services, services.clock, silent_after=silent_after)

    async def view(self, request: HttpRequest) -> View:
        """The view for a request. Raises `PageError`, and what the record store and `rotations` raise."""
        if request.method not in _METHODS:
            raise PageError(405, "use GET, HEAD or POST", allow=", ".join(_METHODS))
        fields = form_fields(request)
        if act_of(fields) is not Act.VIEW:
            if request.method != "POST":
                raise PageError(405, "what changes something is sent as a form", allow="POST")
            require_same_origin(request)
            return await self._act(DashboardForm.of(fields), by=app_roles.caller(request.headers) or "dashboard")
        resource = resource_of(fields)
        if resource is None:
            return await self._fleet(Filters.of(fields))
        return await self._resource(resource, follow=_uuid(fields.get("follow", "")))

    async def _act(self, form: DashboardForm, *, by: str) -> View:
        if form.act is Act.RESUME:
            hold = await self._rollouts.resume(by=by, reason=form.reason)
            self._cache.forget()
            message = "Scheduled rotations go on with the next sweep." if hold else "There is no hold any more."
            return await self._fleet(Filters(), message)
        if form.resource is None:
            items = await self._submitted(form)
            message = f"Sweep queued for {len(items)} resources. What is due is rotated within minutes."
            return await self._fleet(Filters(), message)
        if form.act is Act.PREVIEW:
            previews = await self._rotations.preview(form.command)
            text = "; ".join(dry_run_text(preview, self._clock()) for preview in previews)
            return await self._resource(form.resource, f"Dry run: {text}. Nothing was done.")
        items = await self._submitted(form)
        return await self._resource(form.resource, "Rotation requested. Its steps follow below.", items[0].rotation_id)

    async def _submitted(self, form: DashboardForm) -> list[WorkItem]:
        """Queue what the form asks for. Raises `PageError` where the same form was sent before with something else."""
        try:
            return await self._rotations.submit(form.command)
        except KeyReused:
            what = "this form was sent before, and requested something else: open the page again to see what came of it"
            raise PageError(409, what) from None

    async def _fleet(self, filters: Filters, message: str = "") -> View:
        now, fleet = self._clock(), await self._cache.current()
        view = fleet_view(fleet.entries, filters, now, grace=self._grace, on_hold=fleet.hold is not None)
        every = _IMMEDIATELY if now > fleet.at + FRESH else _SOON if view.running else _LATER
        variables = _page(view, fleet, message, refresh=filters.link(), every=every)
        return View("fleet.html", now, variables | {"as_of": fleet.at})

    async def _resource(self, resource: ResourceId, message: str = "", follow: str = "") -> View:
        now, record = self._clock(), await self._services.records.read(resource)
        fleet = await self._cache.current_with(resource)
        known = fleet.by_resource.get(resource)
        managed = known is not None or await self._is_managed(resource)
        if record is None:
            if not managed:
                raise PageError(404, f"nothing is known of {resource}")
            record = Record(resource=str(resource))
        status = await self._rotations.status(follow) if follow else None
        followed = progress_of(status) if status and ResourceId.parse(status.operation.resource) == resource else None
        view = resource_view(
            record,
            now,
            grace=self._grace,
            managed=managed,
            on_hold=fleet.hold is not None,
            followed=followed,
            max_age_days=known.max_age_days if known else None,
        )
        refresh = resource_link(resource) + (f"&follow={follow}" if followed else "")
        variables = _page(view, fleet, message, refresh=refresh, every=_IMMEDIATELY if view.changing else _LATER)
        return View("resource.html", now, variables | {"as_of": now})

    async def _is_managed(self, resource: ResourceId) -> bool:
        """Whether a resource that no sweep has found is managed all the same: ARM is asked about this one."""
        with suppress(RotationError):
            return await self._inventory.manages(resource)
        return False


def _page(
    view: FleetView | ResourceView, fleet: CachedFleet, message: str, *, refresh: str, every: int
) -> dict[str, object]:
    """The variables of both pages. `token` makes each form a command of its own, however often it is sent."""
    return {
        "view": view,
        "message": message,
        "warning": fleet.warning,
        "token": str(uuid.uuid4()),
        "refresh": refresh,
        "every": every,
        "hold": fleet.hold,
        "swept_at": fleet.heartbeat.ended_at if fleet.heartbeat else None,
    }


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""
