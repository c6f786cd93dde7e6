"""Throttling as Azure documents it, seen by real clients."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.signalr.aio import SignalRManagementClient

from local.azure.client import AzureEmulator
from tests.emulators.conftest import Chat


async def test_more_writes_than_a_bucket_holds_are_throttled_and_told_for_how_long(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(None, throttling=True)

    answers = await _list_keys_at_once(arm, chat, 300)

    granted = [answer for answer in answers if answer.status == 200]
    throttled = [answer for answer in answers if answer.status == 429]
    assert 200 <= len(granted)
    # The highest, not the first here: answers of calls side by side may overtake one another.
    assert 199 == max(int(answer.remaining or 0) for answer in granted)
    assert {("0", "1", "SubscriptionRequestsThrottled")} == {
        (answer.remaining, answer.retry_after, answer.code) for answer in throttled
    }


async def test_a_bucket_fills_again_with_time(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.configure(None, throttling=True)
    await _list_keys_at_once(arm, chat, 300)

    azure.travel(3600)

    assert {200} == {answer.status for answer in await _list_keys_at_once(arm, chat, 200)}


async def test_reads_have_a_bucket_of_their_own(arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat) -> None:
    azure.configure(None, throttling=True)

    await _list_keys_at_once(arm, chat, 300)

    assert chat.id == (await arm.signal_r.get(chat.group, chat.name)).id


async def test_list_keys_draws_on_the_write_bucket(
    arm: SignalRManagementClient, azure: AzureEmulator, chat: Chat
) -> None:
    azure.configure(None, throttling=True)

    (answer,) = await _list_keys_at_once(arm, chat, 1)

    assert "199" == answer.remaining


async def test_a_vault_takes_300_creates_in_ten_seconds(azure: AzureEmulator, vault: SecretClient) -> None:
    azure.configure(None, throttling=True)
    await asyncio.gather(*(vault.set_secret("x", str(number)) for number in range(300)))

    with pytest.raises(HttpResponseError, match="VaultRequestTypeLimitReached") as throttled:
        await vault.set_secret("x", "one too many")
    azure.travel(10)

    assert 429 == throttled.value.status_code
    assert "later" == (await vault.set_secret("x", "later")).value


@dataclass(frozen=True)
class _Answer:
    status: int
    remaining: str | None
    retry_after: str | None
    code: str | None = None


async def _list_keys_at_once(arm: SignalRManagementClient, chat: Chat, times: int) -> list[_Answer]:
    """So many calls side by side, faster than any bucket fills; the answers as they came."""
    answers: list[_Answer] = []

    def keep(response: Any, code: str | None = None) -> None:
        headers = response.headers
        remaining = headers.get("x-ms-ratelimit-remaining-subscription-writes")
        answers.append(_Answer(response.status_code, remaining, headers.get("Retry-After"), code))

    async def call() -> None:
        try:
            await arm.signal_r.list_keys(chat.group, chat.name, raw_response_hook=hook)
        except HttpResponseError as throttled:
            keep(throttled.response, throttled.error.code if throttled.error else None)

    def hook(response: Any) -> None:
        if response.http_response.status_code == 200:
            keep(response.http_response)

    await asyncio.gather(*(call() for _ in range(times)))
    return answers
