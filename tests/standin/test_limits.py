"""Throttling as Azure documents it, seen by real clients."""

import contextlib

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.signalr.aio import SignalRManagementClient

from local.azure.client import StandIn
from tests.standin.conftest import Chat


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


async def _get_status(arm: SignalRManagementClient, chat: Chat) -> int:
    try:
        await arm.signal_r.get(chat.group, chat.name)
    except HttpResponseError as failed:
        return failed.status_code or 0
    return 200
