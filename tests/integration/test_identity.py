"""An identity endpoint that does not answer: no call waits for it for long, and a token that is valid is used."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from azure.identity.aio import ManagedIdentityCredential

from shared.adapters.app_identity import AppIdentity
from shared.domain.errors import Unavailable

SCOPE = "https://management.azure.com/.default"
BOUND_SECONDS = 0.3


@dataclass
class Endpoint:
    """The platform's, as App Service documents it. Each token is to be renewed at once."""

    answers: bool = True
    asked: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        """A token that is valid for a day, or no answer."""
        self.asked += 1
        if not self.answers:
            await self.stop.wait()
        valid = int(time.time()) + 86_400
        token = {"access_token": f"token {self.asked}", "expires_on": str(valid), "token_type": "Bearer"}
        return web.json_response(token | {"resource": request.query["resource"], "refresh_in": 0})


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    made, app = Endpoint(), web.Application()
    app.router.add_get("/token", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    yield made
    made.stop.set()
    await runner.cleanup()


@pytest.fixture
async def identity(endpoint: Endpoint) -> AsyncIterator[AppIdentity]:  # noqa: ARG001 - it is found by its variables
    async with AppIdentity(ManagedIdentityCredential(), seconds=BOUND_SECONDS) as made:
        yield made


async def test_a_valid_token_is_used_while_it_cannot_be_renewed(endpoint: Endpoint, identity: AppIdentity) -> None:
    before = await identity.get_token_info(SCOPE)
    endpoint.answers = False
    began = time.monotonic()

    after = [(await identity.get_token_info(SCOPE)).token for _ in range(20)]

    assert {before.token} == set(after)
    assert time.monotonic() - began < 3 * BOUND_SECONDS


async def test_without_a_token_the_call_ends_in_time(endpoint: Endpoint, identity: AppIdentity) -> None:
    endpoint.answers = False
    began = time.monotonic()

    with pytest.raises(Unavailable, match="Managed identity"):
        await identity.get_token_info(SCOPE)

    assert time.monotonic() - began < 3 * BOUND_SECONDS


async def test_a_token_that_arm_rejected_is_not_given_again(endpoint: Endpoint, identity: AppIdentity) -> None:
    """A request with claims is one for another token."""
    await identity.get_token_info(SCOPE)
    endpoint.answers = False

    with pytest.raises(Unavailable):
        await identity.get_token_info(SCOPE, options={"claims": "{}"})
