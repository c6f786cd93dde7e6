"""A function app that tells what it was given, does as it is told, and logs it: what the host's tests look at."""

import asyncio
import json
import logging
import os
import time
from http.cookies import SimpleCookie

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("sample")
released: dict[str, asyncio.Event] = {}

print("imported")  # noqa: T201 - what an app prints must not come between the host and its caller


def gate(name: str) -> asyncio.Event:
    return released.setdefault(name, asyncio.Event())


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


@app.route("files/{*rest}")
async def files(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params.get("rest"))


@app.route("numbers/{value:int}")
async def numbers(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"a number {req.route_params['value']}")


@app.route("numbers/pi")
async def pi(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker fills it by name
    return func.HttpResponse("a constant")


@app.route("open", auth_level=func.AuthLevel.ANONYMOUS)
async def open_to_all(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.headers.get("x-ms-client-principal"))


@app.route("guarded", auth_level=func.AuthLevel.ADMIN)
async def guarded(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker fills it by name
    return func.HttpResponse("inside")


@app.route("answer")
async def answer(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker fills it by name
    cookie = SimpleCookie()
    cookie["visit"] = "1"
    cookie["visit"]["path"] = "/"
    cookie["visit"]["secure"] = True
    cookie["visit"]["samesite"] = "Strict"
    cookie["visit"]["expires"] = "Wed, 21 Oct 2026 07:28:00 GMT"
    headers = {"Retry-After": "7", "Set-Cookie": cookie.output(header="").strip()}
    return func.HttpResponse(b"\x00\x01", status_code=202, headers=headers, mimetype="application/octet-stream")


@app.route("boom")
async def boom(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker fills it by name
    raise RuntimeError("asked to fail")


@app.route("nothing")
async def nothing(req: func.HttpRequest) -> func.HttpResponse:  # the fault to be shown
    log.info("nothing to say", extra={"for": req.method})


@app.route("hold/{name}")
async def hold(req: func.HttpRequest) -> func.HttpResponse:
    await gate(req.route_params["name"]).wait()
    log.info("let go", extra={"gate": req.route_params["name"]})
    return func.HttpResponse("let go")


@app.route("release/{name}")
async def release(req: func.HttpRequest) -> func.HttpResponse:
    gate(req.route_params["name"]).set()
    return func.HttpResponse("released")


@app.route("sync")
def sync(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker fills it by name
    log.info("from a thread")
    return func.HttpResponse(str(time.time()))


@app.route("jam")
async def jam(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(float(req.params["seconds"]))  # noqa: ASYNC251 - blocking the worker's loop is what it is for
    return func.HttpResponse("free again")


@app.timer_trigger("timer", schedule="%SAMPLE_SCHEDULE%")
async def tick(timer: func.TimerRequest) -> None:
    log.info("ticked", extra={"past_due": timer.past_due, "timer": timer.to_dict(), "at": time.time()})


@app.timer_trigger("timer", schedule="0 0 0 1 1 *")
async def long_tick(timer: func.TimerRequest) -> None:
    log.info("long tick begins", extra={"past_due": timer.past_due})
    await gate("long-tick").wait()


@app.timer_trigger("timer", schedule="%SAMPLE_SLOW_SCHEDULE%")
async def slow_tick(timer: func.TimerRequest) -> None:
    log.info("slow tick", extra={"past_due": timer.past_due, "at": time.time(), "status": timer.schedule_status})
    await asyncio.sleep(float(os.environ.get("SAMPLE_SLOW_SECONDS", "0")))
    log.info("slow tick ends", extra={"at": time.time()})


@app.queue_trigger("message", queue_name="%SAMPLE_QUEUE%", connection="AzureWebJobsStorage")
async def work(message: func.QueueMessage) -> None:
    body = message.get_body().decode()
    seen = {"body": body, "attempt": message.dequeue_count, "facts": message.to_dict()}
    log.info("worked", extra=seen)
    command, _, argument = body.partition(" ")
    if command == "fail":
        raise RuntimeError("asked to fail")
    if command == "wait":
        await asyncio.sleep(float(argument))
    if command == "hold":
        await gate(argument).wait()
    log.info("done", extra={"body": body})


@app.queue_trigger("message", queue_name="%SAMPLE_QUEUE%-poison", connection="AzureWebJobsStorage")
async def poisoned(message: func.QueueMessage) -> None:
    body = message.get_body().decode()
    log.info("poisoned", extra={"body": body, "attempt": message.dequeue_count, "at": time.monotonic()})
    if body == "fail always":
        raise RuntimeError("asked to fail")


@app.event_grid_trigger("event")
async def heard(event: func.EventGridEvent) -> None:
    log.info("heard", extra={"event": event.id, "subject": event.subject})
    if event.subject == "fail":
        raise RuntimeError("asked to fail")


@app.route("adm", methods=["GET"])
async def admin_of_nothing(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker fills it by name
    return func.HttpResponse("only a name")
