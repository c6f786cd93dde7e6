"""Following a long-running operation: the two URLs its acceptance names, and what they answer.

Recorded (tests/recorded): `{id, name, status, startTime[, endTime]}`, no keys, no `Retry-After`. Until api-version
2021-04-01-preview the addresses were below the location, since then they are below the resource. They carry a signed
query nowadays; a client that does not follow them verbatim is refused.
"""

import base64
import hashlib
import hmac
from typing import Any

from local.azure.arm.resource import shown
from local.azure.call import Call, Refused, Reply, error
from local.azure.clock import timestamp
from local.azure.signalr.resource import LongRunning, Provisioning, SignalR
from local.azure.signalr.service import SignalRService

_LONG = 3_000
_BELOW_THE_RESOURCE_SINCE = "2021-06"
OLDEST = "2018-03-01-preview"
"""The api-version whose regenerations were answered 201, with `Location` alone."""


class Polling:
    """The operationStatuses and operationResults of one service."""

    def __init__(self, service: SignalRService) -> None:
        self._service = service
        self._secret = service.new_id().encode()

    def headers(self, call: Call, resource: SignalR, operation: LongRunning) -> dict[str, str]:
        """What the answer to an accepted call says about where to look."""
        version = call.query["api-version"]
        query = f"api-version={version}&{self._signature(resource, operation)}"
        status, result = (
            f"{call.origin}{_address(resource, operation, kind, version)}?{query}"
            for kind in ("operationStatuses", "operationResults")
        )
        if version == OLDEST or resource.variant.accepted_status == 201:  # noqa: PLR2004 - HTTP's own number
            return {"Location": result}
        if resource.variant.operation_urls == "results-only":
            return {"Azure-AsyncOperation": result, "Location": result}
        return {"Azure-AsyncOperation": status, "Location": result}

    def status(self, call: Call, operation_id: str) -> Reply:
        """One look at operationStatuses."""
        return Reply(body=_shown(call, self._looked_at(call, operation_id)))

    def result(self, call: Call, operation_id: str) -> Reply:
        """One look at operationResults, which says no more than whether it is over, unless it is the only address."""
        operation = self._looked_at(call, operation_id)
        if self._service.operations[operation_id][0].variant.operation_urls == "results-only":
            return Reply(body=_shown(call, operation))
        if operation.status == "Running":
            query = "&".join(f"{name}={value}" for name, value in call.query.items())
            return Reply(202, headers={"Location": f"{call.origin}{call.path}?{query}"})
        if call.query["api-version"] == OLDEST:
            return Reply(body=shown(self._service.operations[operation_id][0]))
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


def _address(resource: SignalR, operation: LongRunning, kind: str, version: str) -> str:
    where = resource.variant.operation_urls
    if where == "location" or (where == "by-version" and version < _BELOW_THE_RESOURCE_SINCE):
        place = f"{resource.id.partition('/SignalR/')[0]}/locations/{resource.location}"
        return f"{place}/{kind}/{operation.id}/SignalR/{resource.name}"
    return f"{resource.id}/{kind}/{operation.id}"


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
