"""The Azure Functions app: triggers only. Each parses, calls `shared`, and maps the answer.

`shared` is imported inside the functions: the platform indexes this file at every cold start, and indexing needs none
of the Azure SDKs.
"""

import logging
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.http_api import Answer

QUEUE = "signalr-rotation"

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("rotation.triggers")


@app.timer_trigger(schedule="%ROTATION_SCHEDULE%", arg_name="timer", run_on_startup=False, use_monitor=True)
async def sweep(timer: func.TimerRequest) -> None:
    """Look at every resource; what is due is rotated."""
    from shared import wiring  # noqa: PLC0415 - see the module's docstring

    requests = await wiring.app().rotator.sweep()
    log.info("sweep started", extra={"resources": len(requests), "past_due": timer.past_due})


@app.route("rotate", methods=["POST"])
async def rotate(req: func.HttpRequest) -> func.HttpResponse:
    """Rotate one resource as the body says, or everything that is due."""
    from shared import http_api, wiring  # noqa: PLC0415 - see the module's docstring

    async def answer() -> "Answer":
        body = http_api.parse_rotate(req.get_body())
        rotator = wiring.app().rotator
        if body.dry_run:
            return http_api.previewed(await rotator.preview(body.wish))
        return http_api.accepted(req.url, await rotator.submit(body.wish))

    return await _answering(answer)


@app.route("rotations/{id}", methods=["GET"])
async def rotation(req: func.HttpRequest) -> func.HttpResponse:
    """How far a rotation is, as an ARM operation status."""
    from shared import http_api, wiring  # noqa: PLC0415 - see the module's docstring

    async def answer() -> "Answer":
        rotation_id = http_api.parse_rotation_id(req.route_params["id"])
        found = await wiring.app().rotator.status(rotation_id)
        if found is None:
            raise http_api.not_found(rotation_id)
        return http_api.status(req.url, found)

    return await _answering(answer)


@app.queue_trigger(arg_name="msg", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    """Do what one message asks for one resource."""
    from shared import wiring  # noqa: PLC0415 - see the module's docstring
    from shared.requests import Request  # noqa: PLC0415

    await wiring.app().rotator.work(Request.model_validate_json(msg.get_body()))


@app.queue_trigger(arg_name="msg", queue_name=f"{QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison(msg: func.QueueMessage) -> None:
    """Record and announce a message that the platform gave up on."""
    from shared import wiring  # noqa: PLC0415 - see the module's docstring
    from shared.requests import Request  # noqa: PLC0415

    await wiring.app().rotator.give_up(Request.model_validate_json(msg.get_body()))


async def _answering(answer: "Callable[[], Awaitable[Answer]]") -> func.HttpResponse:
    """Turn an answer, a problem or an error into a response, in this one place."""
    from shared.errors import RotationError  # noqa: PLC0415 - see the module's docstring
    from shared.http_api import Problem, problem_of  # noqa: PLC0415

    try:
        result = await answer()
    except Problem as problem:
        result = problem.answer
    except RotationError as error:
        log.exception("request failed", extra={"code": error.code})
        result = problem_of(error).answer
    return func.HttpResponse(
        result.content, status_code=result.status, headers=dict(result.headers), mimetype=result.content_type
    )
