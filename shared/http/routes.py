"""The HTTP API: a table of endpoints and what each does. Method check, app role and error mapping are the same for all.

A handler gets the app as a function that it calls when it needs it: the app is built at the first call, which raises
`Misconfigured` while a setting is wrong, and the health check answers even then.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from shared.domain.errors import Misconfigured, Rejected, RotationError
from shared.domain.record import Result
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire
from shared.http import app_roles, fleet_sheet, page_token
from shared.http.headers import MOST_PER_PAGE, idempotency_key, paging, wait_seconds
from shared.http.messages import HttpRequest, HttpResponse
from shared.http.problem_details import Problem, problem_of
from shared.http.responses import (
    GOOD,
    AcceptedRotations,
    FinishedRotations,
    FleetPage,
    OperationStatus,
    PreviewedRotations,
    ResumedRotations,
)
from shared.http.rotate_request import RotateBody, parse_resume, parse_rotate
from shared.rotation.health import Health
from shared.rotation.inventory import Inventory
from shared.rotation.rollout import Rollouts
from shared.rotation.submit import Rotations, RotationStatus
from shared.settings import Settings

RETRY_AFTER_SECONDS = 15  # a regeneration takes ARM 13-19 s
_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_ROTATION_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_SHEET = {"Vary": "Accept", "Content-Disposition": 'attachment; filename="signalr-keys.csv"'}
_OWN_FAULT = {"NotPermitted", "Misconfigured"}

log = logging.getLogger("rotation.http")


class Api(Protocol):
    """What the endpoints need of the app; `composition.App` offers it."""

    @property
    def settings(self) -> Settings:
        """The app's settings."""

    @property
    def rotations(self) -> Rotations:
        """Accepts commands, previews them and knows their status."""

    @property
    def rollouts(self) -> Rollouts:
        """Ends the hold of scheduled rotations."""

    @property
    def inventory(self) -> Inventory:
        """The managed resources with their last snapshots."""

    @property
    def health(self) -> Health:
        """What would prevent rotations from succeeding."""


type GetApi = Callable[[], Api]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one address offers. `role`: callers must have the app role that the settings name, if they name one.

    `admin`: and the one for what can reject clients.
    """

    handle: Callable[[HttpRequest, GetApi], Awaitable[HttpResponse]]
    methods: tuple[str, ...]
    role: bool = True
    admin: bool = False


async def handle(function: str, request: HttpRequest, app: GetApi) -> HttpResponse:
    """Answer a request to this function of the app. A `Problem` or `RotationError` becomes a problem response."""
    try:
        response = await _dispatch(_ENDPOINTS[function], request, app)
    except Problem as problem:
        response = problem.response
    except RotationError as error:
        response = problem_of(error).response
        level = logging.ERROR if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
        log.log(level, "request failed", extra={"code": error.code}, exc_info=level == logging.ERROR)
    return replace(response, headers={**_ALWAYS, **response.headers})


async def _dispatch(endpoint: Endpoint, request: HttpRequest, app: GetApi) -> HttpResponse:
    method = "GET" if request.method == "HEAD" else request.method
    if method not in endpoint.methods:
        allow = ", ".join((*endpoint.methods, "HEAD") if "GET" in endpoint.methods else endpoint.methods)
        raise Problem("MethodNotAllowed", f"use {allow}", headers={"Allow": allow})
    if endpoint.role:
        app_roles.require_role(app().settings.REQUIRED_APP_ROLE, request.headers)
    if endpoint.admin:
        app_roles.require_admin(app().settings.REQUIRED_ADMIN_ROLE, request.headers)
    return await endpoint.handle(request, app)


async def _rotate(request: HttpRequest, app: GetApi) -> HttpResponse:
    body = parse_rotate(request)
    command = body.command(idempotency_key(request.headers))
    rotations = app().rotations
    if body.dry_run:
        return _json(PreviewedRotations.of(await rotations.preview(command)))
    await _require_admin(body, request, app)
    seconds, began = wait_seconds(request.headers), time.monotonic()
    items = await rotations.submit(command)
    if not seconds:
        return _accepted(request, items)
    left = max(0.0, began + seconds - time.monotonic())  # of a large fleet, submitting takes its time as well
    statuses = await rotations.wait_for([each.rotation_id for each in items], seconds=left)
    return _waited(request, items, statuses, {"Preference-Applied": f"wait={seconds}"})


async def _require_admin(body: RotateBody, request: HttpRequest, app: GetApi) -> None:
    """Raise `Problem` where the request can reject clients and the caller lacks the role for that."""
    role = app().settings.REQUIRED_ADMIN_ROLE
    if app_roles.has_admin(role, request.headers):
        return
    shorter = False
    if not body.can_hurt and body.resource and body.overlap_hours is not None:
        policy = await app().rotations.policy_of(ResourceId.parse(body.resource))
        shorter = timedelta(hours=body.overlap_hours) < policy.overlap
    if body.can_hurt or shorter:
        app_roles.require_admin(role, request.headers)


async def _resume(request: HttpRequest, app: GetApi) -> HttpResponse:
    body = parse_resume(request)
    by = app_roles.caller(request.headers) or "function key"
    return _json(ResumedRotations.of(await app().rollouts.resume(by=by, reason=body.reason)))


async def _rotation(request: HttpRequest, app: GetApi) -> HttpResponse:
    text = request.route_params.get("id", "")
    rotation_id = text.lower() if _ROTATION_ID.fullmatch(text) else None
    status = await app().rotations.status(rotation_id) if rotation_id else None
    if status is None:
        raise Problem("RotationNotFound", f"no rotation has the id {(rotation_id or text)[:64]!r}")
    return _json(OperationStatus.of(status), {} if status.final else {"Retry-After": str(RETRY_AFTER_SECONDS)})


async def _resources(request: HttpRequest, app: GetApi) -> HttpResponse:
    inventory, now = app().inventory, datetime.now(UTC)
    grace = timedelta(hours=app().settings.OVERDUE_GRACE_HOURS)
    if fleet_sheet.wants_sheet(request):
        pieces = fleet_sheet.sheet(inventory.pages(most=MOST_PER_PAGE), now, grace=grace)
        # The platform's worker takes a response whole: here the stream ends (docs/reference/resource-list.md).
        return HttpResponse(200, b"".join([piece async for piece in pieces]), _SHEET, fleet_sheet.MEDIA_TYPE)
    most, start = paging(request.query)
    try:
        page, following = await inventory.page(most=most, start=start)
    except Rejected:
        if start.marker:
            raise page_token.not_a_token() from None
        raise
    return _json(
        FleetPage.of(page, following, base_url=request.base_url, most=most, now=now, grace=grace), {"Vary": "Accept"}
    )


async def _openapi(_: HttpRequest, __: GetApi) -> HttpResponse:
    return HttpResponse(200, openapi_document())


async def _health(request: HttpRequest, app: GetApi) -> HttpResponse:
    if "deep" in request.query:
        raise Problem("InvalidQuery", "the deep look wants a function key: GET /api/health/deep")
    try:
        app()
    except Misconfigured:
        raise Problem("Unhealthy", "GET /api/health/deep, with a function key, says why") from None
    return HttpResponse(200, b'{"status":"ok"}')


async def _deep_health(request: HttpRequest, app: GetApi) -> HttpResponse:
    named = request.query.get("resource")
    try:
        resource = None if named is None else ResourceId.parse(named)
    except ValueError as error:
        raise Problem("InvalidQuery", str(error)) from None
    report = await app().health.report(resource)
    if report.findings:
        content = report.model_dump(mode="json", by_alias=True, exclude_none=True)
        found, codes = len(report.findings), ", ".join(dict.fromkeys(each.code for each in report.findings))
        detail = f"{found} findings ({codes}); {report.checked} of {report.managed} resources were looked at"
        raise Problem("Unhealthy", detail, **content)
    return _json(report)


_ENDPOINTS = {
    "rotate": Endpoint(_rotate, ("POST",)),
    "resume": Endpoint(_resume, ("POST",), admin=True),
    "rotation": Endpoint(_rotation, ("GET",)),
    "resources": Endpoint(_resources, ("GET",)),
    "openapi": Endpoint(_openapi, ("GET",), role=False),
    "health": Endpoint(_health, ("GET",), role=False),
    "deep_health": Endpoint(_deep_health, ("GET",)),
}


@cache
def openapi_document() -> bytes:
    """The OpenAPI document, as `make openapi` wrote it from the classes of this package."""
    return Path(__file__).with_name("openapi.json").read_bytes()


def _json(content: Wire, headers: dict[str, str] | None = None, status: int = 200) -> HttpResponse:
    return HttpResponse(status, content.model_dump_json(by_alias=True, exclude_none=True).encode(), headers or {})


def _accepted(request: HttpRequest, items: Sequence[WorkItem], headers: dict[str, str] | None = None) -> HttpResponse:
    content = AcceptedRotations.of(items, base_url=request.base_url)
    follow = {"Location": content.rotations[0].href} if len(content.rotations) == 1 else {}
    return _json(content, {"Retry-After": str(RETRY_AFTER_SECONDS)} | follow | (headers or {}), 202)


def _waited(
    request: HttpRequest, items: Sequence[WorkItem], statuses: Sequence[RotationStatus], headers: dict[str, str]
) -> HttpResponse:
    """200 when all rotations succeeded, a problem when one did not, 202 while one is running."""
    outcomes = [each.outcome for each in statuses if each.outcome]
    if len(outcomes) < len(items):
        return _accepted(request, items, headers)
    content = tuple(map(OperationStatus.of, statuses))
    bad = [each for each in outcomes if each.result not in GOOD]
    if not bad:
        return _json(content[0] if len(content) == 1 else FinishedRotations(rotations=content), headers)
    worst = next((each for each in bad if each.result is not Result.REFUSED), bad[0])
    code = "RotationRefused" if worst.result is Result.REFUSED else "RotationFailed"
    raise Problem(
        worst.code if worst.code in _OWN_FAULT else code,
        worst.message or worst.result.value,
        headers=headers,
        code=worst.code or worst.result.value,
        rotations=[each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in content],
    )
