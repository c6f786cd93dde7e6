"""The HTTP endpoints: each reads a call, asks the app, and writes the answer. None knows the platform's types."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shared import composition
from shared.domain.errors import Misconfigured
from shared.domain.record import Result
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.domain.wire import Wire
from shared.http import event_webhook, headers, http_api, openapi
from shared.http.calls import Call, Endpoint
from shared.http.fleet_page import FleetPage
from shared.http.problem_details import Answer, Problem
from shared.http.responses import GOOD, Accepted, Finished, OperationStatus, Previewed, Previews, accepted
from shared.http.rotate_request import parse_rotate
from shared.rotation.submit import RotationStatus

RETRY_AFTER_SECONDS = 15  # the operation at the heart of a rotation takes 13-19 s
_OWN_FAULT = {"NotPermitted", "Misconfigured"}


async def _rotate(call: Call) -> Answer:
    body = parse_rotate(call.headers, call.body)
    wish = body.wish(headers.idempotency_key(call.headers))
    rotator = composition.app().rotations
    if body.dry_run:
        previews = await rotator.preview(wish)
        return _json(Previews(previews=tuple(Previewed.of(each) for each in previews)))
    requests = await rotator.submit(wish)
    seconds = headers.wait_seconds(call.headers)
    if not seconds:
        return _accepted(call, requests)
    found = await rotator.wait_for([each.rotation_id for each in requests], seconds=seconds)
    return _waited(call, requests, found, {"Preference-Applied": f"wait={seconds}"})


async def _rotation(call: Call) -> Answer:
    rotation_id = http_api.parse_rotation_id(call.params.get("id", ""))
    found = await composition.app().rotations.status(rotation_id)
    if found is None:
        raise http_api.not_found(rotation_id)
    return _json(OperationStatus.of(found), {} if found.final else {"Retry-After": str(RETRY_AFTER_SECONDS)})


async def _resources(call: Call) -> Answer:
    most, after = http_api.parse_page(call.query)
    page, last = await composition.app().inventory.page(most=most, after=after)
    return _json(FleetPage.of(page, last, base=call.base, most=most, now=datetime.now(UTC)))


async def _events(call: Call) -> Answer:
    if call.method == "OPTIONS":
        return event_webhook.handshake(call.headers)
    events = event_webhook.read(call.headers, call.body)
    if code := event_webhook.validation_code(events):
        return _json(event_webhook.Validation(validation_response=code))
    notices = event_webhook.notices(events)
    await composition.app().incoming_events.take(notices)
    return _json(event_webhook.Taken(noted=len(notices), ignored=len(events) - len(notices)))


async def _openapi(_: Call) -> Answer:
    return Answer(200, openapi.document())


async def _health(call: Call) -> Answer:
    if "deep" in call.query:
        raise Problem("InvalidQuery", "the deep look wants a function key: GET /api/health/deep")
    try:
        composition.app()
    except Misconfigured:
        raise Problem("Unhealthy", "GET /api/health/deep, with a function key, says why") from None
    return Answer(200, b'{"status":"ok"}')


async def _deep_health(call: Call) -> Answer:
    named = call.query.get("resource")
    try:
        resource = None if named is None else ResourceId.parse(named)
    except ValueError as error:
        raise Problem("InvalidQuery", str(error)) from None
    report = await composition.app().health.report(resource)
    if report.findings:
        content = report.model_dump(mode="json", by_alias=True, exclude_none=True)
        raise Problem("Unhealthy", f"{len(report.findings)} of {report.checked} resources", **content)
    return _json(report)


_ENDPOINTS = {
    "rotate": Endpoint(_rotate, ("POST",)),
    "rotation": Endpoint(_rotation, ("GET",)),
    "resources": Endpoint(_resources, ("GET",)),
    # Event Grid has no app role: the key in the subscription's address is what it shows.
    "events": Endpoint(_events, ("POST", "OPTIONS"), role=False),
    "openapi": Endpoint(_openapi, ("GET",), role=False),
    "health": Endpoint(_health, ("GET",), role=False),
    "deep_health": Endpoint(_deep_health, ("GET",)),
}


async def answer(function: str, call: Call) -> Answer:
    """Serve a call of this function of the app. Never raises for what a caller or a service did."""
    return await _ENDPOINTS[function].answer(call)


def _json(content: Wire, headers: dict[str, str] | None = None, status: int = 200) -> Answer:
    return Answer(status, content.model_dump_json(by_alias=True, exclude_none=True).encode(), headers or {})


def _accepted(call: Call, requests: Sequence[WorkItem], headers: dict[str, str] | None = None) -> Answer:
    content: Accepted = accepted(call.base, requests)
    follow = {"Location": content.rotations[0].href} if len(content.rotations) == 1 else {}
    return _json(content, {"Retry-After": str(RETRY_AFTER_SECONDS)} | follow | (headers or {}), 202)


def _waited(
    call: Call, requests: Sequence[WorkItem], found: Sequence[RotationStatus], headers: dict[str, str]
) -> Answer:
    """200 when all went well, a problem when one did not, 202 while one still runs."""
    outcomes = [each.outcome for each in found if each.outcome]
    if len(outcomes) < len(requests):
        return _accepted(call, requests, headers)
    statuses = tuple(map(OperationStatus.of, found))
    bad = [each for each in outcomes if each.result not in GOOD]
    if not bad:
        return _json(statuses[0] if len(statuses) == 1 else Finished(rotations=statuses), headers)
    worst = next((each for each in bad if each.result is not Result.REFUSED), bad[0])
    code = "RotationRefused" if worst.result is Result.REFUSED else "RotationFailed"
    raise Problem(
        worst.code if worst.code in _OWN_FAULT else code,
        worst.message or worst.result.value,
        headers=headers,
        code=worst.code or worst.result.value,
        rotations=[each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in statuses],
    )
