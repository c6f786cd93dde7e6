"""Event Grid functions: the platform's one webhook for all of them, its handshake, and a run for each event.

`POST /runtime/webhooks/EventGrid?functionName=…&code=…`, seen when the platform's host was run: the key is the
extension's own system key or the master key; the event type in `aeg-event-type` says what is wanted; one failing run of
a delivery answers 500, so that Event Grid delivers all its events again.
"""

import asyncio
import json
from http import HTTPStatus

from aiohttp import web

from local.functions_host.functions import Function
from local.functions_host.http_trigger import key_of
from local.functions_host.keys import EVENT_GRID, Keys
from local.functions_host.worker import Invocation, Worker

PATH = "/runtime/webhooks/eventgrid"
TYPE = "eventGridTrigger"
_ORIGIN = "eventgrid.azure.net"


class EventGridTrigger:
    """The webhook of all Event Grid functions."""

    def __init__(self, worker: Worker, functions: list[Function], keys: Keys) -> None:
        self._worker = worker
        self._keys = keys
        self._functions = {one.name: one for one in functions if one.type == TYPE and not one.disabled}

    def serves(self, request: web.Request) -> bool:
        """Whether the request is for the webhook: its path in any case, and anything below it."""
        path = request.path.lower()
        return path == PATH or path.startswith(f"{PATH}/")

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        key = key_of(request)
        if request.method == "HEAD":
            return web.Response(status=HTTPStatus.NOT_FOUND)
        if not self._keys.opens_extension(EVENT_GRID, key):
            return web.Response(status=HTTPStatus.FORBIDDEN if self._keys.knows(key) else HTTPStatus.UNAUTHORIZED)
        name = request.query.get("functionName", "")
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=HTTPStatus.NOT_FOUND, text=f"cannot find function: '{name}'")
        return await self._asked(function, request)

    async def _asked(self, function: Function, request: web.Request) -> web.Response:
        match request.method, request.headers.get("aeg-event-type"):
            case "OPTIONS", _:
                return web.Response(headers={"Webhook-Allowed-Origin": _ORIGIN})
            case "POST", "SubscriptionValidation":
                return await _validated(request)
            case "POST", "Unsubscribe":
                return web.Response(status=HTTPStatus.ACCEPTED)
            case "POST", "Notification":
                return await self._delivered(function, request)
            case _:
                return web.Response(status=HTTPStatus.BAD_REQUEST)

    async def _delivered(self, function: Function, request: web.Request) -> web.Response:
        try:
            content = json.loads(await request.read())
        except ValueError:
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text="The body is not JSON.")
        events = content if isinstance(content, list) else [content]
        runs = [events] if function.takes_many and events else events
        outcomes = await asyncio.gather(*(self._worker.invoke(self._invocation(function, run)) for run in runs))
        if all(outcome.succeeded for outcome in outcomes):
            return web.Response(status=HTTPStatus.ACCEPTED)
        text = f"Exception while executing function: Functions.{function.name}"
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text=text)

    def _invocation(self, function: Function, run: object) -> Invocation:
        return Invocation(function, self._worker.protos.TypedData(json=json.dumps(run)))


async def _validated(request: web.Request) -> web.Response:
    try:
        content = json.loads(await request.read())
        event = content[0] if isinstance(content, list) else content
        code = event["data"]["validationCode"]
    except (ValueError, LookupError, TypeError):
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
    return web.Response(text=json.dumps({"validationResponse": code}), content_type="text/plain")
