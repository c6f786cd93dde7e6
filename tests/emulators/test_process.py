"""The process around the services: its clock, its request log, its seed, its end."""

from pathlib import Path

from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.signalr.aio import SignalRManagementClient
from azure.mgmt.signalr.models import RegenerateKeyParameters

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat


async def test_the_clock_moves_what_services_stamp(azure: AzureEmulator, vault: SecretClient) -> None:
    now = azure.clock()
    azure.travel(61 * 24 * 3600)

    made = await vault.set_secret("x", "value")

    ahead = made.properties.created_on - now
    assert 61 * 24 * 3600 - 1 <= ahead.total_seconds() <= 61 * 24 * 3600 + 60


async def test_when_only_the_services_travel_their_clients_tokens_stay_good(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    assert 200 == await _get_status(arm, chat)
    azure.travel(61 * 24 * 3600, clients_too=False)

    assert 200 == await _get_status(arm, chat)


async def test_the_request_log_holds_no_key_and_no_signature(
    arm: SignalRManagementClient, vault: SecretClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(None, long_poll_urls=True)
    keys = azure.valid_keys(chat.id)

    await (
        await arm.signal_r.begin_regenerate_key(chat.group, chat.name, RegenerateKeyParameters(key_type="Primary"))
    ).result()
    await vault.set_secret("x", azure.valid_keys(chat.id)["Primary"])

    told = str(azure.requests())
    assert "SignalR.operationStatus" in told
    assert [] == [secret for secret in (*keys.values(), *azure.valid_keys(chat.id).values(), "&s=") if secret in told]


async def test_the_request_log_tells_who_asked_what_and_how_it_ended(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.fault("SignalR.get", status=500)
    await _get_status(arm, chat)
    mark = azure.requests()[-1]["n"]
    await _get_status(arm, chat)

    (entry,) = azure.requests("arm", since=mark)

    assert ("SignalR.get", "GET", 200, None) == tuple(
        entry[name] for name in ("operation", "method", "status", "fault")
    )
    assert (chat.id + "?api-version=2023-02-01").lower() == entry["path"].lower()
    assert "status 500" == azure.requests("arm")[0]["fault"]


def test_the_same_seed_makes_the_same_keys(tmp_path: Path) -> None:
    def keys(seed: int) -> dict[str, str]:
        with AzureEmulator.start(tmp_path, seed=seed) as azure:
            return azure.valid_keys(azure.create_signalr("chat"))

    assert keys(7) == keys(7) != keys(8)


def test_keys_can_be_the_44_characters_of_older_resources(tmp_path: Path) -> None:
    with AzureEmulator.start(tmp_path, short_keys=True) as azure:
        assert [44, 44] == [len(key) for key in azure.valid_keys(azure.create_signalr("chat")).values()]


def test_it_ends_when_the_process_that_started_it_lets_go(tmp_path: Path) -> None:
    azure = AzureEmulator.start(tmp_path)
    assert azure._process.stdin
    azure._process.stdin.close()

    assert 0 == azure._process.wait(timeout=10)


async def _get_status(arm: SignalRManagementClient, chat: Chat) -> int:
    try:
        await arm.signal_r.get(chat.group, chat.name)
    except HttpResponseError as failed:
        return failed.status_code or 0
    return 200
