"""The app's own ARM adapter, answered as Azure answered Azure's own clients."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.mgmt.signalr.aio import SignalRManagementClient

from shared.adapters.arm_rate_limit import ArmRetryPolicy, RateLimiter, RateLimitPolicy
from shared.adapters.arm_signalr import ArmSignalR, SameHost
from shared.domain.keys import KeyType
from shared.domain.resources import ResourceId
from shared.rotation.ports import Ending
from tests.recorded.recording import Recording, recordings
from tests.recorded.replay import SUBSCRIPTION, Replay

ALL = recordings()
WITH_RESOURCE = [one for one in ALL if any(each.name == "get" for each in one.exchanges)]


class Bearer:
    """A credential for a server that asks for none."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("no key of anything", int(time.time()) + 3600)


@asynccontextmanager
async def answered(
    recording: Recording, folder: Path, pace: RateLimiter | None = None
) -> AsyncIterator[tuple[ArmSignalR, ResourceId, Replay]]:
    """The adapter on the real SDK, before a server that answers from the recording."""
    pace = pace or RateLimiter(soonest_poll_seconds=0.01)
    async with (
        Replay(recording, folder) as replay,
        SignalRManagementClient(
            Bearer(),
            SUBSCRIPTION,
            base_url=replay.url,
            credential_scopes=["https://management.azure.com/.default"],
            per_call_policies=[SameHost(replay.url)],
            per_retry_policies=[RateLimitPolicy(pace)],
            retry_policy=ArmRetryPolicy(),
        ) as client,
    ):
        adapter = ArmSignalR(
            lambda _: client,
            lambda _: pace,
            key_read=lambda _: None,
            operation_timeout_seconds=20,
            first_poll_seconds=0.01,
        )
        yield adapter, ResourceId.parse(replay.names["resource"]), replay


@pytest.mark.parametrize("recording", ALL, ids=lambda one: one.name)
async def test_a_recorded_regeneration_is_followed_to_its_end_and_its_key_is_read(
    recording: Recording, folder: Path
) -> None:
    async with answered(recording, folder) as (adapter, resource, replay):
        ended = await adapter.regenerate(
            resource, KeyType(recording.slot), permit=await adapter.permit(resource), timeout_seconds=10
        )

    assert Ending.SUCCEEDED is ended.ending
    assert replay.keys[f"new_{recording.slot.lower()}"] == (ended.shown.reveal() if ended.shown else None)


@pytest.mark.parametrize("recording", ALL, ids=lambda one: one.name)
async def test_a_recorded_regeneration_is_asked_for_once(recording: Recording, folder: Path) -> None:
    async with answered(recording, folder) as (adapter, resource, replay):
        await adapter.regenerate(
            resource, KeyType(recording.slot), permit=await adapter.permit(resource), timeout_seconds=10
        )

    assert 1 == sum(path.lower().endswith("/regeneratekey") for _, path, _ in replay.asked)


async def test_an_operation_is_looked_at_soon_once_the_others_have_ended(folder: Path) -> None:
    """Not when the crowd that it began in would have let it."""
    recording, pace = ALL[0], RateLimiter(soonest_poll_seconds=0.01)
    async with answered(recording, folder, pace) as (adapter, resource, replay):
        with ExitStack() as others:
            for _ in range(800):
                others.enter_context(pace.operation())
            permit = await adapter.permit(resource)
            run = asyncio.create_task(
                adapter.regenerate(resource, KeyType(recording.slot), permit=permit, timeout_seconds=30)
            )
            while not replay.asked:  # noqa: ASYNC110 - a list tells nobody that it has grown
                await asyncio.sleep(0.01)
            in_a_crowd = pace.poll_seconds
        ended = await asyncio.wait_for(run, in_a_crowd / 4)

    assert Ending.SUCCEEDED is ended.ending


@pytest.mark.parametrize("recording", ALL, ids=lambda one: one.name)
async def test_recorded_keys_are_read_whatever_their_length(recording: Recording, folder: Path) -> None:
    async with answered(recording, folder) as (adapter, resource, replay):
        pair = await adapter.keys(resource)

    known = {replay.keys["primary"], replay.keys["new_primary"]}
    assert pair.primary.reveal() in known
    assert replay.keys["secondary"] == pair.secondary.reveal()
    assert replay.names["endpoint"] == pair.primary.endpoint


@pytest.mark.parametrize("recording", WITH_RESOURCE, ids=lambda one: one.name)
async def test_a_recorded_resource_is_read(recording: Recording, folder: Path) -> None:
    recorded = next(one for one in recording.exchanges if one.name == "get").body

    async with answered(recording, folder) as (adapter, resource, _):
        found = await adapter.get(resource)

    local_auth_disabled = recorded["properties"].get("disableLocalAuth", False)
    assert ("Succeeded", local_auth_disabled, recorded["tags"]) == (
        found.provisioning_state,
        found.local_auth_disabled,
        found.tags,
    )


async def test_the_signed_query_of_a_poll_url_is_followed_verbatim(folder: Path) -> None:
    """Three kilobytes of it: the certificate's chain is in it nowadays."""
    recording = next(one for one in ALL if one.name == "azure-cli-2024")

    async with answered(recording, folder) as (adapter, resource, replay):
        await adapter.regenerate(resource, KeyType.SECONDARY, permit=await adapter.permit(resource), timeout_seconds=10)

    polls = {query for method, path, query in replay.asked if method == "GET" and "operationStatuses" in path}
    assert {f"api-version=2023-08-01-preview&{replay.names['signature']}"} == polls
