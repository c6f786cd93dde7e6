"""Refusals over the wire: what stands in the way is named as what it is, and nothing is changed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob.aio import ContainerClient, ExponentialRetry
from azure.storage.queue.aio import QueueClient

from shared.adapters.azure_services import NAME
from shared.adapters.blob_records import BlobRecords
from shared.adapters.storage_queue import StorageQueue
from shared.domain.errors import NetworkDenied, NotFound, RotationError, StorageImmutable, TokenRejected, WrongDirectory
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.requests import QueuedMessage
from shared.domain.resources import ResourceId
from tests.integration.engine import Engine

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OURS, THEIRS = "0a110000-0000-4000-8000-00000000aaaa", "0a110000-0000-4000-8000-00000000bbbb"
WRONG_ISSUER = (
    f"The access token is from the wrong issuer 'https://sts.windows.net/{OURS}/'. It must match the tenant "
    f"'https://sts.windows.net/{THEIRS}/' associated with this subscription."
)
NO_ROLE = (
    "The principal associated with access token presented with the incoming request does not have permission to send "
    "data to /subscriptions/0/resourceGroups/g/providers/Microsoft.EventGrid/topics/expired-audience."
)
OTHER_SCHEMA = (
    "This resource is configured for 'EventGridEvent' schema. Received unexpected property 'source' in JSON which does "
    "not conform to the expected schema."
)


def body(code: str, message: str, inner: str = "") -> dict[str, object]:
    detail: dict[str, object] = {"code": code, "message": message}
    return {"error": detail | ({"innererror": {"code": inner}} if inner else {})}


def event(engine: Engine) -> OutgoingEvent:
    """One to announce."""
    return OutgoingEvent(kind="KeyRotated", rotation_id="id", source=engine.resource, subject="chat", time=NOW, data={})


@pytest.mark.parametrize(
    ("operation", "status", "refusal", "code", "says"),
    [
        ("SignalR.listKeys", 409, body("ScopeLocked", "It is locked."), "ResourceLocked", "lock"),
        ("SignalR.regenerateKey", 409, body("ScopeLocked", "It is locked."), "ResourceLocked", "lock"),
        (
            "SignalR.regenerateKey",
            409,
            body("ReadOnlyDisabledSubscription", "The subscription is disabled."),
            "SubscriptionDisabled",
            "subscription",
        ),
        (
            "SignalR.regenerateKey",
            403,
            body("RequestDisallowedByPolicy", "Disallowed."),
            "PolicyDenied",
            "exemption",
        ),
        (
            "SignalR.regenerateKey",
            403,
            body("DenyAssignmentAuthorizationFailed", "Denied."),
            "NotPermitted",
            "deny assignment",
        ),
        (
            "KeyVault.getSecret",
            403,
            body("Forbidden", "Client address is not authorized.", "ForbiddenByFirewall"),
            "NetworkDenied",
            "network",
        ),
        (
            "KeyVault.setSecret",
            403,
            body("Forbidden", "Public network access is disabled.", "ForbiddenByConnection"),
            "NetworkDenied",
            "network",
        ),
        (
            "KeyVault.getSecret",
            403,
            body("Forbidden", "No policy.", "ForbiddenByPolicy"),
            "NotPermitted",
            "access policies",
        ),
    ],
)
async def test_what_does_not_go_away_by_itself_ends_the_request_with_its_name(
    engine: Engine, operation: str, status: int, refusal: object, code: str, says: str
) -> None:
    engine.azure.fault(operation, status=status, times=30, body=refusal)

    outcome = await engine.rotate()

    assert ("Failed", code) == (outcome.result, outcome.code)
    assert says in str(outcome.message)


@pytest.mark.parametrize("operation", ["SignalR.get", "SignalR.listKeys", "SignalR.regenerateKey"])
async def test_a_rejected_token_is_replaced_by_a_new_one(engine: Engine, operation: str) -> None:
    """The SDK keeps it until it expires, a day later."""
    await engine.rotate()
    refusal = body("InvalidAuthenticationToken", "The access token is invalid.")
    engine.azure.fault(operation, status=401, times=1, body=refusal, resource=engine.resource)
    mark = max(request["n"] for request in engine.azure.requests())

    outcome = await engine.rotate(force=True)

    assert "Succeeded" == outcome.result
    assert 1 == len([r for r in engine.azure.requests(since=mark) if r["operation"] == "Identity.token"])
    assert ["Secondary", "Primary"] == engine.changes


async def test_a_token_that_stays_rejected_is_a_matter_of_patience_and_not_of_permissions(engine: Engine) -> None:
    refusal = body("AuthenticationFailed", "Authentication failed.")
    engine.azure.fault("SignalR.get", status=401, times=30, body=refusal, resource=engine.resource)

    with pytest.raises(TokenRejected) as told:
        await engine.app.services.signalr.get(ResourceId.parse(engine.resource))

    assert "role" not in told.value.message


async def test_rejections_in_a_row_do_not_storm_the_identity_endpoint(engine: Engine) -> None:
    engine.azure.fault("SignalR.get", status=401, times=50, resource=engine.resource)
    mark = max(request["n"] for request in engine.azure.requests())

    for _ in range(5):
        with pytest.raises(RotationError):
            await engine.app.services.signalr.get(ResourceId.parse(engine.resource))

    assert 2 >= len([r for r in engine.azure.requests(since=mark) if r["operation"] == "Identity.token"])


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        ("SignalR.get", body("InvalidAuthenticationTokenTenant", WRONG_ISSUER)),
        (
            "KeyVault.getSecret",
            body(
                "Unauthorized",
                f"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{THEIRS}/, found "
                f"https://sts.windows.net/{OURS}/.",
            ),
        ),
    ],
)
async def test_another_directory_is_named_and_waited_for(engine: Engine, operation: str, refusal: object) -> None:
    challenge = {
        "WWW-Authenticate": f'Bearer authorization="https://login.microsoftonline.com/{THEIRS}", '
        'resource="https://vault.azure.net"'
    }
    engine.azure.fault(operation, status=401, times=30, body=refusal, headers=challenge)
    services = engine.app.services

    asked = (
        services.signalr.get(ResourceId.parse(engine.resource))
        if operation == "SignalR.get"
        else services.secrets.newest(engine.app.settings.KEY_VAULT_URL, engine.secret)
    )
    with pytest.raises(WrongDirectory) as told:
        await asked

    assert "directory (tenant)" in told.value.message
    assert all(tenant in told.value.message for tenant in (OURS, THEIRS))
    assert "role" not in told.value.message


@pytest.mark.parametrize(("status", "code"), [(400, "IdentityMissing"), (500, "Unavailable"), (503, "Unavailable")])
async def test_an_identity_that_gives_no_token_is_told_as_the_identity(engine: Engine, status: int, code: str) -> None:
    refusal = {"statusCode": status, "message": "No managed identity found."}
    engine.azure.fault("Identity.token", status=status, times=30, body=refusal)
    mark = max((request["n"] for request in engine.azure.requests()), default=0)

    with pytest.raises(RotationError) as told:
        await engine.app.services.signalr.get(ResourceId.parse(engine.resource))

    assert code == told.value.code
    assert "identity" in told.value.message
    assert "ARM" not in told.value.message
    assert [] == [r for r in engine.azure.requests(since=mark) if r["operation"] == "SignalR.get"]


@pytest.mark.parametrize(
    ("status", "refusal", "kind"),
    [
        (
            403,
            body(
                "Forbidden",
                "Publishing to topic evgt by client 203.0.113.7 is rejected because of IpAddress filtering rules.",
            ),
            NetworkDenied,
        ),
        (404, None, NotFound),
    ],
)
async def test_a_topic_that_takes_nothing_is_terminal(
    engine: Engine, status: int, refusal: object, kind: type[RotationError]
) -> None:
    engine.azure.fault("EventGrid.publish", status=status, times=10, body=refusal)
    with pytest.raises(kind) as told:
        await engine.app.services.events.publish(event(engine))

    assert "EventGrid Data Sender" not in told.value.message


@pytest.mark.parametrize(
    ("status", "words", "code", "says"),
    [
        (401, "The audience 'https://vault.azure.net' is not valid for this topic.", "TokenRejected", "AZURE_CLOUD"),
        (401, "The request authorization token has expired.", "TokenRejected", "rejects the app's token"),
        (401, "The request authorization token is not valid.", "TokenRejected", "rejects the app's token"),
        (401, NO_ROLE, "NotPermitted", "EventGrid Data Sender"),
        (400, OTHER_SCHEMA, "Misconfigured", "CloudEvents 1.0"),
        (400, "The request content is not JSON.", "Rejected", "it says"),
    ],
)
async def test_what_a_topic_refuses_is_named_as_what_it_is(
    engine: Engine, status: int, words: str, code: str, says: str
) -> None:
    name = "Unauthorized" if status == 401 else "BadRequest"
    engine.azure.fault("EventGrid.publish", status=status, times=4, body=body(name, words))

    with pytest.raises(RotationError) as refused:
        await engine.app.services.events.publish(event(engine))

    engine.azure.clear_faults()
    assert code == refused.value.code
    assert says in refused.value.message


# -- storage, as Azure answers and Azurite does not

STORAGE = [
    (403, "AuthorizationFailure", "This request is not authorized to perform this operation.", NetworkDenied),
    (409, "BlobImmutableDueToPolicy", "This operation is not permitted as the blob is immutable.", StorageImmutable),
]


@asynccontextmanager
async def refusing(status: int, code: str, message: str) -> AsyncIterator[str]:
    """A storage account that refuses everything alike."""

    async def refuse(_: web.Request) -> web.Response:
        text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return web.Response(status=status, text=text, content_type="application/xml", headers={"x-ms-error-code": code})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/account"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("status", "code", "message", "kind"), STORAGE)
async def test_a_storage_account_that_refuses_the_record_is_told_by_its_code(
    status: int, code: str, message: str, kind: type[RotationError]
) -> None:
    """Its code stands in a header, and not in the body that azure-core reads."""
    resource = ResourceId("0a110000-0000-4000-8000-0000000000c1", "live", "chat")
    once = ExponentialRetry(retry_total=0)
    async with refusing(status, code, message) as url, ContainerClient(url, NAME, retry_policy=once) as container:
        with pytest.raises(kind) as told:
            async with BlobRecords(container).lease(resource):
                pytest.fail("there is no lease to be had")

    assert code in told.value.message
    assert "role" not in told.value.message


async def test_a_storage_firewall_is_no_missing_permission_on_the_queue_either() -> None:
    signed = AzureNamedKeyCredential("account", "a2V5")
    async with refusing(*STORAGE[0][:3]) as url, QueueClient(url, NAME, credential=signed) as queue:
        with pytest.raises(NetworkDenied) as told:
            await StorageQueue(queue).send(QueuedMessage())

    assert "firewall" in told.value.message
