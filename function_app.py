"""The Azure Functions app: triggers only. Each parses, calls `shared`, and maps the response.

`shared` is imported inside the functions: the platform indexes this file at every cold start, and indexing needs none
of the Azure SDKs.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import azure.functions as func

QUEUE = "signalr-rotation"
URGENT = f"{QUEUE}-urgent"  # revocations and forced requests: no sweep is in front of them
# The platform fills in the setting, and does not know its default (`shared.settings.SCHEDULE`).
SCHEDULE = "%ROTATION_SCHEDULE%" if os.environ.get("ROTATION_SCHEDULE") else "0 7 * * * *"
# All that the platform can route: `shared` answers a wrong one with a problem that names the right ones.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("rotation.triggers")


@app.timer_trigger(schedule=SCHEDULE, arg_name="timer", run_on_startup=False, use_monitor=True)
async def sweep(timer: func.TimerRequest) -> None:
    """Queue a look at every resource; what is due is rotated."""
    with _logged("sweep"):
        from shared import composition  # noqa: PLC0415 - see the module's docstring

        log.info("sweep started", extra={"past_due": timer.past_due})
        await composition.app().rotations.sweep()


@app.route("rotate", methods=METHODS)
async def rotate(req: func.HttpRequest) -> func.HttpResponse:
    """Rotate one resource as the body says, or everything that is due."""
    return await _serve("rotate", req)


@app.route("resume", methods=METHODS)
async def resume(req: func.HttpRequest) -> func.HttpResponse:
    """Let scheduled rotations go on that are on hold."""
    return await _serve("resume", req)


@app.route("rotations/{id}", methods=METHODS)
async def rotation(req: func.HttpRequest) -> func.HttpResponse:
    """How far a rotation is, as an ARM operation status."""
    return await _serve("rotation", req)


@app.route("resources", methods=METHODS)
async def resources(req: func.HttpRequest) -> func.HttpResponse:
    """The managed fleet, in pages."""
    return await _serve("resources", req)


@app.route("dashboard", methods=METHODS)
async def dashboard(req: func.HttpRequest) -> func.HttpResponse:
    """The managed fleet, or one resource of it, as a page for a person."""
    return await _serve("dashboard", req)


@app.route("openapi.json", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """The description of these addresses."""
    return await _serve("openapi", req)


@app.route("health", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Whether the app runs. No details: it needs no key."""
    return await _serve("health", req)


@app.route("health/deep", methods=METHODS)
async def deep_health(req: func.HttpRequest) -> func.HttpResponse:
    """What would prevent rotations from succeeding."""
    return await _serve("deep_health", req)


@app.event_grid_trigger(arg_name="event")
async def incoming_event(event: func.EventGridEvent) -> None:
    """Queue one of Azure's events for the worker, if it may need action."""
    with _logged("incoming_event"):
        from shared import composition  # noqa: PLC0415 - see the module's docstring

        # The library makes a CloudEvent of an event in that schema, whatever the annotation says.
        kind = event.type if isinstance(event, func.CloudEvent) else event.event_type
        await composition.app().incoming_events.take(event.id, kind, event.subject, event.get_json())


@app.queue_trigger(arg_name="msg", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    """Process one message: a work item for one resource, or an inbound event."""
    await _work("work", msg)


@app.queue_trigger(arg_name="msg", queue_name=URGENT, connection="AzureWebJobsStorage")
async def work_urgent(msg: func.QueueMessage) -> None:
    """Process one message that no sweep may be in front of."""
    await _work("work_urgent", msg)


@app.queue_trigger(arg_name="msg", queue_name=f"{QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison(msg: func.QueueMessage) -> None:
    """Record and announce a message that failed at every delivery."""
    await _dead_letter("poison", msg)


@app.queue_trigger(arg_name="msg", queue_name=f"{URGENT}-poison", connection="AzureWebJobsStorage")
async def poison_urgent(msg: func.QueueMessage) -> None:
    """Record and announce an urgent message that failed at every delivery."""
    await _dead_letter("poison_urgent", msg)


async def _work(function: str, msg: func.QueueMessage) -> None:
    with _logged(function, msg.get_body()):
        from shared import composition  # noqa: PLC0415 - see the module's docstring

        await composition.app().messages.work(msg.get_body())


async def _dead_letter(function: str, msg: func.QueueMessage) -> None:
    with _logged(function, msg.get_body()):
        from shared import composition  # noqa: PLC0415 - see the module's docstring

        await composition.app().messages.dead_letter(msg.get_body())


@contextmanager
def _logged(function: str, about: bytes = b"") -> Iterator[None]:
    """Log what escapes a trigger; `about`: the message, or the address, in which a rotation id may stand.

    With OpenTelemetry on, the host drops the log category of failed invocations.
    """
    try:
        yield
    except Exception as error:
        found = re.search(rb'(?:"rotationId"\s*:\s*"|/rotations/)([0-9a-f-]{36})\b', about)
        extra = {"function": function, "code": getattr(error, "code", type(error).__name__)}
        log.exception("function failed", extra=extra | ({"rotation_id": found[1].decode()} if found else {}))
        raise


async def _serve(function: str, req: func.HttpRequest) -> func.HttpResponse:
    """Map the request, call the API or the dashboard with it and the app, and map the response."""
    with _logged(function, req.url.encode()):
        return await _answer(function, req)


async def _answer(function: str, req: func.HttpRequest) -> func.HttpResponse:
    from shared import composition  # noqa: PLC0415 - see the module's docstring
    from shared.http.messages import HttpRequest  # noqa: PLC0415

    headers = {name.lower(): value for name, value in req.headers.items()}
    request = HttpRequest(req.method.upper(), req.url, headers, req.route_params, req.get_body())
    if function == "dashboard":
        from shared.dashboard import routes as dashboard_routes  # noqa: PLC0415 - only pages need the template engine

        response = await dashboard_routes.handle(request, composition.app)
    else:
        from shared.http import routes  # noqa: PLC0415

        response = await routes.handle(function, request, composition.app)
    return func.HttpResponse(
        response.body, status_code=response.status, headers=dict(response.headers), mimetype=response.content_type
    )
