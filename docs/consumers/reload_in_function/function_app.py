"""A function app that holds the connection string in memory, and reads it again when it is told of a new one.

Subscribe `/api/rotated` (with its key as `?code=`) to the topic, schema CloudEvents 1.0. Only one instance of a
scaled-out app gets each event, so every instance also reads again after a while, and whoever is refused calls
`connection(newest=True)`. While the vault does not answer, or holds what is no connection string, the value in memory
stays in use.
"""  # noqa: INP001 - an app of its own

import asyncio
import hashlib
import logging
import os
import time
from dataclasses import dataclass

import azure.functions as func
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

READ_AGAIN_SECONDS, TRY_AGAIN_SECONDS = 3600.0, 30.0
BOUNDS = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 1}  # the SDK's own are minutes
READING_SECONDS = 15.0  # with the token, which the credential fetches over connections of its own
LOOPBACK = os.environ["KEY_VAULT_URL"].startswith("https://127.0.0.1")

log = logging.getLogger(__name__)
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
one_at_a_time = asyncio.Lock()  # an answer that comes late must not take the place of a newer one


@dataclass
class Held:
    """The connection string in memory, until when it is used as it is, and how the last reading ended."""

    value: str = ""
    until: float = float("-inf")
    ended_of: float = float("-inf")  # when the last reading began that has ended
    failure: Exception | None = None


held = Held()


async def connection(*, newest: bool = False) -> str:
    """The connection string: from memory, or from Key Vault when it is time.

    Raises `AzureError`, `TimeoutError` or `ValueError` with `newest`, and while none was ever read.
    """
    asked = time.monotonic()
    if not newest and _usable():
        return held.value
    async with one_at_a_time:
        if held.ended_of < asked and (newest or not _usable()):  # one begun after the question answers it
            await _read_again()
        if held.failure and (newest or not held.value):
            raise held.failure
        return held.value


async def _read_again() -> None:
    begun = time.monotonic()
    held.until = begun + TRY_AGAIN_SECONDS  # until then no other caller waits for this reading
    try:
        held.value, held.failure = await _read(), None
        held.until = time.monotonic() + READ_AGAIN_SECONDS
    except (AzureError, TimeoutError, ValueError) as error:
        held.failure = error
        log.warning("the secret could not be read, the one in memory stays in use: %s", type(error).__name__)
    held.ended_of = begun


def _usable() -> bool:
    return bool(held.value) and time.monotonic() < held.until


async def _read() -> str:
    url = os.environ["KEY_VAULT_URL"]
    async with (
        asyncio.timeout(READING_SECONDS),
        DefaultAzureCredential() as credential,
        SecretClient(url, credential, verify_challenge_resource=not LOOPBACK, **BOUNDS) as vault,
    ):
        value = (await vault.get_secret(os.environ["SECRET_NAME"])).value or ""
    if not {"endpoint", "accesskey"} <= {name for name, said in _parts(value).items() if said}:
        raise ValueError("the newest version of the secret is no connection string with an access key")
    return value


def _parts(value: str) -> dict[str, str]:
    """What a connection string says. Names are read without regard to case."""
    pairs = (part.partition("=") for part in value.split(";"))
    return {name.strip().lower(): said.strip() for name, _, said in pairs}


@app.route("rotated", methods=["POST", "OPTIONS"])
async def rotated(req: func.HttpRequest) -> func.HttpResponse:
    """Event Grid's webhook. OPTIONS is the handshake: the origin that asks may send."""
    if req.method == "OPTIONS":
        origin = req.headers.get("WebHook-Request-Origin", "")
        return func.HttpResponse(headers={"WebHook-Allowed-Origin": origin})
    if req.get_json()["subject"].lower() == os.environ["SECRET_NAME"].lower():
        await connection(newest=True)
    return func.HttpResponse(status_code=204)


@app.route("fingerprint", methods=["GET"])
async def fingerprint(req: func.HttpRequest) -> func.HttpResponse:
    """Which key is held, named as the events name it."""
    del req  # the platform passes it by name
    key = _parts(await connection())["accesskey"]
    return func.HttpResponse(hashlib.sha256(key.encode()).hexdigest()[:12])
