"""Following a long-running operation: the two URLs its acceptance names, and what they answer.

Seen in recorded sessions: `{id, name, status, startTime[, endTime]}`, no keys, no `Retry-After`. The URLs carry a
signed query nowadays; a client that does not follow them verbatim is refused.
"""

import base64
import hashlib
import hmac
from typing import Any

from local.azure.call import Call, Refused, Reply, error
from local.azure.clock import timestamp
from local.azure.signalr.resource import LongRunning, Provisioning, SignalR
from local.azure.signalr.service import SignalRService

_LONG = 3_000


class Polling:
    """The operationStatuses and operationResults of one service."""

    def __init__(self, service: SignalRService) -> None:
        self._service = service
        self._secret = service.new_id().encode()

    def headers(self, call: Call, resource: SignalR, operation: LongRunning) -> dict[str, str]:
        """What the answer to an accepted call says about where to look."""
        scope = f"/subscriptions/{resource.subscription}/resourceGroups/{resource.group}"
        place = f"{scope}/providers/Microsoft.SignalRService/locations/{resource.location}"
        which = f"{operation.id}/SignalR/{resource.name}"
        query = f"api-version={call.query['api-version']}&{self._signature(resource, operation)}"
        return {
            "Azure-AsyncOperation": f"{call.origin}{place}/operationStatuses/{which}?{query}",
            "Location": f"{call.origin}{place}/operationResults/{which}?{query}",
        }

    def status(self, call: Call, operation_id: str) -> Reply:
        """One look at operationStatuses."""
        return Reply(body=_shown(call, self._looked_at(call, operation_id)))

    def result(self, call: Call, operation_id: str) -> Reply:
        """One look at operationResults, which never says more than whether it is over."""
        operation = self._looked_at(call, operation_id)
        if operation.status == "Running":
            query = "&".join(f"{name}={value}" for name, value in call.query.items())
            return Reply(202, headers={"Location": f"{call.origin}{call.path}?{query}"})
        deleted = isinstance(operation, Provisioning) and operation.state == "Deleting"
        return Reply(204 if deleted else 200)

    def _looked_at(self, call: Call, operation_id: str) -> LongRunning:
        known = self._service.operations.get(operation_id)
        if known is None:
            raise Refused(_unknown(operation_id))
        resource, operation = known
        signed = "&".join(f"{name}={call.query.get(name)}" for name in ("t", "c", "s", "h"))
        if not hmac.compare_digest(signed, self._signature(resource, operation)):
            message = "The operation's URL must be followed as it was given."
            raise Refused(error(403, "InvalidOperationSignature", message))
        operation.polls += 1
        if resource.variant.polls == "one-404" and operation.polls == 1:
            raise Refused(_unknown(operation_id))
        if resource.variant.polls == "done-at-first":
            self._service.finish(resource, operation)
        return operation

    def _signature(self, resource: SignalR, operation: LongRunning) -> str:
        digest = hmac.digest(self._secret, operation.id.encode(), hashlib.sha256)
        ticks = int(operation.started.timestamp() * 10_000_000)
        certificate = "certificate"
        if resource.variant.long_poll_urls:
            certificate = base64.urlsafe_b64encode(digest * (_LONG // len(digest))).decode().rstrip("=")[:_LONG]
        signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return f"t={ticks}&c={certificate}&s={signature}&h={signature[:12]}"


def _shown(call: Call, operation: LongRunning) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": call.path,
        "name": operation.id,
        "status": operation.status,
        "startTime": timestamp(operation.started),
    }
    if operation.ended is not None:
        body["endTime"] = timestamp(operation.ended)
    if operation.status == "Failed":
        body["error"] = {"code": "InternalServerError", "message": "The access key could not be regenerated."}
    return body


def _unknown(operation_id: str) -> Reply:
    return error(404, "OperationNotFound", f"The operation '{operation_id}' was not found.")
