"""Named faults, the clock, limits and the request log: what tests may do to the stand-ins, seen by real clients."""

import contextlib
import time
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.eventgrid.aio import EventGridPublisherClient
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.signalr.aio import SignalRManagementClient
from azure.mgmt.signalr.models import RegenerateKeyParameters

from local.azure.client import StandIn
from tests.standin.conftest import Chat

_PRIMARY = RegenerateKeyParameters(key_type="Primary")
_EVENT = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": None}
_CUT = (ServiceRequestError, ServiceResponseError)


async def test_cut_before_effect_does_nothing(arm: SignalRManagementClient, azure: StandIn, chat: Chat) -> None:
    azure.fault("SignalR.regenerateKey", cut="before-effect")

    with pytest.raises(_CUT):
        await arm.signal_r.begin_regenerate_key(chat.group, chat.name, _PRIMARY)

    assert [] == azure.regenerations(chat.id)


async def test_cut_after_effect_acts_and_does_not_answer(
    arm: SignalRManagementClient, azure: StandIn, chat: Chat
) -> None:
    azure.fault("SignalR.regenerateKey", cut="after-effect")

    with pytest.raises(_CUT):
        await arm.signal_r.begin_regenerate_key(chat.group, chat.name, _PRIMARY)

    assert ["Primary"] == [one["keyType"] for one in azure.regenerations(chat.id)]


@pytest.mark.parametrize(("effect", "made"), [(False, []), (True, ["Primary"])])
async def test_a_status_answers_with_or_without_having_acted(
    arm: SignalRManagementClient, azure: StandIn, chat: Chat, *, effect: bool, made: list[str]
) -> None:
    azure.fault("SignalR.regenerateKey", status=503, effect=effect)

    with pytest.raises(HttpResponseError) as failed:
        await arm.signal_r.begin_regenerate_key(chat.group, chat.name, _PRIMARY)

    assert (503, made) == (failed.value.status_code, [one["keyType"] for one in azure.regenerations(chat.id)])


async def test_a_fault_strikes_as_often_as_told_after_as_many_as_told(
    arm: SignalRManagementClient, azure: StandIn, chat: Chat
) -> None:
    azure.fault("SignalR.get", status=500, times=2, skip=1)

    assert [200, 500, 500, 200] == [await _get_status(arm, chat) for _ in range(4)]


async def test_a_fault_can_be_for_one_resource(arm: SignalRManagementClient, azure: StandIn, chat: Chat) -> None:
    other = Chat(azure.create_signalr("other"), name="other")
    azure.fault("SignalR.get", status=500, resource=other.id)

    assert [200, 500, 200] == [await _get_status(arm, one) for one in (chat, other, other)]


async def test_the_nth_request_counts_over_all_services_but_sign_in(
    arm: SignalRManagementClient, topic: EventGridPublisherClient, azure: StandIn, chat: Chat
) -> None:
    azure.fault_nth(2, cut="after-effect")

    await arm.signal_r.get(chat.group, chat.name)
    with pytest.raises(_CUT):
        await topic.send(_EVENT)

    assert ["1"] == [event["id"] for event in azure.events()]


async def test_cleared_faults_do_not_strike(arm: SignalRManagementClient, azure: StandIn, chat: Chat) -> None:
    azure.fault("*", status=500)
    azure.clear_faults()

    assert 200 == await _get_status(arm, chat)


async def test_a_delayed_answer_comes_late(arm: SignalRManagementClient, azure: StandIn, chat: Chat) -> None:
    azure.fault("SignalR.get", delay=0.3)
    started = time.monotonic()

    await arm.signal_r.get(chat.group, chat.name)

    assert time.monotonic() - started >= 0.3


async def test_a_slow_body_runs_into_the_client_s_read_timeout(
    arm: SignalRManagementClient, azure: StandIn, chat: Chat
) -> None:
    azure.fault("SignalR.get", slow_body=2)

    with pytest.raises((HttpResponseError, *_CUT)):
        await arm.signal_r.get(chat.group, chat.name, read_timeout=0.2)


@pytest.mark.parametrize("operation", ["KeyVault.setSecret", "EventGrid.publish"])
async def test_vault_and_topic_have_their_faults(
    azure: StandIn, vault: SecretClient, topic: EventGridPublisherClient, operation: str
) -> None:
    azure.fault(operation, cut="before-effect", times=3)
    call = vault.set_secret("x", "value") if operation == "KeyVault.setSecret" else topic.send(_EVENT)
    other = topic.send(_EVENT) if operation == "KeyVault.setSecret" else vault.set_secret("x", "value")

    with pytest.raises(_CUT):
        await call
    await other


def test_sign_in_has_its_faults(azure: StandIn) -> None:
    azure.fault("Identity.token", status=503)

    assert 503 == requests.get(azure.env["IDENTITY_ENDPOINT"], timeout=5).status_code


def test_the_data_plane_has_its_faults(azure: StandIn, chat: Chat) -> None:
    azure.fault("DataPlane.probe", status=403)
    url = f"{azure.connection_endpoint(chat.id)}/api/hubs/news/users/ann"

    assert 403 == requests.head(url, timeout=5).status_code


async def test_the_clock_moves_what_services_stamp(azure: StandIn, vault: SecretClient) -> None:
    now = azure.clock()
    azure.travel(61 * 24 * 3600)

    made = await vault.set_secret("x", "value")

    ahead = made.properties.created_on - now
    assert 61 * 24 * 3600 - 1 <= ahead.total_seconds() <= 61 * 24 * 3600 + 60


async def test_when_only_the_services_travel_their_clients_tokens_stay_good(
    arm: SignalRManagementClient, azure: StandIn, chat: Chat
) -> None:
    assert 200 == await _get_status(arm, chat)
    azure.travel(61 * 24 * 3600, clients_too=False)

    assert 200 == await _get_status(arm, chat)


async def test_reads_are_throttled_as_documented_and_the_answer_says_for_how_long(
    arm: SignalRManagementClient, azure: StandIn, chat: Chat
) -> None:
    azure.configure(None, throttling=True)
    seen: list[tuple[int, str | None, str | None]] = []

    def look(response: object) -> None:
        http = response.http_response  # type: ignore[attr-defined]
        remaining = http.headers.get("x-ms-ratelimit-remaining-subscription-reads")
        seen.append((http.status_code, remaining, http.headers.get("Retry-After")))

    for _ in range(400):
        with contextlib.suppress(HttpResponseError):
            await arm.signal_r.get(chat.group, chat.name, raw_response_hook=look)
        if seen[-1][0] != 200:
            break

    assert (200, "249", None) == seen[0]
    assert 250 <= len(seen) - 1
    assert (429, "0", "1") == seen[-1]


async def test_a_bucket_fills_again_with_time(arm: SignalRManagementClient, azure: StandIn, chat: Chat) -> None:
    azure.configure(None, throttling=True)
    last = 200
    for _ in range(400):
        last = await _get_status(arm, chat)
        if last != 200:
            break

    azure.travel(1)

    assert (429, 200) == (last, await _get_status(arm, chat))


async def test_list_keys_draws_on_the_write_bucket(arm: SignalRManagementClient, azure: StandIn, chat: Chat) -> None:
    seen: list[str] = []
    azure.configure(None, throttling=True)

    await arm.signal_r.list_keys(
        chat.group,
        chat.name,
        raw_response_hook=lambda r: seen.append(
            r.http_response.headers["x-ms-ratelimit-remaining-subscription-writes"]
        ),
    )

    assert ["199"] == seen


async def test_a_vault_takes_300_creates_in_ten_seconds(azure: StandIn, vault: SecretClient) -> None:
    azure.configure(None, throttling=True)
    for number in range(300):
        await vault.set_secret("x", str(number))

    with pytest.raises(HttpResponseError, match="VaultRequestTypeLimitReached") as throttled:
        await vault.set_secret("x", "one too many")
    azure.travel(10)

    assert 429 == throttled.value.status_code
    assert "later" == (await vault.set_secret("x", "later")).value


async def test_the_request_log_holds_no_key_and_no_signature(
    arm: SignalRManagementClient, vault: SecretClient, azure: StandIn, chat: Chat
) -> None:
    azure.configure(None, long_poll_urls=True)
    keys = azure.live_keys(chat.id)

    await (await arm.signal_r.begin_regenerate_key(chat.group, chat.name, _PRIMARY)).result()
    await vault.set_secret("x", azure.live_keys(chat.id)["Primary"])

    told = str(azure.requests())
    assert "SignalR.operationStatus" in told
    assert [] == [secret for secret in (*keys.values(), *azure.live_keys(chat.id).values(), "&s=") if secret in told]


async def test_the_request_log_tells_who_asked_what_and_how_it_ended(
    arm: SignalRManagementClient, azure: StandIn, chat: Chat
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
        with StandIn.start(tmp_path, seed=seed) as azure:
            return azure.live_keys(azure.create_signalr("chat"))

    assert keys(7) == keys(7) != keys(8)


def test_it_ends_when_the_process_that_started_it_lets_go(tmp_path: Path) -> None:
    azure = StandIn.start(tmp_path)
    assert azure._process.stdin
    azure._process.stdin.close()

    assert 0 == azure._process.wait(timeout=10)


async def _get_status(arm: SignalRManagementClient, chat: Chat) -> int:
    try:
        await arm.signal_r.get(chat.group, chat.name)
    except HttpResponseError as failed:
        return failed.status_code or 0
    return 200
