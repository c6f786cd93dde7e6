"""What the worker makes of an event about a secret's expiry: whose secret it is, and whether that may be believed."""

import uuid

import pytest
from azure.storage.blob import BlobServiceClient

from shared.composition import App
from shared.domain.resources import ResourceId
from shared.rotation.inbound_event import InboundEvent
from tests.scale.conftest import Site
from tests.world import secret_name


def near_expiry(site: Site, name: str, version: str) -> InboundEvent:
    """What is queued of Key Vault's event."""
    vault, about = site.azure.vaults[0], "Microsoft.KeyVault.SecretNearExpiry"
    return InboundEvent(
        event_id=str(uuid.uuid4()), about="secret-expiry", type=about, vault_url=vault.lower(), secret_name=name,
        version=version,
    )  # fmt: skip


def published(site: Site, resource: str, name: str, **tags: str) -> str:
    """A version with the resource's Primary key, put there by hand: its id."""
    key, endpoint = site.azure.valid_keys(resource)["Primary"], site.azure.connection_endpoint(resource)
    return site.azure.put_secret(name, f"Endpoint={endpoint};AccessKey={key};Version=1.0;", tags=tags)


async def followed(app: App, event: InboundEvent) -> list[str]:
    """The resources that something was queued for."""
    return [each.resource for each in await app.incoming_events.act(event)]


async def test_managed_secret_is_followed_without_a_record(site: Site) -> None:
    """The version's own tags name the resource."""
    app, resource = site.app(), site.resource()
    await site.swept(app)
    newest = site.azure.secrets()[secret_name(resource)][-1]
    with BlobServiceClient.from_connection_string(site.storage.connection_string) as blobs:
        key = ResourceId.parse(resource).key
        blobs.get_blob_client("signalr-rotation", f"resources/{key}.json").delete_blob()

    assert [resource] == await followed(app, near_expiry(site, secret_name(resource), newest["version"]))


async def test_version_made_by_hand_is_followed_by_the_record(site: Site) -> None:
    app, resource = site.app(), site.resource()
    version = published(site, resource, secret_name(resource)).rpartition("/")[2]
    await site.swept(app)

    assert [resource] == await followed(app, near_expiry(site, secret_name(resource), version))


async def test_secret_that_moved_is_followed_by_a_worker_that_knew_it(site: Site) -> None:
    """What a warm worker was asked before says nothing of now."""
    name = f"moved{uuid.uuid4().hex[:8]}"
    app, first = site.app(), site.resource({"key-rotation-secret": name})
    await site.swept(app)
    assert ResourceId.parse(first) == await app.inventory.publishing_to(site.azure.vaults[0], name)
    site.azure.update_signalr(first, tags={"key-rotation": "enabled"})
    site.azure.delete_secret(name, purge=True)
    second = site.resource({"key-rotation-secret": name})
    await site.swept(app)
    await site.swept(app)

    assert ResourceId.parse(second) == await app.inventory.publishing_to(site.azure.vaults[0], name.upper())


@pytest.mark.parametrize("whose", ["foreign", "publishes elsewhere"])
async def test_tags_are_a_hint_and_no_order(site: Site, whose: str) -> None:
    """Whoever may write a secret can write its tags."""
    app, resource, name = site.app(), site.resource(), f"hint{uuid.uuid4().hex[:8]}"
    address = resource.replace(site.subscription, str(uuid.uuid4())) if whose == "foreign" else resource
    version = published(site, resource, name, ProviderAddress=address).rpartition("/")[2]
    mark = site.mark()

    assert [] == await followed(app, near_expiry(site, name, version))
    assert (whose == "foreign") == ("SignalR.get" not in site.operations(mark))


async def test_event_about_no_resource_id_is_ignored(site: Site) -> None:
    """Messages of the version before can hold one: names are checked alike only since."""
    about = "Microsoft.Resources.ResourceActionSuccess"
    wrong = f"/subscriptions/{site.subscription}/resourceGroups/live/providers/Microsoft.SignalRService/SignalR/1chat-"

    assert [] == await followed(
        site.app(), InboundEvent(event_id="1", about="key-regenerated", type=about, resource=wrong)
    )
