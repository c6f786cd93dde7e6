"""The control endpoint: what a test may do to the cloud and see of it, apart from the services themselves.

`POST /{verb}` with a JSON object of arguments; answers `{"result": …}`, or 400 with `{"error": …}`. It shows keys and
secrets, as a test must compare them, and listens on the loopback interface like everything else here.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from local.azure.call import error
from local.azure.clock import timestamp
from local.azure.cloud import APP, SUBSCRIPTION, Cloud
from local.azure.faults import Fault
from local.azure.signalr import KEY_TYPES, Regeneration, SignalR, Variant
from local.azure.system_events import secret_event
from local.azure.vault import Vault

PORTAL = "someone in the portal"

Json = Any


class Control:
    """One method a verb. Arguments and results are JSON values."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        verb = request.path.strip("/").replace("-", "_")
        act = getattr(self, verb, None)
        if verb.startswith("_") or act is None:
            return web.json_response(error(404, "NotFound", f"No verb {verb}").body, status=404)
        try:
            arguments = await request.json() if request.can_read_body else {}
            result = act(**arguments)
            if inspect.isawaitable(result):
                result = await result
        except Exception as fault:  # noqa: BLE001  # whatever went wrong, the test that asked must hear of it
            return web.json_response({"error": f"{type(fault).__name__}: {fault}"}, status=400)
        return web.json_response({"result": result})

    # -- SignalR

    def create_signalr(
        self,
        name: str,
        group: str,
        subscription: str | None,
        tags: Mapping[str, str],
        location: str,
        *,
        disable_local_auth: bool,
    ) -> str:
        """A new resource; its ARM id. Subscription and group are made if they are not there."""
        subscription = subscription or SUBSCRIPTION
        self._cloud.groups.add((subscription.lower(), group.lower()))
        made = self._cloud.signalr.create(subscription, group, name, location, PORTAL)
        made.tags = dict(tags)
        made.disable_local_auth = disable_local_auth
        return made.id

    def update_signalr(
        self,
        resource: str,
        tags: Mapping[str, str] | None = None,
        provisioning_state: str | None = None,
        disable_local_auth: bool | None = None,  # noqa: FBT001  # arrives by name, from JSON
    ) -> None:
        """Change what is given."""
        found = self._signalr(resource)
        if tags is not None:
            found.tags = dict(tags)
        if provisioning_state is not None:
            found.provisioning_state = provisioning_state
        if disable_local_auth is not None:
            found.disable_local_auth = disable_local_auth

    def delete_signalr(self, resource: str) -> None:
        """Delete at once."""
        self._cloud.signalr.delete(self._signalr(resource))

    def live_keys(self, resource: str) -> Json:
        """The keys the data plane signs by now, by slot."""
        return dict(self._signalr(resource).live)

    def accepts(self, resource: str, key: str) -> bool:
        """Whether the data plane lets in who signs with it now."""
        return self._cloud.signalr.accepts(self._signalr(resource), key)

    def connection_endpoint(self, resource: str) -> str:
        """The endpoint in the resource's connection strings."""
        return self._cloud.endpoint(self._signalr(resource))

    def regenerate_in_portal(self, resource: str, key_type: str) -> None:
        """Someone else's renewal, effective at once."""
        self._cloud.signalr.regenerate_at_once(self._signalr(resource), KEY_TYPES[key_type.lower()], PORTAL)

    def regenerations(self, resource: str) -> Json:
        """Every accepted renewal, in order."""
        return [_told(one) for one in self._signalr(resource).regenerations]

    def configure(self, resource: str | None, variant: dict[str, Any]) -> None:
        """Change how renewals behave: of one resource, or of all there are and will be."""
        known = {one.name for one in fields(Variant)}
        if unknown := set(variant) - known:
            raise ValueError(f"Unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        if resource is not None:
            found = self._signalr(resource)
            found.variant = replace(found.variant, **variant)
            return
        self._cloud.signalr.variant = replace(self._cloud.signalr.variant, **variant)
        for found in self._cloud.signalr.resources.values():
            found.variant = replace(found.variant, **variant)

    def page_size(self, size: int) -> None:
        """How many resources ARM lists on one page."""
        self._cloud.arm.page_size = size

    def _signalr(self, resource: str) -> SignalR:
        found = self._cloud.signalr.resources.get(resource.lower())
        if found is None:
            raise LookupError(f"No SignalR resource {resource}")
        return found

    # -- Key Vault

    def secrets(self, vault_url: str | None = None) -> Json:
        """All secrets that are not deleted, with their values, versions oldest first."""
        return {
            secret.name: [
                {
                    "version": version.id,
                    "value": version.value,
                    "tags": version.tags,
                    "contentType": version.content_type,
                    "enabled": version.enabled,
                    "created": timestamp(version.created),
                    "expires": timestamp(version.expires) if version.expires else None,
                }
                for version in secret.versions
            ]
            for secret in self._vault(vault_url).secrets.values()
        }

    def put_secret(
        self,
        name: str,
        value: str,
        vault_url: str | None,
        created: float | None,
        expires: float | None,
        **attributes: Any,  # noqa: ANN401  # tags, content_type, enabled: as they come
    ) -> str:
        """A new version, made at any time one likes (seconds since 1970); its id."""
        vault, at = self._vault(vault_url), _moment(created)
        return vault.put(name, value, created=at, expires=_moment(expires), **attributes)[1].id

    def set_secret_version_enabled(self, name: str, version: str, vault_url: str | None, *, enabled: bool) -> None:
        """Switch one version (the newest for an empty string) on or off."""
        secret = self._vault(vault_url).find(name)
        found = secret.version(version) if secret else None
        if found is None:
            raise LookupError(f"No version {version or '(newest)'} of {name}")
        found.enabled = enabled

    def delete_secret(self, name: str, vault_url: str | None, *, purge: bool) -> None:
        """Soft-delete, and purge if asked to."""
        vault = self._vault(vault_url)
        if vault.delete(name) is None:
            raise LookupError(f"No secret {name}")
        if purge:
            vault.purge(name)

    def raise_secret_event(self, vault_url: str | None, name: str, kind: str, version: str) -> str:
        """Have Key Vault announce NearExpiry or Expired of a version (empty: the newest); the event's id."""
        vault = self._vault(vault_url)
        secret = vault.find(name)
        found = secret.version(version) if secret else None
        if secret is None or found is None:
            raise LookupError(f"No such version of {name}")
        event = secret_event(self._cloud.random, kind, vault, secret, found)
        self._cloud.deliveries.deliver("keyvault", event)
        return str(event["id"])

    def _vault(self, url: str | None) -> Vault:
        return self._cloud.vaults[url.rstrip("/")] if url else next(iter(self._cloud.vaults.values()))

    # -- Event Grid

    def events(self) -> Json:
        """What the topic received, in order."""
        return self._cloud.topic.events

    def dead_letters(self) -> Json:
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

    # -- the wire, time, roles

    def requests(self, service: str | None, since: int) -> Json:
        """The request log."""
        return self._cloud.log.since(since, service)

    def fault(self, **fault: Any) -> None:  # noqa: ANN401  # the fields of Fault
        """Arm a fault."""
        self._cloud.faults.add(Fault(**fault))

    def clear_faults(self) -> None:
        """Disarm all."""
        self._cloud.faults.clear()

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

    def roles(self, principal: str | None) -> Json:
        """The assignments."""
        return [asdict(one) for one in self._cloud.roles.of(_object_id(principal) if principal else None)]


def _object_id(principal: str) -> str:
    return APP.object_id if principal in (APP.name, APP.client_id) else principal


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _told(one: Regeneration) -> Json:
    return {
        "keyType": one.key_type,
        "startedAt": timestamp(one.started),
        "effectiveAt": timestamp(one.effective) if one.effective else None,
        "status": one.status,
        "by": one.by,
    }
