"""The app does everything it can with the deployed rights alone; with any one less, it says which is missing.

The emulators check every call against role assignments, by action and scope, as Azure does. Storage is not among them:
Azurite knows no roles. `docs/explanation/threat-model.md` gives the reason for each right.
"""

import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from local.azure import cloud as local_cloud
from local.azure.arm.signalr_provider import SignalRProvider
from local.azure.client import AzureEmulator
from local.azure.clock import Clock
from local.azure.signalr.resource import Variant
from local.azure.signalr.service import SignalRService
from local.azurite.server import Azurite
from shared.domain.journal import Kind
from shared.domain.record import Result
from tests.infra.bicep import INFRA, Template
from tests.package.every_mode import ALL, Course, course

type Requests = list[dict[str, Any]]

SIGNALR = "Microsoft.SignalRService"
READ = f"{SIGNALR}/SignalR/read"
WATCH = f"{SIGNALR}/SignalR/operationStatuses/read"
# ARM chooses the address at which an operation is watched: below the resource since 2021, below the location before
# (tests/recorded). The rights for the addresses that the answers of today do not name.
OTHER_ADDRESSES = {
    f"{SIGNALR}/locations/operationStatuses/signalr/read",
    f"{SIGNALR}/SignalR/operationResults/read",
    f"{SIGNALR}/locations/operationresults/signalr/read",
}
_GROUP = f"/subscriptions/{local_cloud.SUBSCRIPTION}/resourceGroups/{local_cloud.GROUP}/providers"
SEND = "Microsoft.EventGrid/events/send/action"
OFFICER, SENDER = "Key Vault Secrets Officer", "EventGrid Data Sender"
# The built-in roles that are given, by the actions of theirs that the services check, and where.
BUILT_IN = {
    "Microsoft.KeyVault/vaults/secrets/*": f"{_GROUP}/Microsoft.KeyVault/vaults/vault-1",
    SEND: f"{_GROUP}/Microsoft.EventGrid/topics/rotations",
}
# An action, and what the app says of it when it is missing.
SAID = {
    READ: READ,
    f"{SIGNALR}/SignalR/listkeys/action": f"{SIGNALR}/SignalR/listkeys/action",
    f"{SIGNALR}/SignalR/regeneratekey/action": f"{SIGNALR}/SignalR/regeneratekey/action",
    "Microsoft.KeyVault/vaults/secrets/getSecret/action": OFFICER,
    "Microsoft.KeyVault/vaults/secrets/setSecret/action": OFFICER,
    "Microsoft.KeyVault/vaults/secrets/readMetadata/action": OFFICER,
    SEND: SENDER,
}


def deployed(role: str) -> list[str]:
    """The actions of a custom role, as infra/modules/signalr-roles.bicep has them."""
    resource = Template(INFRA / "modules" / "signalr-roles.bicep").of("resource")[role]
    return [str(action) for action in resource.body["properties"]["permissions"][0]["actions"]]


def give_the_deployed_rights(azure: AzureEmulator, resource: str, found_in: str = "subscription") -> None:
    """Take everything from the app, and give it what infra/ does, no wider: its role on just what was named."""
    group, subscription = resource.partition("/providers/")[0], "/".join(resource.split("/")[:3])
    azure.revoke("app")
    scope = {"resource": resource, "group": group, "subscription": subscription}[found_in]
    azure.assign("app", deployed("rotatorRole"), scope)
    azure.assign("app", deployed("operationReaderRole"), subscription)
    for action, scope in BUILT_IN.items():
        azure.assign("app", [action], scope)


@pytest.fixture(scope="module", autouse=True)
def _identity(cloud: AzureEmulator) -> Iterator[None]:
    """The app signs in as the identity of the emulators, and what is taken from it here is given back."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
            patch.setenv(name, cloud.env[name])
        yield
    cloud.reset()


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["resource", "group", "subscription"])
async def whole(request: pytest.FixtureRequest, cloud: AzureEmulator, storage: Azurite) -> tuple[Course, Requests]:
    """Everything, done with the deployed rights: what came of it, and the calls that were made."""
    cloud.reset()
    async with course(cloud, storage, found_in=request.param) as going:
        give_the_deployed_rights(cloud, going.resource, request.param)
        await going.lead()
    return going, cloud.requests()


def test_everything_succeeds_with_the_deployed_rights(whole: tuple[Course, Requests]) -> None:
    going, _ = whole

    assert [] == going.complaints
    assert ALL == going.kinds


def test_the_rights_used_are_the_rights_given(whole: tuple[Course, Requests]) -> None:
    """None is asked for that is not deployed, and none is deployed that is not used, other addresses apart."""
    _, requests = whole
    service = SignalRService(Clock(), Random(0), Variant())  # noqa: S311 - it makes no key here
    provider = SignalRProvider(service, lambda _: "")
    needs = {route.operation: route.action.lower() for route in provider.routes()}
    given = {action.lower() for role in ("rotatorRole", "operationReaderRole") for action in deployed(role)}

    used = {needs[request["operation"]] for request in requests if request["service"] == "arm"}

    assert given - {action.lower() for action in OTHER_ADDRESSES} == used
    assert OTHER_ADDRESSES <= {action for role in ("rotatorRole", "operationReaderRole") for action in deployed(role)}


async def led_without(
    action: str, cloud: AzureEmulator, storage: Azurite, *, until_a_complaint: bool = False
) -> Course:
    """A course with every deployed right but one."""
    cloud.reset()
    async with course(cloud, storage) as going:
        give_the_deployed_rights(cloud, going.resource)
        cloud.revoke("app", action)
        await going.lead(until_a_complaint=until_a_complaint)
        return going


@pytest.mark.parametrize("action", [each for each in SAID if each != SEND], ids=lambda action: action.split("/", 1)[1])
async def test_a_missing_right_is_named(cloud: AzureEmulator, storage: Azurite, action: str) -> None:
    """To whoever asked, and in the event `RotationFailed` to whoever listens.

    Unless it is the one without which nobody knows that the resource exists.
    """
    going = await led_without(action, cloud, storage, until_a_complaint=True)

    failures = [event["data"]["message"] for event in cloud.events() if event["type"].endswith(".RotationFailed")]
    told = [going.complaints, failures] if action != READ else [going.complaints]
    assert ALL != going.kinds
    assert [True for _ in told] == [SAID[action].lower() in messages[0].lower() for messages in told]


async def test_keys_rotate_without_the_right_to_watch_and_the_log_names_it(
    cloud: AzureEmulator, storage: Azurite, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether a key changed is read from the keys. Only of a salt, which leaves no trace, is the outcome unknown."""
    with caplog.at_level(logging.WARNING, "rotation"):
        going = await led_without(WATCH, cloud, storage)

    named = {getattr(record, "needs", "").lower() for record in caplog.records if "not permitted" in record.message}
    assert {WATCH.lower()} == named
    assert ALL[:-1] == going.kinds
    assert [Result.UNKNOWN] == [outcome.result for outcome in going.outcomes if outcome.kind is Kind.SALT]
    assert WATCH.lower() in going.complaints[0].lower()


async def test_a_group_is_searched_without_rights_on_its_subscription(cloud: AzureEmulator, storage: Azurite) -> None:
    """What carries the tag in a group beside it is neither seen nor asked for."""
    cloud.reset()
    async with course(cloud, storage, found_in="group") as going:
        give_the_deployed_rights(cloud, going.resource, "group")
        tags = {"key-rotation": "enabled"}
        cloud.create_signalr("beside", group="other", subscription=going.resource.split("/")[2], tags=tags)

        found = [*(await going.app.rotations._fleet.discover()).found]

    assert [going.resource] == [str(resource) for resource in found]


async def test_without_the_right_to_send_events_keys_rotate_and_the_log_names_it(
    cloud: AzureEmulator, storage: Azurite, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "rotation"):
        going = await led_without(SEND, cloud, storage)

    reasons = [vars(line)["why"] for line in caplog.records if line.message == "announcement pending"]
    assert (ALL, []) == (going.kinds, cloud.events())
    assert reasons
    assert SAID[SEND].lower() in reasons[-1].lower()
