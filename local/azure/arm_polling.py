"""Following a renewal: the two URLs its acceptance names, and what they answer.

Seen in recorded sessions: `{id, name, status, startTime[, endTime]}`, no keys, no `Retry-After`. The URLs carry a
signed query nowadays; a client that does not follow them verbatim is refused.
"""

import base64
import hashlib
import hmac
from typing import Any

from local.azure.call import Call, Refused, Reply, error
from local.azure.clock import timestamp
from local.azure.signalr import Regeneration, SignalR, SignalRService

_LONG = 3_000


class Polling:
    """The operationStatuses and operationResults of one service."""

    def __init__(self, service: SignalRService) -> None:
        self._service = service
        self._secret = service.new_id().encode()

    def headers(self, call: Call, resource: SignalR, regeneration: Regeneration) -> dict[str, str]:
        """What the answer to an accepted call says about where to look."""
        scope = f"/subscriptions/{resource.subscription}/resourceGroups/{resource.group}"
        place = f"{scope}/providers/Microsoft.SignalRService/locations/{resource.location}"
        operation = f"{regeneration.id}/SignalR/{resource.name}"
        query = f"api-version={call.query['api-version']}&{self._signature(resource, regeneration)}"
        return {
            "Azure-AsyncOperation": f"{call.origin}{place}/operationStatuses/{operation}?{query}",
            "Location": f"{call.origin}{place}/operationResults/{operation}?{query}",
        }

    def status(self, call: Call, regeneration_id: str) -> Reply:
        """One look at operationStatuses."""
        return Reply(body=_shown(call, self._looked_at(call, regeneration_id)))

    def result(self, call: Call, regeneration_id: str) -> Reply:
        """One look at operationResults, which never says more than whether it is over."""
        if self._looked_at(call, regeneration_id).status == "Running":
            query = "&".join(f"{name}={value}" for name, value in call.query.items())
            return Reply(202, headers={"Location": f"{call.origin}{call.path}?{query}"})
        return Reply(200)

    def _looked_at(self, call: Call, regeneration_id: str) -> Regeneration:
        known = self._service.regenerations.get(regeneration_id)
        if known is None:
            raise Refused(_unknown(regeneration_id))
        resource, regeneration = known
        signed = "&".join(f"{name}={call.query.get(name)}" for name in ("t", "c", "s", "h"))
        if not hmac.compare_digest(signed, self._signature(resource, regeneration)):
            message = "The operation's URL must be followed as it was given."
            raise Refused(error(403, "InvalidOperationSignature", message))
        regeneration.polls += 1
        if resource.variant.polls == "one-404" and regeneration.polls == 1:
            raise Refused(_unknown(regeneration_id))
        if resource.variant.polls == "done-at-first":
            self._service.finish(resource, regeneration)
        return regeneration

    def _signature(self, resource: SignalR, regeneration: Regeneration) -> str:
        digest = hmac.digest(self._secret, regeneration.id.encode(), hashlib.sha256)
        ticks = int(regeneration.started.timestamp() * 10_000_000)
        certificate = "certificate"
        if resource.variant.long_poll_urls:
            certificate = base64.urlsafe_b64encode(digest * (_LONG // len(digest))).decode().rstrip("=")[:_LONG]
        signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return f"t={ticks}&c={certificate}&s={signature}&h={signature[:12]}"


def _shown(call: Call, regeneration: Regeneration) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": call.path,
        "name": regeneration.id,
        "status": regeneration.status,
        "startTime": timestamp(regeneration.started),
    }
    if regeneration.ended is not None:
        body["endTime"] = timestamp(regeneration.ended)
    if regeneration.status == "Failed":
        body["error"] = {"code": "InternalServerError", "message": "The access key could not be regenerated."}
    return body


def _unknown(regeneration_id: str) -> Reply:
    return error(404, "OperationNotFound", f"The operation '{regeneration_id}' was not found.")
