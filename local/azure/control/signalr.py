"""What a test may do to SignalR resources, past all tokens and roles."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from local.azure.clock import timestamp
from local.azure.cloud import SUBSCRIPTION, Cloud
from local.azure.signalr.resource import KEY_TYPES, Regeneration, SignalR, Variant

PORTAL = "an operator in the portal"


class SignalRControl:
    """One method a verb. Arguments and results are JSON values."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

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

    def valid_keys(self, resource: str) -> dict[str, str]:
        """The keys the data plane signs by now, by slot."""
        return dict(self._signalr(resource).live.items())

    def accepts(self, resource: str, key: str) -> bool:
        """Whether the data plane lets in who signs with it now."""
        return self._cloud.signalr.accepts(self._signalr(resource), key)

    def connection_endpoint(self, resource: str) -> str:
        """The endpoint in the resource's connection strings."""
        return self._cloud.endpoint(self._signalr(resource))

    async def serve_at_root(self, resource: str) -> str:
        """Serve the resource at an address without a path, which its connection strings name from now on."""
        return await self._cloud.serve_at_root(self._signalr(resource))

    def regenerate_in_portal(self, resource: str, key_type: str) -> None:
        """Someone else's renewal, effective at once."""
        self._cloud.signalr.regenerate_at_once(self._signalr(resource), KEY_TYPES[key_type.lower()], PORTAL)

    def regenerations(self, resource: str) -> list[dict[str, Any]]:
        """Every accepted renewal, in order."""
        return [_told(one) for one in self._signalr(resource).regenerations]

    def closings(self, resource: str) -> list[dict[str, Any]]:
        """Every call that closed connections, in order."""
        return [asdict(one) | {"at": timestamp(one.at)} for one in self._signalr(resource).closings]

    def configure(self, resource: str | None, variant: dict[str, Any]) -> None:
        """Change how renewals behave: of one resource, or of all there are and will be.

        `throttling` rides along: it is the cloud's, whichever resource is named.
        """
        if (throttling := variant.pop("throttling", None)) is not None:
            self._cloud.throttle(enabled=throttling)
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
        self._cloud.provider.page_size = size

    def _signalr(self, resource: str) -> SignalR:
        found = self._cloud.signalr.resources.get(resource.lower())
        if found is None:
            raise LookupError(f"No SignalR resource {resource}")
        return found


def _told(one: Regeneration) -> dict[str, Any]:
    return {
        "keyType": one.key_type,
        "startedAt": timestamp(one.started),
        "effectiveAt": timestamp(one.effective) if one.effective else None,
        "status": one.status,
        "by": one.by,
    }
