"""The control endpoint: what a test may do to the cloud and see of it, apart from the services themselves.

`POST /{verb}` with a JSON object of arguments; answers `{"result": …}`, or 400 with `{"error": …}`. It shows keys and
secrets, as a test must compare them, and listens on the loopback interface like everything else here.
"""

import inspect

from aiohttp import web

from local.azure.call import error
from local.azure.cloud import Cloud
from local.azure.control.key_vault import KeyVaultControl
from local.azure.control.signalr import SignalRControl
from local.azure.control.wire import WireControl


class Control:
    """Every public method of the three parts, by its name."""

    def __init__(self, cloud: Cloud) -> None:
        self._verbs = {
            name: verb
            for part in (SignalRControl(cloud), KeyVaultControl(cloud), WireControl(cloud))
            for name, verb in inspect.getmembers(part, inspect.ismethod)
            if not name.startswith("_")
        }

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        verb = self._verbs.get(request.path.strip("/"))
        if verb is None:
            return web.json_response(error(404, "NotFound", "No such verb").body, status=404)
        try:
            result = verb(**(await request.json() if request.can_read_body else {}))
            if inspect.isawaitable(result):
                result = await result
        except Exception as fault:  # noqa: BLE001  # whatever went wrong, the test that asked must hear of it
            return web.json_response({"error": f"{type(fault).__name__}: {fault}"}, status=400)
        return web.json_response({"result": result})
