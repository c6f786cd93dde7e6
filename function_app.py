"""The Azure Functions app: triggers only. Each parses, calls `shared`, and maps the answer.

`shared` is imported inside the functions: the platform indexes this file at every cold start, and indexing needs none
of the Azure SDKs.
"""

import logging

import azure.functions as func

QUEUE = "signalr-rotation"
# All that the platform can route: the endpoints answer a wrong one with a problem that names the right ones.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("rotation.triggers")


@app.timer_trigger(schedule="%ROTATION_SCHEDULE%", arg_name="timer", run_on_startup=False, use_monitor=True)
async def sweep(timer: func.TimerRequest) -> None:
    """Look at every resource; what is due is rotated."""
    from shared import composition  # noqa: PLC0415 - see the module's docstring

    requests = await composition.app().rotations.sweep()
    log.info("sweep started", extra={"resources": len(requests), "past_due": timer.past_due})


@app.route("rotate", methods=METHODS)
async def rotate(req: func.HttpRequest) -> func.HttpResponse:
    """Rotate one resource as the body says, or everything that is due."""
    return await _serve(req, "rotate")


@app.route("rotations/{id}", methods=METHODS)
async def rotation(req: func.HttpRequest) -> func.HttpResponse:
    """How far a rotation is, as an ARM operation status."""
    return await _serve(req, "rotation")


@app.route("resources", methods=METHODS)
async def resources(req: func.HttpRequest) -> func.HttpResponse:
    """The managed fleet, in pages."""
    return await _serve(req, "resources")


@app.route("dashboard", methods=METHODS)
async def dashboard(req: func.HttpRequest) -> func.HttpResponse:
    """The managed fleet, or one resource of it, as a page for a person."""
    from shared.dashboard.forms import Visit  # noqa: PLC0415
    from shared.dashboard.routes import answered  # noqa: PLC0415 - see the module's docstring

    headers = {name.lower(): value for name, value in req.headers.items()}
    page = await answered(Visit(req.method.upper(), req.url, req.params, headers, req.get_body()))
    return func.HttpResponse(
        page.html, status_code=page.status, headers=dict(page.headers), mimetype="text/html", charset="utf-8"
    )


@app.route("events", methods=METHODS)
async def events(req: func.HttpRequest) -> func.HttpResponse:
    """What Event Grid tells of: noted down for the worker."""
    return await _serve(req, "events")


@app.route("openapi.json", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """What these addresses take and give."""
    return await _serve(req, "openapi")


@app.route("health", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Whether the app runs. No details: anybody may ask."""
    return await _serve(req, "health")


@app.route("health/deep", methods=METHODS)
async def deep_health(req: func.HttpRequest) -> func.HttpResponse:
    """What would keep rotations from succeeding."""
    return await _serve(req, "deep_health")


@app.queue_trigger(arg_name="msg", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    """Do what one message asks for one resource, or what an event calls for."""
    from shared import composition  # noqa: PLC0415 - see the module's docstring

    await composition.app().messages.work(msg.get_body())


@app.queue_trigger(arg_name="msg", queue_name=f"{QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison(msg: func.QueueMessage) -> None:
    """Record and announce a message that the platform gave up on."""
    from shared import composition  # noqa: PLC0415 - see the module's docstring

    await composition.app().messages.dead_letter(msg.get_body())


async def _serve(req: func.HttpRequest, function: str) -> func.HttpResponse:
    """Hand a call to its endpoint, in words that are not the platform's, and map the answer."""
    from shared.http import routes  # noqa: PLC0415 - see the module's docstring
    from shared.http.calls import Call  # noqa: PLC0415

    headers = {name.lower(): value for name, value in req.headers.items()}
    call = Call(req.method.upper(), req.url, headers, req.route_params, req.get_body())
    answer = await routes.answer(function, call)
    return func.HttpResponse(
        answer.content, status_code=answer.status, headers=dict(answer.headers), mimetype=answer.content_type
    )
