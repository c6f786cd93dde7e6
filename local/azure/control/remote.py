"""What one can tell running emulators, and ask them, over their control endpoint.

Standard library only, synchronous, and safe to import before `SSL_CERT_FILE` is set.
"""

import http.client
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

RETRY_SECONDS = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)


class EmulatorError(Exception):
    """The process did not start, died, or refused what it was told."""


class Remote:
    """The control endpoint at a URL."""

    def __init__(self, control: str) -> None:
        self._control = urlsplit(control)

    # -- SignalR

    def create_signalr(
        self,
        name: str,
        *,
        group: str = "live",
        subscription: str | None = None,
        tags: Mapping[str, str] | None = None,
        location: str = "westeurope",
        disable_local_auth: bool = False,
    ) -> str:
        """A new resource; its ARM id."""
        return str(
            self._tell(
                "create_signalr",
                name=name,
                group=group,
                subscription=subscription,
                tags=tags or {},
                location=location,
                disable_local_auth=disable_local_auth,
            )
        )

    def update_signalr(
        self,
        resource: str,
        *,
        tags: Mapping[str, str] | None = None,
        provisioning_state: str | None = None,
        disable_local_auth: bool | None = None,
    ) -> None:
        """Change what is given, at once."""
        changes = {"tags": tags, "provisioning_state": provisioning_state, "disable_local_auth": disable_local_auth}
        self._tell("update_signalr", resource=resource, **changes)

    def delete_signalr(self, resource: str) -> None:
        """Delete at once."""
        self._tell("delete_signalr", resource=resource)

    def valid_keys(self, resource: str) -> dict[str, str]:
        """`{"Primary": …, "Secondary": …}`: the keys the data plane accepts now, but for `Variant.rejected`."""
        return dict(self._tell("valid_keys", resource=resource))

    def accepts(self, resource: str, key: str) -> bool:
        """Whether the data plane would accept this key now."""
        return bool(self._tell("accepts", resource=resource, key=key))

    def serve_at_root(self, resource: str) -> str:
        """Give the resource an address without a path, as in Azure: for SDKs that expect one. The address."""
        return str(self._tell("serve_at_root", resource=resource))

    def connection_endpoint(self, resource: str) -> str:
        """The endpoint in the resource's connection strings."""
        return str(self._tell("connection_endpoint", resource=resource))

    def regenerate_in_portal(self, resource: str, key_type: str) -> None:
        """Someone else's renewal: effective at once, and told to subscribers of resource events."""
        self._tell("regenerate_in_portal", resource=resource, key_type=key_type)

    def regenerations(self, resource: str) -> list[dict[str, Any]]:
        """Every accepted renewal in order: keyType, startedAt, effectiveAt (None while it is not), status, by."""
        return list(self._tell("regenerations", resource=resource))

    def closings(self, resource: str) -> list[dict[str, Any]]:
        """Every call that closed connections: hub, what, target, reason, excluded, signed_with (a slot), at."""
        return list(self._tell("closings", resource=resource))

    def configure(self, resource: str | None, **variant: Any) -> None:  # noqa: ANN401  # the fields of signalr.Variant
        """Change how renewals behave, of one resource or of all: see `local.azure.signalr.service.Variant`."""
        self._tell("configure", resource=resource, variant=variant)

    def page_size(self, size: int) -> None:
        """How many resources ARM lists on one page."""
        self._tell("page_size", size=size)

    # -- Key Vault

    def secrets(self, vault_url: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """All secrets of a vault (default: the first), versions oldest first."""
        return dict(self._tell("secrets", vault_url=vault_url))

    def put_secret(
        self,
        name: str,
        value: str,
        *,
        vault_url: str | None = None,
        tags: Mapping[str, str] | None = None,
        content_type: str | None = None,
        enabled: bool = True,
        created: datetime | None = None,
        expires: datetime | None = None,
    ) -> str:
        """A new version past all roles, made whenever one likes; its id."""
        return str(
            self._tell(
                "put_secret",
                name=name,
                value=value,
                vault_url=vault_url,
                tags=tags,
                content_type=content_type,
                enabled=enabled,
                created=created.timestamp() if created else None,
                expires=expires.timestamp() if expires else None,
            )
        )

    def disable_secret_version(self, name: str, version: str = "", *, vault_url: str | None = None) -> None:
        """Switch a version off, the newest by default."""
        self._tell("set_secret_version_enabled", name=name, version=version, vault_url=vault_url, enabled=False)

    def enable_secret_version(self, name: str, version: str = "", *, vault_url: str | None = None) -> None:
        """Switch a version on, the newest by default."""
        self._tell("set_secret_version_enabled", name=name, version=version, vault_url=vault_url, enabled=True)

    def delete_secret(self, name: str, *, vault_url: str | None = None, purge: bool = False) -> None:
        """Soft-delete; with `purge` it is gone for good."""
        self._tell("delete_secret", name=name, vault_url=vault_url, purge=purge)

    def raise_near_expiry(self, vault_url: str | None, secret_name: str, *, version: str = "") -> str:
        """Have Key Vault announce SecretNearExpiry of a version, the newest by default; the event's id."""
        return str(self._tell("raise_near_expiry", vault_url=vault_url, name=secret_name, version=version))

    # -- Event Grid

    def events(self) -> list[dict[str, Any]]:
        """The CloudEvents the topic received, in order."""
        return list(self._tell("events"))

    def dead_letters(self) -> list[dict[str, Any]]:
        """Events that no webhook would take, with the reason."""
        return list(self._tell("dead_letters"))

    def deliver_events_to(
        self,
        url: str,
        *,
        schema: Literal["CloudEventSchemaV1_0", "EventGridSchema"] = "CloudEventSchemaV1_0",
        source: Literal["topic", "keyvault", "resources"] = "topic",
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> str:
        """Subscribe a webhook on 127.0.0.1, handshake included; the subscription's name. Raises EmulatorError."""
        return str(
            self._tell("deliver_events_to", url=url, schema=schema, source=source, retry_seconds=list(retry_seconds))
        )

    # -- the wire, time, roles

    def requests(self, service: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """The request log above number `since`: n, service, operation, method, path, status, principal, at, fault."""
        return list(self._tell("requests", service=service, since=since))

    def fault(self, operation: str, **fault: Any) -> None:  # noqa: ANN401  # the fields of faults.Fault
        """Arm a fault: see `local.azure.faults.Fault` for what can go wrong and how often."""
        self._tell("fault", operation=operation, **fault)

    def fault_nth(self, n: int, **fault: Any) -> None:  # noqa: ANN401  # the fields of faults.Fault
        """Arm a fault for the n-th request from now on, counted from 1 over all services but sign-in."""
        self._tell("fault", operation="*", skip=n - 1, **fault)

    def clear_faults(self) -> None:
        """Disarm all."""
        self._tell("clear_faults")

    def reset(self) -> None:
        """Everything as new but the addresses: no resources, secrets, events or faults, real time, the usual roles."""
        self._tell("reset")

    def clock(self) -> datetime:
        """The services' time."""
        return datetime.fromisoformat(self._tell("clock"))

    def travel(self, seconds: float, *, clients_too: bool = True) -> datetime:
        """Move the services' time. With clients_too=False their tokens stay good as if their own clock had stayed."""
        return datetime.fromisoformat(self._tell("travel", seconds=seconds, clients_too=clients_too))

    def token_lifetime(self, seconds: int) -> None:
        """How long tokens issued from now on live (default: a day)."""
        self._tell("token_lifetime", seconds=seconds)

    def assign(self, principal: str, actions: Sequence[str], scope: str = "/") -> None:
        """Grant actions to a principal: `"app"`, a client id or an object id."""
        self._tell("assign", principal=principal, actions=list(actions), scope=scope)

    def revoke(self, principal: str, action: str | None = None) -> None:
        """Take one action from a principal, also where a wildcard granted it; all of them without an action."""
        self._tell("revoke", principal=principal, action=action)

    def roles(self, principal: str | None = None) -> list[dict[str, Any]]:
        """The assignments: principal, actions, scope."""
        return list(self._tell("roles", principal=principal))

    def _tell(self, verb: str, **arguments: Any) -> Any:  # noqa: ANN401  # JSON both ways
        connection = http.client.HTTPConnection(self._control.hostname or "", self._control.port, timeout=60)
        try:
            connection.request("POST", f"/{verb}", json.dumps(arguments), {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        except OSError as gone:
            raise EmulatorError(f"The emulators do not answer {verb}") from gone
        finally:
            connection.close()
        if "result" not in answer:
            raise EmulatorError(f"{verb}: {answer['error']}")
        return answer["result"]
