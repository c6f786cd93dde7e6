"""Named faults: what goes wrong, on which operation, how often. Set by tests, never by the services themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from local.azure.call import Operation, Reply, error

Cut = Literal["before-effect", "after-effect"]

_CODES = {429: "TooManyRequests", 500: "InternalServerError", 503: "ServiceUnavailable", 504: "GatewayTimeout"}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing going wrong `times` times, after the first `skip` calls that match.

    `cut` resets the connection before or after the service acted. `status` answers with that status; with `effect` the
    service has acted all the same. `delay` waits so many seconds before anything else, `slow_body` stretches the
    sending of the answer over so many seconds.
    """

    operation: str
    times: int = 1
    skip: int = 0
    resource: str | None = None
    status: int | None = None
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    slow_body: float = 0.0
    cut: Cut | None = None
    effect: bool = False

    def __str__(self) -> str:
        """How the request log names it."""
        told = {"cut": self.cut, "status": self.status, "delay": self.delay, "slow body": self.slow_body}
        return ", ".join(f"{what} {value}" for what, value in told.items() if value) or "none"

    def reply(self) -> Reply:
        """The answer given instead of the service's own."""
        status = self.status or 500
        if self.body is not None:
            return Reply(status, self.body, self.headers)
        code = _CODES.get(status, "Fault")
        return error(status, code, "This answer was ordered by a test.", headers=self.headers)


class Faults:
    """The faults still to come. Each counts the calls that match it; the first that is due strikes."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Arm one more."""
        if fault.cut is None and fault.status is None and not fault.delay and not fault.slow_body:
            raise ValueError("A fault needs a cut, a status, a delay or a slow_body")
        self._pending.append(fault)

    def clear(self) -> None:
        """Disarm all."""
        self._pending.clear()

    def strike(self, service: str, operation: Operation) -> Fault | None:
        """The fault that hits this call, if any."""
        if not self._pending:
            return None
        struck = None
        for fault in tuple(self._pending):
            if not _matches(fault, service, operation):
                continue
            if fault.skip:
                fault.skip -= 1
            elif struck is None:
                struck = fault
                fault.times -= 1
                if not fault.times:
                    self._pending.remove(fault)
        return struck


def _matches(fault: Fault, service: str, operation: Operation) -> bool:
    if fault.resource is not None and fault.resource.lower() not in operation.resource.lower():
        return False
    if fault.operation == "*":
        return service not in {"identity", "login"}
    if fault.operation == "DataPlane.probe":
        return service == "signalr"
    return fault.operation.lower() == operation.name.lower()
