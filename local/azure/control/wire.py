"""What a test may do to events, faults, time and roles, and see of the wire."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from local.azure.cloud import APP, OPERATOR, Cloud
from local.azure.faults import Fault


class WireControl:
    """One method a verb. Arguments and results are JSON values."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def events(self) -> list[dict[str, Any]]:
        """What the topic received, in order."""
        return self._cloud.topic.events

    def dead_letters(self) -> list[dict[str, Any]]:
        """What no webhook would take."""
        return self._cloud.deliveries.dead_letters

    async def deliver_events_to(self, url: str, schema: Any, source: Any, retry_seconds: Sequence[float]) -> str:  # noqa: ANN401  # checked below
        """Subscribe a webhook; the subscription's name."""
        if schema not in ("CloudEventSchemaV1_0", "EventGridSchema") or source not in (
            "topic",
            "keyvault",
            "resources",
        ):
            raise ValueError(f"Unknown schema {schema} or source {source}")
        return await self._cloud.deliveries.subscribe(url, schema, source, retry_seconds)

    def requests(self, service: str | None, since: int) -> list[dict[str, Any]]:
        """The request log."""
        return self._cloud.log.since(since, service)

    def fault(self, **fault: Any) -> None:  # noqa: ANN401  # the fields of Fault
        """Arm a fault."""
        self._cloud.faults.add(Fault(**fault))

    def clear_faults(self) -> None:
        """Disarm all."""
        self._cloud.faults.clear()

    def reset(self) -> None:
        """Everything as new."""
        self._cloud.reset()

    def clock(self) -> str:
        """The time now."""
        return self._cloud.clock.now().isoformat()

    def travel(self, seconds: float, *, clients_too: bool) -> str:
        """Move it; the new time."""
        return self._cloud.clock.travel(seconds, clients_too=clients_too).isoformat()

    def token_lifetime(self, seconds: int) -> None:
        """How long tokens issued from now on live."""
        self._cloud.authority.lifetime_seconds = seconds

    def assign(self, principal: str, actions: Sequence[str], scope: str) -> None:
        """Grant."""
        self._cloud.roles.assign(_object_id(principal), actions, scope)

    def revoke(self, principal: str, action: str | None) -> None:
        """Take away one action, or all."""
        if action is None:
            self._cloud.roles.revoke_all(_object_id(principal))
        else:
            self._cloud.roles.revoke(_object_id(principal), action)

    def roles(self, principal: str | None) -> list[dict[str, Any]]:
        """The assignments."""
        return [asdict(one) for one in self._cloud.roles.of(_object_id(principal) if principal else None)]


def _object_id(principal: str) -> str:
    known = {name: one.object_id for one in (APP, OPERATOR) for name in (one.name, one.client_id)}
    return known.get(principal, principal)
