"""HTTP functions: route, key, call, answer; an empty body for 401, 404 and 500, as on the platform."""

import asyncio

from aiohttp import web

from local.functions_host.functions import Function
from local.functions_host.http_message import to_response, to_rpc
from local.functions_host.invocation_log import log
from local.functions_host.keys import Keys
from local.functions_host.routes import sorted_routes
from local.functions_host.worker import Invocation, Worker


class HttpTrigger:
    """Answers every request the admin routes do not."""

    def __init__(
        self, worker: Worker, functions: list[Function], keys: Keys, *, prefix: str, answer_within_seconds: float
    ) -> None:
        self._worker = worker
        self._keys = keys
        self._routes = sorted_routes(functions, prefix)
        self._answer_within_seconds = answer_within_seconds
        self._unanswered: set[asyncio.Task[web.Response]] = set()

    async def answer(self, request: web.Request) -> web.Response:
        """Find the function, check the key, run it.

        A function that takes longer than the platform's load balancer waits (230 s, "Function app timeout duration" in
        the docs on scaling and hosting) goes on running while its caller gets 504.
        """
        for route in self._routes:
            params = route.match(request.method, request.rel_url.raw_path)
            if params is not None:
                return await self._call(route.function, request, params)
        return web.Response(status=404)

    async def _call(self, function: Function, request: web.Request, params: dict[str, str]) -> web.Response:
        key = key_of(request)
        if not self._keys.opens(function, key):
            return web.Response(status=401)
        if function.disabled and not self._keys.is_master(key):
            return web.Response(status=404)
        data = await to_rpc(request, params, self._worker.protos)
        task = asyncio.create_task(self._run(Invocation(function, data)))
        self._unanswered.add(task)
        task.add_done_callback(self._unanswered.discard)
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._answer_within_seconds)
        except TimeoutError:
            log.warning("answer cut, the function goes on", extra={"function": function.name})
            return web.Response(status=504)

    async def _run(self, invocation: Invocation) -> web.Response:
        outcome = await self._worker.invoke(invocation)
        return to_response(outcome.return_value) if outcome.succeeded else web.Response(status=500)


def key_of(request: web.Request) -> str:
    """The access key a request carries; empty when it has none.

    The header wins over `?code=`, even an empty one. The parameter's name is in any case; of several the first counts.
    """
    header = request.headers.get("x-functions-key")
    if header is not None:
        return header
    return next((value for name, value in request.query.items() if name.lower() == "code"), "")
