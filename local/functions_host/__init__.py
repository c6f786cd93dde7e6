"""A Functions host for an app with no Azure account: what `func start` would offer, around the platform's own worker.

The app runs in Microsoft's worker library (azure-functions-runtime), in one process of its own, because the library
keeps one app per process. Around it this package plays the host: HTTP routes and keys, the timer, the storage queue
trigger, the Event Grid trigger and the admin routes. `python -m local.functions_host --app DIR` starts it; from Python
`FunctionsHost.start` does. Its rules are those seen when the platform's own host was run (docs/reference/parity.md).

Where it differs from Azure, on purpose:
- Easy Auth is off, so `X-MS-CLIENT-PRINCIPAL…` headers reach the app as the client sent them, as on the platform.
- The scheduled timer takes no lock across processes: of several hosts on one storage start one with its schedule on.
- A function with a faulty binding (an unset `%SETTING%`) stops the start instead of being left out.
- After a `functionTimeout` the app's process stays, where the platform starts a new one.
- Retry policies and output bindings other than the HTTP answer are not carried out.
"""

from local.functions_host.client import FunctionsHost
from local.functions_host.host_json import FAST_POLLING
from local.functions_host.limits import Limits
from local.functions_host.process import HostDiedError

__all__ = ["FAST_POLLING", "FunctionsHost", "HostDiedError", "Limits"]
