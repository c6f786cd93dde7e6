"""A function app that tells what it was given: what the host's tests look at."""

import json
import logging

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("sample")


@app.route("echo/{word?}", methods=["GET", "POST"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().decode(),
    }
    log.info("echoed", extra={"word": req.route_params.get("word")})
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.timer_trigger("timer", schedule="%SAMPLE_SCHEDULE%")
async def tick(timer: func.TimerRequest) -> None:
    log.info("ticked", extra={"past_due": timer.past_due, "status": timer.schedule_status})


@app.queue_trigger("message", queue_name="sample-work", connection="AzureWebJobsStorage")
async def work(message: func.QueueMessage) -> None:
    log.info("worked", extra={"body": message.get_body().decode(), "dequeue_count": message.dequeue_count})
    if message.get_body() == b"fail":
        raise RuntimeError("asked to fail")


@app.queue_trigger("message", queue_name="sample-work-poison", connection="AzureWebJobsStorage")
async def poisoned(message: func.QueueMessage) -> None:
    log.info("poisoned", extra={"body": message.get_body().decode(), "inserted": str(message.insertion_time)})
